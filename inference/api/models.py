"""GET /v1/models and /v1/models/{id}: what is deployed, as OpenAI lists it."""

from __future__ import annotations

from typing import Any

import orjson

from inference.api.errors import model_not_found
from inference.routing import ServedModel
from inference.snapshot import Snapshot


def listing(snapshot: Snapshot) -> bytes:
    """All models that are deployed, by name."""
    models = snapshot.routes.models
    return orjson.dumps(
        {"object": "list", "data": [_shown(models[name]) for name in sorted(models)]}
    )


def one(snapshot: Snapshot, name: str) -> bytes:
    """The model `name`; raises `APIError` (404)."""
    model = snapshot.routes.models.get(name)
    if model is None:
        raise model_not_found(name)
    return orjson.dumps(_shown(model))


def _shown(model: ServedModel) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model",
        "created": model.created,
        "owned_by": model.publisher,
    }

"""GET /v1/models and /v1/models/{id}: what the caller may ask for, as OpenAI lists it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from inference.api.errors import model_not_found
from inference.routing import ServedModel


def listing(models: Mapping[str, ServedModel]) -> bytes:
    """All of them, by name."""
    return orjson.dumps(
        {"object": "list", "data": [_shown(models[name]) for name in sorted(models)]}
    )


def one(models: Mapping[str, ServedModel], name: str) -> bytes:
    """The model `name`; raises `APIError` (404)."""
    model = models.get(name)
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

"""POST /v1/embeddings: a JSON value as a checked request, and as the body an engine gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from compliance.vocabulary import Endpoint
from inference.api import asked
from inference.api.asked import Call
from inference.routing import ServedModel

TEXTS_MAX = 2048

Text = Annotated[str, Meta(min_length=1)]


class EmbeddingRequest(Struct, forbid_unknown_fields=True):
    """The body of POST /v1/embeddings. None is what the caller did not say."""

    model: Annotated[str, Meta(min_length=1, max_length=128)]
    input: Text | Annotated[list[Text], Meta(min_length=1, max_length=TEXTS_MAX)]

    # honoured by the gateway
    encoding_format: Literal["float", "base64"] | None = None
    user: Annotated[str, Meta(max_length=256)] | None = None
    safety_identifier: Annotated[str, Meta(max_length=256)] | None = None
    service_tier: Literal["auto", "default", "flex"] | None = None

    # neutral values only
    dimensions: None = None


def embedding_call(value: Any, models: Mapping[str, ServedModel]) -> Call:
    """Check the body of a request for vectors; raises `APIError` (400, 404)."""
    request = asked.read(value, EmbeddingRequest)
    model = asked.served(request.model, Endpoint.EMBEDDINGS, models)
    return Call(
        endpoint=Endpoint.EMBEDDINGS,
        model=model,
        body={"model": model.name, "input": request.input},
        persons=asked.named(request.user, request.safety_identifier),
        request_class=asked.class_of(request.service_tier),
        floats=request.encoding_format != "base64",
    )

"""POST /v1/completions: a JSON value as a checked request, and as the body an engine gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from compliance.vocabulary import Endpoint
from inference.api import asked
from inference.api.asked import Call
from inference.api.errors import invalid
from inference.api.schema import (
    CHOICES_MAX,
    STOPS_MAX,
    Penalty,
    Stop,
    StreamOptions,
    Tokens,
)
from inference.routing import ServedModel

ANSWERS_MAX = 16  # prompts, times the choices of each
LOGPROBS_MAX = 5
TOKENS = 16  # of an answer whose length the caller does not bound; OpenAI's default

Prompt = Annotated[str, Meta(min_length=1)]


class CompletionRequest(Struct, forbid_unknown_fields=True):
    """The body of POST /v1/completions. None is what the caller did not say."""

    model: Annotated[str, Meta(min_length=1, max_length=128)]
    prompt: Prompt | Annotated[list[Prompt], Meta(min_length=1, max_length=ANSWERS_MAX)]

    # honoured by the engine
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    max_tokens: Tokens | None = None
    stop: Stop | Annotated[list[Stop], Meta(max_length=STOPS_MAX)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    n: Annotated[int, Meta(ge=1, le=CHOICES_MAX)] | None = None
    logprobs: Annotated[int, Meta(ge=0, le=LOGPROBS_MAX)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None

    # honoured by the gateway
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: Annotated[str, Meta(max_length=256)] | None = None
    safety_identifier: Annotated[str, Meta(max_length=256)] | None = None
    service_tier: Literal["auto", "default", "flex"] | None = None

    # neutral values only
    suffix: None = None
    echo: Literal[False] | None = None
    best_of: Literal[1] | None = None
    logit_bias: Annotated[dict[str, float], Meta(max_length=0)] | None = None


def completion_call(value: Any, models: Mapping[str, ServedModel]) -> Call:
    """Check a completion's body; raises `APIError` (400, 404)."""
    request = asked.read(value, CompletionRequest)
    model = asked.served(request.model, Endpoint.COMPLETIONS, models)
    limit = asked.checked_limit(request.max_tokens, "max_tokens", model) or TOKENS
    prompts = 1 if isinstance(request.prompt, str) else len(request.prompt)
    answers = prompts * (request.n or 1)
    if answers > ANSWERS_MAX:
        raise invalid(
            f"n: {prompts} prompts with {request.n} choices each are more than "
            f"{ANSWERS_MAX} answers; send fewer at once.",
            "n",
        )
    return Call(
        endpoint=Endpoint.COMPLETIONS,
        model=model,
        body=_body(request, model, min(limit, model.context_length)),
        stream=bool(request.stream),
        include_usage=asked.includes_usage(request.stream_options, request.stream),
        persons=asked.named(request.user, request.safety_identifier),
        answer_tokens=limit * answers,
        request_class=asked.class_of(request.service_tier),
    )


def _body(request: CompletionRequest, model: ServedModel, limit: int) -> dict[str, Any]:
    given = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": request.stop or None,
        "seed": request.seed,
        "n": request.n if request.n != 1 else None,
        "logprobs": request.logprobs,
        "presence_penalty": request.presence_penalty or None,
        "frequency_penalty": request.frequency_penalty or None,
    }
    return {
        "model": model.name,
        "prompt": request.prompt,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": limit,
        **{name: value for name, value in given.items() if value is not None},
    }

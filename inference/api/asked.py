"""A checked call of an endpoint, and what is wrong with one that is refused.

Every refusal names the parameter. What a schema cannot say is checked by each endpoint's own
module: `protocol` for chat, `completions`, `embeddings`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from compliance.vocabulary import Endpoint, RequestClass
from inference.api.errors import APIError, invalid, model_not_found
from inference.api.schema import StreamOptions
from inference.routing import ServedModel

SHOWN_MAX = 100  # characters of a caller's text that an error repeats

RequestT = TypeVar("RequestT")


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a model that may be asked for.

    `body` is what the engine gets: text is always streamed, since the relay carries chunks;
    `stream` is what the caller asked for. `persons` are whom the caller says the request is
    about. `answer_tokens` bounds the answer's length, all choices together; None: the caller
    set none. `floats` says that vectors are wanted as numbers and not in base64.
    """

    endpoint: Endpoint
    model: ServedModel
    body: Mapping[str, Any]
    stream: bool = False
    include_usage: bool = False
    persons: tuple[str, ...] = ()
    answer_tokens: int | None = None
    request_class: RequestClass = RequestClass.INTERACTIVE
    floats: bool = True


def read(value: Any, kind: type[RequestT]) -> RequestT:
    """The value as that request's schema has it; raises `APIError` (400)."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), value) from None


def served(name: str, endpoint: Endpoint, models: Mapping[str, ServedModel]) -> ServedModel:
    """The model of that name, if it is for that endpoint; raises `APIError` (400, 404)."""
    model = models.get(name)
    if model is None:
        raise model_not_found(name)
    if (model.task == "embeddings") != (endpoint is Endpoint.EMBEDDINGS):
        does = "makes vectors of texts" if model.task == "embeddings" else "writes text"
        raise invalid(
            f"model: {name} {does}; it is not for this endpoint.", "model", "unsupported_model"
        )
    return model


def checked_limit(limit: int | None, name: str, model: ServedModel) -> int | None:
    """The bound on an answer's tokens, given as `name`; raises `APIError` (400)."""
    if limit is not None and limit > model.context_length:
        raise invalid(
            f"{name}: {limit} is more than the {model.context_length} tokens that "
            f"{model.name} holds, prompt and answer together.",
            name,
        )
    return limit


def includes_usage(options: StreamOptions | None, stream: bool | None) -> bool:
    """Whether the stream is to end with a count of tokens; raises `APIError` (400)."""
    if options is not None and not stream:
        raise invalid("stream_options: only allowed where stream is true.", "stream_options")
    return bool(options and options.include_usage)


def named(*persons: str | None) -> tuple[str, ...]:
    """Whom the caller says a request is about, each once."""
    return tuple(dict.fromkeys(person for person in persons if person))


def class_of(service_tier: str | None) -> RequestClass:
    """Whether somebody waits for the answer."""
    return RequestClass.BATCH if service_tier == "flex" else RequestClass.INTERACTIVE


# --- What is wrong with a value that a schema refused -------------------------------------

_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<name>.*)`$", re.DOTALL)
_TOKENS = re.compile(r"^(?:prompt|input)(?:\[\d+\])?\Z")


def _refusal(problem: str, value: Any) -> APIError:
    """A msgspec message (`Expected … - at `$.path``) as an error that names the parameter."""
    if not isinstance(value, dict):
        return invalid("The body must be a JSON object.")
    match = _PLACE.match(problem)
    assert match is not None  # noqa: S101 - the pattern matches every text
    what, path = match["what"], (match["path"] or "").lstrip(".")
    if unknown := _UNKNOWN.match(what):
        path = _joined(path, unknown["name"][:SHOWN_MAX])
        return invalid(f"{path}: unknown parameter.", path, "unknown_parameter")
    if missing := _MISSING.match(what):
        path = _joined(path, missing["name"])
        return invalid(f"{path}: required.", path, "missing_required_parameter")
    if unsupported := _unsupported(path, what):
        return invalid(f"{path}: {unsupported}.", path, "unsupported_value")
    return invalid(f"{path}: {what[0].lower()}{what[1:][:SHOWN_MAX]}.", path or None)


def _unsupported(path: str, what: str) -> str:
    """Why what is right in OpenAI's schema cannot be had here; empty where it is wrong."""
    if path.endswith(".type") and "content[" in path:
        return "models here read text parts only"
    if _TOKENS.match(path) and what.endswith(("got `int`", "got `array`")):
        return "send text and no token numbers, which cannot be checked for personal data"
    if path in _NEUTRAL:
        return f"cannot be honoured here; leave it out or send {_NEUTRAL[path]}"
    return ""


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_NEUTRAL: Mapping[str, str] = {
    "store": "false",
    "service_tier": '"auto"',
    "logit_bias": "{}",
    "modalities": '["text"]',
    "modalities[0]": '["text"]',
    "verbosity": '"medium"',
    "reasoning_effort": "null",
    "prediction": "null",
    "audio": "null",
    "web_search_options": "null",
    "functions": "null",
    "function_call": "null",
    "stream_options.include_obfuscation": "false",
    "suffix": "null",
    "echo": "false",
    "best_of": "1",
    "dimensions": "null",
}
"""Parameters that no engine here honours, and the value that asks for nothing."""

"""What a refusal by vLLM means to the caller, in words that quote nothing of the request.

Of vLLM's own words (0.32) no more is told than they prove: many of its refusals name no
parameter, and its messages may quote prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from inference.engines.answers import Answered
from inference.engines.base import EngineError, EngineFailed, EngineRefused

_BAD_REQUEST = range(400, 500)
_TEXTS = ("messages", "prompt", "input")
_SCHEMAS = ("response_format", "tools")
_TOO_LONG = frozenset({"input_tokens", "input_text", "max_tokens", "max_completion_tokens"})
_NO_GRAMMAR = (  # how what is said begins where an answer cannot be kept to a schema
    "Grammar error",
    "Invalid grammar",
    "Invalid JSON grammar",
    "Invalid structural tag",
    "Failed to transform",
    "The provided JSON schema",
    "The JSON schema",
    "structured_outputs.regex",
)


class _Error(msgspec.Struct):
    message: str = ""
    param: str | None = None


class _Said(msgspec.Struct):
    error: _Error


_decode = msgspec.json.Decoder(_Said).decode


def refusal(answered: Answered, asked: Mapping[str, Any], context: int) -> EngineError:
    """The error that `answered` is to whoever `asked`; the model takes `context` tokens."""
    if answered.status not in _BAD_REQUEST:
        return EngineFailed(
            f"The engine gave up on this request, with status {answered.status}."
        )
    try:
        said = _decode(answered.body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = _Error()
    where = next(name for name in _TEXTS if name in asked)
    named, model = (said.param or "").partition(".")[0], asked["model"]
    if named in _TOO_LONG:
        return EngineRefused(
            where,
            f"What is in `{where}` is longer than the {context} tokens that {model} takes, "
            "prompt and answer together.",
        )
    schemas = [name for name in _SCHEMAS if name in asked]
    if named in schemas or (schemas and said.message.startswith(_NO_GRAMMAR)):
        found = [named] if named in schemas else schemas
        listed = " or ".join(f"`{name}`" for name in found)
        return EngineRefused(
            found[0], f"The engine cannot use the schema in {listed}; simplify it."
        )
    if named in asked and named != where:
        return EngineRefused(named, f"The engine does not take this value of `{named}`.")
    return EngineRefused(
        where,
        f"The engine does not take this request: {model} cannot be given what is in `{where}`, "
        "or not together with the other parameters.",
    )

"""The texts of a request and of its answer, for people: who speaks, where, and what.

Of every endpoint: chat has messages, completions prompts and texts, embeddings texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Spoken(NamedTuple):
    """One text; `pointer` is its place in the request's body (RFC 6901), empty in an answer."""

    role: str
    pointer: str
    text: str


def asked(body: Mapping[str, Any]) -> Iterator[Spoken]:
    """The texts of a request, in their order."""
    for index, message in enumerate(body.get("messages", ())):
        if isinstance(message.get("content"), str):
            yield Spoken(
                str(message.get("role", "")), f"/messages/{index}/content", message["content"]
            )
    for name in ("prompt", "input"):
        given = body.get(name)
        if isinstance(given, str):
            yield Spoken(name, f"/{name}", given)
        elif isinstance(given, list):
            for index, text in enumerate(given):
                yield Spoken(f"{name} {index + 1}", f"/{name}/{index}", str(text))


def answered(choices: Sequence[Mapping[str, Any]]) -> Iterator[Spoken]:
    """The texts of an answer, a choice after the other, each after its reasoning."""
    for choice in choices:
        message = choice.get("message", {})
        role = str(message.get("role", "")) or f"text {choice.get('index', 0) + 1}"
        for said, text in (
            (f"{role}, reasoning", message.get("reasoning_content")),
            (role, message.get("content", choice.get("text"))),
        ):
            if isinstance(text, str):
                yield Spoken(said, "", text)

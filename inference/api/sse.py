"""Server-sent events, as OpenAI streams them (WHATWG HTML, 9.2)."""

from __future__ import annotations

from collections.abc import Iterable

DONE = b"data: [DONE]\n\n"


def events(contents: Iterable[bytes]) -> bytes:
    """One event per JSON text; JSON from orjson holds no line feed, so each is one line."""
    return b"".join(b"data: %b\n\n" % content for content in contents)

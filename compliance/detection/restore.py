"""Pseudonyms back to values, in a stream: as many chunks out as came in.

A token that a model writes may be split over chunks at any place. `Restorer` holds back only
what could still become a known token, hence never more than the longest token less one
character; everything else leaves with the chunk it came in. What looks like a token but is
not one of this request's stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import regex


class Restorer:
    """Restores one stream of text. One per choice and member of an answer; not thread-safe.

    With `json_escaped` the stream is the inside of JSON text, as in the arguments of a tool
    call, and values are escaped as a JSON string is.
    """

    def __init__(self, pseudonyms: Mapping[str, str], *, json_escaped: bool = False) -> None:
        self._values = {
            token: _escaped(value) if json_escaped else value
            for token, value in pseudonyms.items()
        }
        self._prefixes = frozenset(
            token[:length] for token in pseudonyms for length in range(1, len(token))
        )
        self._longest = max(map(len, pseudonyms), default=0)
        self._pattern = regex.compile(r"\L<tokens>", tokens=list(pseudonyms))
        self._held = ""

    @property
    def held(self) -> int:
        """Characters now held back; below the length of the longest token."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """What can leave now that `text` has come; possibly nothing."""
        if not self._values:
            return text
        text = self._held + text
        cut = self._open_token(text)
        self._held = text[cut:]
        return self._restored(text[:cut])

    def finish(self) -> str:
        """What was still held back; the stream may then start anew."""
        rest, self._held = self._held, ""
        return self._restored(rest)

    def _open_token(self, text: str) -> int:
        """Where a token begins that only later chunks can complete; the text's length if none.

        Tokens begin with '[' and hold no other, so only the last '[' can be open.
        """
        start = text.rfind("[", max(0, len(text) - self._longest + 1))
        return start if start >= 0 and text[start:] in self._prefixes else len(text)

    def _restored(self, text: str) -> str:
        if "[" not in text:
            return text
        return self._pattern.sub(lambda match: self._values[match[0]], text)


def restore(text: str, pseudonyms: Mapping[str, str], *, json_escaped: bool = False) -> str:
    """A whole text with every known token put back."""
    restorer = Restorer(pseudonyms, json_escaped=json_escaped)
    return restorer.feed(text) + restorer.finish()


def _escaped(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]

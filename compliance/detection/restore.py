"""Pseudonyms back to values, in a stream: as many chunks out as came in.

A pseudonym that a model writes may be split over chunks at any place. `Restorer` holds back
only what could still become a known one; everything else leaves with the chunk it came in. A
token is known by its brackets, a name as a whole word, so that it waits for what stands behind
it. What looks like a pseudonym but is not one of this request's stays as it is.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping

import regex

from compliance.detection.surrogates.surrogates import ADDRESS, WORD

_BRACKETS = r"(?<token>\[[A-Z][A-Z0-9_]{0,62}_[1-9][0-9]{0,8}\])|(?<open>\[)"
_NAME = rf"(?<address>{ADDRESS})|(?<word>{WORD}++)"
_ESCAPE = r"(?<escape>\\(?:u[0-9a-fA-F]{4}|[^u]))|(?<part>\\(?:u[0-9a-fA-F]{0,3})?$)"
_TOKENS = regex.compile(_BRACKETS)
_NAMES = regex.compile(f"{_BRACKETS}|{_NAME}")
_NAMES_IN_JSON = regex.compile(f"{_BRACKETS}|{_ESCAPE}|{_NAME}")
_WORD = regex.compile(f"{WORD}++")


class Restorer:
    """Restores one stream of text. One per choice and member of an answer; not thread-safe.

    With `json_escaped` the stream is the inside of JSON text, as in the arguments of a tool
    call, and values are escaped as a JSON string is.
    """

    def __init__(self, pseudonyms: Mapping[str, str], *, json_escaped: bool = False) -> None:
        self._values = {
            pseudonym: _escaped(value) if json_escaped else value
            for pseudonym, value in pseudonyms.items()
        }
        self._known = sorted(pseudonyms)
        self._longest = max(map(len, pseudonyms), default=0)
        self._pattern = _TOKENS
        if any(not pseudonym.startswith("[") for pseudonym in pseudonyms):
            self._pattern = _NAMES_IN_JSON if json_escaped else _NAMES
        self._held = ""
        self._in_word = False  # whether a word went out that may go on

    @property
    def held(self) -> int:
        """Characters now held back; at most as many as the longest pseudonym has, or 6."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """What can leave now that `text` has come; possibly nothing."""
        return self._restored(text, ends=False) if self._values else text

    def finish(self) -> str:
        """What was still held back; the stream may then start anew."""
        rest = self._restored("", ends=True)
        self._in_word = False
        return rest

    def _restored(self, text: str, *, ends: bool) -> str:
        text, self._held = self._held + text, ""
        at = 0
        if self._in_word and text:
            rest = _WORD.match(text)
            at = rest.end() if rest else 0
            self._in_word = at == len(text)
        pieces = [text[:at]]
        for found in self._pattern.finditer(text, at):
            start, end = found.span()
            pieces.append(text[at:start])
            at = start
            if not ends and self._may_go_on(found.lastgroup, text, start):
                self._held = text[start:]
                return "".join(pieces)
            pieces.append(self._value(found))
            at = end
            self._in_word = found.lastgroup in ("word", "address") and end == len(text)
        pieces.append(text[at:])
        return "".join(pieces)

    def _may_go_on(self, kind: str | None, text: str, start: int) -> bool:
        """Whether what begins here could, with what follows, be a known pseudonym."""
        if kind in ("token", "escape"):
            return False
        if kind == "part":
            return True
        if len(text) - start > self._longest:
            return False
        begun = text[start:]
        at = bisect_left(self._known, begun)
        return at < len(self._known) and self._known[at].startswith(begun)

    def _value(self, found: regex.Match[str]) -> str:
        written = found[0]
        value = self._values.get(written)
        if value is None and found.lastgroup == "address":  # its words may be known
            return _WORD.sub(lambda word: self._values.get(word[0], word[0]), written)
        return written if value is None else value


def restore(text: str, pseudonyms: Mapping[str, str], *, json_escaped: bool = False) -> str:
    """A whole text with every known pseudonym put back."""
    restorer = Restorer(pseudonyms, json_escaped=json_escaped)
    return restorer.feed(text) + restorer.finish()


def _escaped(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]

"""An answer on its way out: what in it is new, and how much of it is held back.

A value that stands in the request is its caller's own, whatever became of it on the way to the
model. Anything else that is found in the answer came from the model, or from someone else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import regex

from compliance.detection.pseudonyms import mask
from compliance.vocabulary import Finding

CONTEXT = 128  # characters that went out already and are looked at again with what follows
HELD_MAX = 1_024  # characters that are held back at most, at no boundary
VALUE_MAX = 8_192  # characters of a value, of a private key say, that are known to be its own
SHORT = 3  # characters up to which a part of a name says nothing
_STEM, _ENDING = 5, 3  # characters: "Novákovi" is "Novák", "Marina" is not "Maria"
_TAIL = 128  # characters that stay back where a text has no boundary: a value may go on
_AGAIN = 64  # characters more from which a text that could not go on is looked at again
_BOUNDARY = regex.compile(r"[.!?;:…][^\s\w]*+\s|\n")
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]++")


class Sent:
    """The values that a request holds, as its caller wrote them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = texts

    def read(self) -> None:
        """Read the request; else the first question does. Its time grows with the text."""
        _ = self._stems, self._signless

    def holds(self, value: str) -> bool:
        """Whether the value, or each of its words that says something, stands in the request.

        Signs and spaces between its letters and digits do not count, nor does their case, nor
        does how a word of a name is inflected.
        """
        words = _words(value)
        if not words:
            return False
        if any(map(str.isdigit, value)):
            return "".join(words) in self._signless
        telling = [word for word in words if len(word) > SHORT] or words
        return all(self._knows(word) for word in telling)

    def _knows(self, word: str) -> bool:
        """Whether a word stands there, if with another ending; a short stem says nothing."""
        least = max(_STEM - 1, len(word) - _ENDING)
        whole = (word, *(word[:end] for end in range(least, len(word))))
        return not (self._known.isdisjoint(whole) and self._stems.isdisjoint(_stems(word)))

    @cached_property
    def _listed(self) -> list[str]:
        return _words("\n".join(self._texts))

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self._listed)

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(stem for word in self._known for stem in _stems(word))

    @cached_property
    def _signless(self) -> str:
        return "".join(self._listed)


def _stems(word: str) -> list[str]:
    """What a word may begin with whatever its case is; none of a short one."""
    return [word[:end] for end in range(max(_STEM, len(word) - 2), len(word))]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


@dataclass(frozen=True, slots=True)
class Look:
    """What to look at now: `text`, of which the first `start` characters went out already.

    At most the text up to `cut` may go out.
    """

    text: str
    start: int
    cut: int


class Window:
    """One text of an answer as it comes: what is not sent yet, and what went before it."""

    def __init__(self) -> None:
        self._before = ""
        self._held = ""
        self._seen = 0  # characters held when they were looked at last
        self._inside = False  # whether what went out last ended inside of what was masked

    @property
    def held(self) -> int:
        """How many characters wait."""
        return len(self._held)

    def add(self, text: str) -> None:
        """More of the text."""
        self._held += text

    def look(self, *, ends: bool) -> Look | None:
        """What to look at now; None where nothing may go out yet. `ends`: nothing follows."""
        grown = len(self._held) - self._seen
        cut = len(self._held) if ends else self._boundary()
        if cut == 0 or (self._seen and grown < _AGAIN and not ends):
            return None
        start = len(self._before)
        return Look(self._before + self._held, start, start + cut)

    def release(
        self, look: Look, changed: Sequence[Finding], *, ends: bool
    ) -> tuple[str, list[str]]:
        """What goes out now, and the entities that were masked in it.

        `changed` are the findings of `look` that must not go out, sorted.

        What a finding that could go on covers stays back, as long as no more than `HELD_MAX`
        is held.
        """
        cut, inside = look.cut, self._inside
        if not ends:
            cut = _before_what_may_go_on(look, changed)
            if cut <= look.start:
                if self.held < HELD_MAX:
                    self._seen = self.held
                    return "", []
                cut = look.cut
        self._inside = False
        kept = CONTEXT
        pieces: list[str] = []
        masked: list[str] = []
        position = look.start
        for finding in changed:
            if finding.end <= position or finding.start >= cut:
                continue
            pieces.append(look.text[position : finding.start])  # empty where that went out
            if finding.start >= look.start or not inside:
                pieces.append(mask(finding.entity))
                masked.append(finding.entity)
            position = min(finding.end, cut)
            self._inside = finding.end > cut
            if self._inside:
                kept = max(kept, min(VALUE_MAX, cut - finding.start))
        pieces.append(look.text[position:cut])
        out = look.text[:cut]
        self._before, self._held, self._seen = out[-kept:], look.text[cut:], 0
        return "".join(pieces), masked

    def _boundary(self) -> int:
        """Behind the last sentence or line that has ended; or what is long enough without."""
        last = 0
        for found in _BOUNDARY.finditer(self._held):
            last = found.end()
        if last == 0 and len(self._held) > _TAIL * 2:
            space = self._held.rfind(" ", 0, len(self._held) - _TAIL)
            last = space + 1 if space >= 0 else len(self._held) - _TAIL
        return last


def _before_what_may_go_on(look: Look, changed: Sequence[Finding]) -> int:
    """The place up to which no finding is cut in two, nor ends where more may follow."""
    cut = look.cut
    for finding in reversed(changed):
        if finding.end > cut or (finding.end == cut == len(look.text)):
            cut = min(cut, finding.start)
    return cut

"""Values of lists in a text: as whole words, in any case, with any blanks between them.

A list may have a thousand values, which as one expression takes a tenth of a second to compile.
As a tree of words, divided only where a text leads, it takes a millisecond; and all lists are
looked for in one pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

OfT = TypeVar("OfT")

_PART = re.compile(r"[^\W_]+|[\s_]+|[^\w\s]")
"""A word, blanks (an underscore is one: `code_name`), or a sign."""


class _Node(Generic[OfT]):
    """Values that begin with the same parts."""

    __slots__ = ("_ends", "_then", "_whole")

    def __init__(self) -> None:
        self._whole: list[tuple[str, int, OfT]] = []  # each with where its next part begins
        self._then: dict[str, _Node[OfT]] = {}
        self._ends: list[OfT] = []

    def put(self, value: str, at: int, of: OfT) -> None:
        """Let a value be among them, of which the parts before `at` led here."""
        self._whole.append((value, at, of))

    def divided(self) -> tuple[dict[str, _Node[OfT]], list[OfT]]:
        """Those that go on, by their next part; and whose values end here."""
        for value, at, of in self._whole:
            part = _PART.match(value, at)
            if part is None:
                self._ends.append(of)
            else:
                self._then.setdefault(_folded(part[0]), _Node()).put(value, part.end(), of)
        self._whole = []
        return self._then, self._ends


class Listed(Generic[OfT]):
    """Values, each with whose it is; the same value may be several's."""

    def __init__(self, values: Iterable[tuple[str, OfT]]) -> None:
        root: _Node[OfT] = _Node()
        for value, of in values:
            root.put(value, 0, of)
        self._first, _ = root.divided()

    def __bool__(self) -> bool:
        return bool(self._first)

    def find(
        self, text: str, start: int = 0, end: int | None = None
    ) -> Iterator[tuple[int, int, OfT]]:
        """Where values stand between two places of a text, by their start.

        Of one owner's values that begin at the same place the longest is told.
        """
        last = len(text) if end is None else end
        for first in _PART.finditer(text, start, last) if self._first else ():
            node = self._first.get(_folded(first[0]))
            if node is None or is_inside_word(text, first.start()):
                continue
            for of, stop in _longest(node, text, first.end(), last).items():
                yield first.start(), stop, of


def _longest(node: _Node[OfT] | None, text: str, at: int, last: int) -> dict[OfT, int]:
    """Where the longest values of a node end in a text, by whose they are."""
    longest: dict[OfT, int] = {}
    while node is not None:
        then, ends = node.divided()
        if ends and not is_inside_word(text, at):
            longest.update(dict.fromkeys(ends, at))
        part = _PART.match(text, at, last) if then else None
        node = then.get(_folded(part[0])) if part else None
        at = part.end() if part else at
    return longest


def is_inside_word(text: str, place: int) -> bool:
    """Whether letters or digits stand on both sides of a place."""
    return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()


def _folded(part: str) -> str:
    return " " if part[0].isspace() or part[0] == "_" else part.casefold()

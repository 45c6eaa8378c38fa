"""Of values near a word the one that it tells of."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from compliance.detection.matching.words import Said

Beside = tuple[tuple[int, int], int, Said]
"""A value's `[start, end)`, how far its word is, and the word."""

_AND = re.compile(r"[,;]?\s(?:[^\W\d_]{1,3}\s|[&/]\s)?")
"""What joins the values of one list: a sign with a space behind it, a short word."""
_SENTENCE = re.compile(r"[.!?]\s")


def next_to(found: Iterable[Beside], text: str) -> Iterator[Beside]:
    """Of each word the first value behind it, with those listed behind that one.

    And the last value before the word, if no sentence ends between them.
    """
    of: dict[Said, list[Beside]] = defaultdict(list)
    for one in found:
        of[one[2]].append(one)
    for word, several in of.items():
        last = -1
        before: Beside | None = None
        for one in sorted(several, key=lambda one: one[0]):
            start, end = one[0]
            if start < word.start:
                before = one
            elif last < 0 or _AND.fullmatch(text, last, start):
                yield one
                last = end
        if before and not _SENTENCE.search(text, before[0][1], word.start):
            yield before

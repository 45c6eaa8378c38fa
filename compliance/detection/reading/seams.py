"""Values that begin in one message and go on in another.

Each text of a request is looked at by itself, and remembered by itself. A value whose parts
stand in two messages is in neither: so the end of one and the beginning of the next are also
looked at together, where both could be parts of one value. What a model said between two
messages of a person does not part them either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from compliance.detection.reading.view import GAP
from compliance.vocabulary import Finding

BEFORE, BEHIND = 80, 60  # characters of the texts on either side
WITHIN = 40  # characters of a text that may stand between as a whole: "0044 0532"
TEXTS = 5  # that one value may be split over

_OPEN = re.compile(r"(?:[\w@+\-/(]|\b[\w.\-]+@[\w.\-]*\.)\s{0,3}$")
_GOES_ON = re.compile(r"\s{0,3}[\w@+\-./)]")
_LAST = re.compile(r"\S{0,40}\s{0,3}$")
_FIRST = re.compile(r"\s{0,3}\S{0,40}")
_OF_NUMBER = re.compile(r"[0-9@]")
_CUT_WORD = re.compile(r"[^\W\d_]$")
_REST_OF_WORD = re.compile(r"[^\W\d_]")
_WHOLE = re.compile(r"\s{0,3}[\w@+\-./()][\w@+\-./() ]*")


@dataclass(frozen=True, slots=True)
class _Piece:
    """`[start, end)` of a seam's text is what text `index` holds from `place` on."""

    start: int
    end: int
    index: int
    place: int


@dataclass(frozen=True, slots=True)
class Seam:
    """The end of one text and the beginning of another, as one text."""

    text: str = field(repr=False)
    _pieces: tuple[_Piece, ...] = field(repr=False)

    def pieces(self, findings: Sequence[Finding]) -> list[Finding]:
        """Of findings in `text` those that go over a seam, as a finding in each text.

        `segment` is the index among the texts that `seams` was given; offsets are that text's.
        They are sorted; equal ones are one.
        """
        found: dict[tuple[int, int, int, str], Finding] = {}
        for finding in findings:
            parts = list(self._parts(finding))
            if len(parts) > 1:
                found.update(
                    ((part.segment, part.start, part.end, part.entity), part) for part in parts
                )
        return [found[key] for key in sorted(found)]

    def _parts(self, finding: Finding) -> Iterator[Finding]:
        for piece in self._pieces:
            start, end = max(finding.start, piece.start), min(finding.end, piece.end)
            while start < end and self.text[start].isspace():
                start += 1
            while start < end and self.text[end - 1].isspace():
                end -= 1
            if start < end:
                first, last = piece.place + start - piece.start, piece.place + end - piece.start
                yield replace(finding, segment=piece.index, start=first, end=last)


def seams(texts: Sequence[str]) -> list[Seam]:
    """Where a value may go on from one text in another; few requests have any.

    `texts` are the contents of the messages in their order. Two that have another between
    them count as neighbours too. Linear in the number of texts, whatever their length.
    """
    made = []
    for first in range(len(texts)):
        chain = [first]
        while len(chain) < TEXTS and chain[-1] + 1 < len(texts):
            following = chain[-1] + 1
            if not _may_go_on(texts[chain[-1]], texts[following]):
                break
            chain.append(following)
            if not _is_within(texts[following]):
                break
        if len(chain) > 1:
            made.append(_seam(texts, chain))
        over = first + 2
        if over < len(texts) and _may_go_on(texts[first], texts[over]):
            made.append(_seam(texts, [first, over]))
    return made


def _may_go_on(text: str, other: str) -> bool:
    """Whether one text ends and another begins as parts of one value would."""
    end, begin = text[-BEFORE:], other[:BEHIND]
    if not _OPEN.search(end) or not _GOES_ON.match(begin):
        return False
    last, first = _LAST.search(end), _FIRST.match(begin)
    if _OF_NUMBER.search((last[0] if last else "") + (first[0] if first else "")):
        return True
    return bool(_CUT_WORD.search(end) and _REST_OF_WORD.match(begin) and begin[0].islower())


def _is_within(text: str) -> bool:
    """Whether a text can be the middle of a value as a whole."""
    return len(text) <= WITHIN and bool(_WHOLE.fullmatch(text) and _OF_NUMBER.search(text))


def _seam(texts: Sequence[str], chain: Sequence[int]) -> Seam:
    """The texts of a chain next to each other, and once more with spaces between them."""
    parts: list[str] = []
    pieces: list[_Piece] = []
    length = 0

    def put(text: str, index: int | None = None, place: int = 0) -> None:
        nonlocal length
        if index is not None:
            pieces.append(_Piece(length, length + len(text), index, place))
        parts.append(text)
        length += len(text)

    for between in ("", " "):
        if between:
            put(GAP)
        for index in chain:
            if index != chain[0]:
                put(between)
            place = max(0, len(texts[index]) - BEFORE) if index == chain[0] else 0
            end = place + BEHIND if index == chain[-1] else len(texts[index])
            put(texts[index][place:end], index, place)
    return Seam("".join(parts), tuple(pieces))

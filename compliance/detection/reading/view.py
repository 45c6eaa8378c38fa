"""One way to read a text, with the way back to where everything stands in the original.

A view is made of another by `Edit`s: `edited` keeps what lies between them, `excerpt` only what
is near them. Every view knows the one that it was made of, so a span goes back step by step and
nothing has to be composed. Offsets are Unicode code points.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

BEFORE = 80
"""Code points kept before what an excerpt changes: as far as a context word counts."""
AFTER = 30
"""And behind it."""

PLAIN = "plain"

GAP = "\n\x00\n"
"""Stands in an excerpt for what was left out, so that nothing is found across the place."""


class Trust(StrEnum):
    """What a finding in a view must be to count: a guess about the text was made for it."""

    FULL = "full"  # read like the text itself
    WORD = "word"  # a value that is certain by itself, or stands beside a word for it; no names
    CERTAIN = "certain"  # a value that is certain by itself


@dataclass(frozen=True, slots=True)
class Edit:
    """`text` stands in a view for `[start, end)` of what the view was made of.

    With `reverse` it is those characters from the last to the first; `text` is not used.
    """

    start: int
    end: int
    text: str = ""
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class _Pieces:
    """What a view's text is made of: sorted pieces `[starts[i], starts[i + 1])`, none empty.

    Piece i comes from `[froms[i], tos[i])` of the text above: character by character where
    `steps[i]` is 1, from the last to the first where it is -1, as a whole where it is 0.
    """

    starts: list[int] = field(default_factory=list)
    froms: list[int] = field(default_factory=list)
    tos: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def add(self, start: int, came_from: int, to: int, step: int) -> None:
        self.starts.append(start)
        self.froms.append(came_from)
        self.tos.append(to)
        self.steps.append(step)

    def index(self, position: int) -> int:
        """The piece that a character is of."""
        return bisect_right(self.starts, position) - 1

    def place(self, position: int) -> tuple[int, int]:
        """Where the character at a position came from."""
        piece = self.index(position)
        into = position - self.starts[piece]
        step = self.steps[piece]
        if step == 1:
            return self.froms[piece] + into, self.froms[piece] + into + 1
        if step == -1:
            return self.tos[piece] - into - 1, self.tos[piece] - into
        return self.froms[piece], self.tos[piece]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A text to look at, and the way back.

    `how` says how it was made, in one word; the whole text, normalised, is "plain".
    """

    text: str = field(repr=False)
    how: str = PLAIN
    trust: Trust = Trust.FULL
    _above: View | None = field(default=None, repr=False)
    _pieces: _Pieces | None = field(default=None, repr=False)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where `[start, end)` of this text stands in the original: inside it, never empty.

        Raises `ValueError` where `[start, end)` is empty or not inside this text.
        """
        if not 0 <= start < end <= len(self.text):
            raise ValueError(f"a view of {len(self.text)} characters has no [{start}, {end})")
        if self._above is None:
            return start, end
        if self._pieces is not None:
            first, last = self._pieces.place(start), self._pieces.place(end - 1)
            start, end = min(first[0], last[0]), max(first[1], last[1])
            if start == end:  # a character that was put in, from nowhere
                start = min(start, len(self._above.text) - 1)
                end = start + 1
        return self._above.span(start, end)

    def is_new(self, start: int, end: int) -> bool:
        """Whether `[start, end)` holds or touches a change; any other is in the first view too.

        An excerpt is cut out anywhere, through values too: what is found in it counts only
        where this is true.
        """
        if self._pieces is None or self.how == PLAIN:
            return True
        first = self._pieces.index(
            max(0, start - 1)
        )  # a neighbour that changed made it a value
        last = self._pieces.index(min(end, len(self.text) - 1))
        return first != last or self._pieces.steps[first] != 1

    def translated(self, text: str) -> View:
        """This view with other characters, one for each."""
        if text == self.text:
            return self
        if len(text) != len(self.text):
            raise ValueError("a translation has as many characters as what it is of")
        return View(text, self.how, self.trust, self)

    def edited(self, edits: Sequence[Edit]) -> View:
        """This view with edits made; they are sorted and do not overlap."""
        if not edits:
            return self
        return self._made(edits, [(0, len(self.text))], self.how, self.trust)

    def excerpt(self, edits: Sequence[Edit], how: str, trust: Trust) -> View:
        """The surroundings of edits, with these made; they are sorted and do not overlap."""
        return self._made(edits, self._windows(edits), how, trust)

    def _windows(self, edits: Iterable[Edit]) -> list[tuple[int, int]]:
        windows: list[tuple[int, int]] = []
        for edit in edits:
            start, end = max(0, edit.start - BEFORE), min(len(self.text), edit.end + AFTER)
            if windows and start - windows[-1][1] <= len(GAP):
                windows[-1] = (windows[-1][0], max(end, windows[-1][1]))
            else:
                windows.append((start, end))
        return windows

    def _made(
        self, edits: Sequence[Edit], windows: Sequence[tuple[int, int]], how: str, trust: Trust
    ) -> View:
        making = _Making(self.text)
        left = iter(edits)
        edit = next(left, None)
        for number, (start, end) in enumerate(windows):
            if number:
                making.put(GAP, making.position, start)
            making.position = start
            while edit is not None and edit.end <= end:
                making.keep(edit.start)
                making.change(edit)
                edit = next(left, None)
            making.keep(end)
        return View("".join(making.parts), how, trust, self, making.pieces)


class _Making:
    """A view's text and pieces, as they grow."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._length = 0
        self.position = 0  # in the source: everything before was kept, changed or left out
        self.parts: list[str] = []
        self.pieces = _Pieces()

    def keep(self, end: int) -> None:
        if end > self.position:
            self._add(self._source[self.position : end], self.position, end, 1)

    def change(self, edit: Edit) -> None:
        if edit.reverse:
            there = self._source[edit.start : edit.end]
            self._add(there[::-1], edit.start, edit.end, -1)
        else:
            self.put(edit.text, edit.start, edit.end)

    def put(self, text: str, start: int, end: int) -> None:
        self._add(text, start, end, 0)

    def _add(self, text: str, start: int, end: int, step: int) -> None:
        if text:
            self.pieces.add(self._length, start, end, step)
            self.parts.append(text)
            self._length += len(text)
        self.position = end


def apart(edits: Iterable[Edit]) -> list[Edit]:
    """Edits sorted, without those that overlap an earlier one."""
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if not kept or edit.start >= kept[-1].end:
            kept.append(edit)
    return kept

"""Words that head a column of a table: CSV, tab-separated text, a table in Markdown."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from compliance.detection.matching.words import Said, Spoken

_DELIMITERS = "\t;|,"
LEAST = 2  # columns of a table


@dataclass(slots=True)
class Tables:
    """The cells below words, by what the words are about; sorted by start."""

    of: dict[int, list[tuple[str, int, int]]] = field(default_factory=dict)
    broken: list[tuple[int, int]] = field(default_factory=list)
    """The line behind each table where it has more columns."""

    def cells(self, about: int) -> list[tuple[str, int, int]]:
        """The word and place of each cell."""
        return self.of.get(about, [])

    def word(self, about: int, start: int, end: int) -> str | None:
        """The word that heads the column in which a value stands."""
        cells = self.of.get(about)
        if not cells:
            return None
        place = bisect_right(cells, start, key=lambda cell: cell[1]) - 1
        if place < 0 or end > cells[place][2]:
            return None
        return cells[place][0]


def of_words(text: str, spoken: Spoken) -> Tables:
    """The columns that words of a text head. Linear in the text and its words."""
    headings: dict[int, list[Said]] = defaultdict(list)
    for word in spoken.abouts:
        line = text.rfind("\n", max(0, word.start - _LONGEST), word.start) + 1
        headings[line].append(word)
    tables = Tables()
    reached = 0
    for line in sorted(headings):
        if line >= reached:
            reached = _table(text, line, headings[line], spoken, tables)
    for cells in tables.of.values():
        cells.sort(key=lambda cell: cell[1])
    return tables


_LONGEST = 2_000  # characters of a heading line


def _table(text: str, line: int, words: Sequence[Said], spoken: Spoken, tables: Tables) -> int:
    """Note the cells of a table that begins with a line; returns where it ends."""
    end = text.find("\n", line)
    if end < 0 or end - line > _LONGEST:
        return line + 1
    heading = text[line:end]
    delimiter = max(_DELIMITERS, key=heading.count)
    columns = heading.count(delimiter) + 1
    if columns < LEAST:
        return line + 1
    wanted: dict[int, list[Said]] = defaultdict(list)
    for word in words:
        wanted[text.count(delimiter, line, word.start)].append(word)
    for row in _rows(text, end + 1, delimiter, columns):
        for column, heads in wanted.items():
            for word in heads:
                for about in spoken.abouts[word]:
                    tables.of.setdefault(about, []).append((word.word, *row[column]))
        end = row[-1][1]
    behind = end + 1, _line_end(text, end + 1)
    if text.count(delimiter, *behind) >= columns:
        tables.broken.append(behind)
    return end + 1


def _rows(
    text: str, start: int, delimiter: str, columns: int
) -> Iterator[list[tuple[int, int]]]:
    """The places of the cells of each following line with as many columns."""
    while start < len(text):
        end = _line_end(text, start)
        places, at = [], start
        while at <= end:
            stop = text.find(delimiter, at, end)
            stop = end if stop < 0 else stop
            places.append((at, stop))
            at = stop + 1
        if len(places) != columns:
            return
        yield places
        start = end + 1


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end

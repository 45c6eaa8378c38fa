"""The sentence around a place in a text, as words.

Told by signs alone, whatever the language: a full stop, question or exclamation mark before a
capital ends one, unless a short word (an abbreviation) stands before the stop; so do an empty
line, and the end of a short line or one before a list item or a field.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

from compliance.detection.special.terminology import Token, tokens

BACK, FORTH = 300, 200  # characters on either side beyond which no sentence reaches
WRAPPED = 50  # characters from which a line may go on in the next one

_BREAK = re.compile(
    r"(?<=\w{4})[.!?…]+[\"'”“»)\]]*\s+(?=[^\W\d_a-z]|\d|[\"'„“«(])"
    r"|[!?…]+\s+|\n[ \t]*\n\s*|;\s+"
    r"|\n[ \t]*(?=[-*•–>#|]|\d{1,2}[.)]|[^\n:]{1,40}:)"  # noqa: RUF001
)
_ROUGH = re.compile(r"[,:;()\n\"“”„«»|]")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence at `[start, end)` of a text; its words with their places."""

    start: int
    end: int
    words: list[tuple[Token, int, int]]

    def holds(self, start: int, end: int) -> bool:
        """Whether a place is in it."""
        return self.start <= start and end <= self.end

    def words_at(self, start: int, end: int) -> tuple[int, int]:
        """The first and the last word of what stands at `[start, end)`."""
        first = bisect_left(self.words, start, key=lambda word: word[1])
        last = bisect_left(self.words, end, key=lambda word: word[1]) - 1
        return first, max(first, last)

    def is_smooth(self, text: str, one: int, other: int) -> bool:
        """Whether nothing but spaces and hyphens parts the words from one to another."""
        return not _ROUGH.search(text, self.words[one][2], self.words[other][1])

    def has_name_behind(self, text: str, word: int) -> bool:
        """Whether a word with a capital stands right behind a word."""
        if word + 1 >= len(self.words):
            return False
        start = self.words[word + 1][1]
        return text[start].isupper() and start - self.words[word][2] <= len(". ")

    def has_number_behind(self, text: str, word: int) -> bool:
        """Whether a number stands behind a word, or behind an abbreviation of "number"."""
        behind = self.words[word + 1 : word + 3]
        return any(text[start].isdecimal() and end - start > 1 for _, start, end in behind)


def sentence_at(text: str, data: bytes, place: int) -> Sentence:
    """The sentence of a text in which a place is; `data` is what `passes.read` makes of it."""
    low, high = max(0, place - BACK), min(len(text), place + FORTH)
    start, end = low, high
    for found in _BREAK.finditer(text, low, high):
        if found.end() <= place:
            start = found.end()
        elif found.start() >= place:
            end = found.start()
            break
    start = _after_short_line(text, start, place)
    line_end = text.find("\n", place, end)
    if line_end >= 0 and line_end - (text.rfind("\n", low, line_end) + 1) < WRAPPED:
        end = line_end
    return Sentence(start, end, tokens(text, data, start, end))


def _after_short_line(text: str, start: int, place: int) -> int:
    """Where a sentence begins if lines that are too short to be wrapped do not go on."""
    while (line_end := text.rfind("\n", start, place)) >= 0:
        line = text.rfind("\n", max(0, line_end - WRAPPED), line_end) + 1
        if line_end - line < WRAPPED:
            return line_end + 1
        place = line_end
    return start

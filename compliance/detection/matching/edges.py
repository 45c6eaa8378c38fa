"""Where a value ends and something else begins."""

from __future__ import annotations

GLUED = 3  # letters that must be glued to a number to be a word's and not a code's
_JOINING = frozenset(".,:/+-")


def has_edges(text: str, start: int, end: int, word: int = -1) -> bool:
    """Whether a value is a whole one, or a number glued to the letters of a word.

    `word` is where its context word ends: a value may begin right there.
    """
    before = start in (0, word) or not text[start - 1].isalnum()
    behind = end == len(text) or not text[end].isalnum()
    if before and behind:
        return True
    if any(map(str.isalpha, text[start:end])):
        return False
    return (before or _letters_before(text, start) >= GLUED) and (
        behind or _letters_behind(text, end) >= GLUED
    )


def is_part_of_more(text: str, start: int, end: int) -> bool:
    """Whether a value is the part of a longer number, date, address or code."""
    if start and text[start - 1] == "+":
        return True
    spaced = any(map(str.isspace, text[start:end]))
    before = start > 1 and _joins(text[start - 1], text[start - 2], spaced)
    return before or (end + 1 < len(text) and _joins(text[end], text[end + 1], spaced))


def is_joined(text: str, start: int, end: int) -> bool:
    """Whether a letter, digit or plus sign stands within two characters, no space between."""
    return _goes_on(text[max(0, start - 2) : start][::-1]) or _goes_on(text[end : end + 2])


def _goes_on(characters: str) -> bool:
    for character in characters:
        if character.isspace():
            return False
        if character.isalnum() or character == "+":
            return True
    return False


def _joins(between: str, beyond: str, spaced: bool) -> bool:
    if not beyond.isdigit():
        return False
    return between in _JOINING or (spaced and between.isspace() and between not in "\r\n")


def _letters_before(text: str, start: int) -> int:
    """How many letters stand right before a place, if nothing but them does."""
    place = start
    while place and text[place - 1].isalpha() and start - place <= GLUED * 10:
        place -= 1
    return 0 if place and text[place - 1].isalnum() else start - place


def _letters_behind(text: str, end: int) -> int:
    place = end
    while place < len(text) and text[place].isalpha() and place - end <= GLUED * 10:
        place += 1
    return 0 if place < len(text) and text[place].isalnum() else place - end

"""Entities that an organisation defines for itself: patterns, words, checksums, lists.

Patterns are RE2's: an automaton, which reads each character once whatever the pattern, so that
no pattern can hang the detector. RE2 begins anew behind each match; a window bounds how far
it looks then, hence one text costs at most its length times `WINDOW`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import re2
import regex
from stdnum import damm, luhn, verhoeff
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_2, mod_11_10, mod_37_2, mod_37_36, mod_97_10

from compliance.vocabulary import Checksum, Finding, OwnEntity

WINDOW = 512  # bytes; a value longer than half of it may not be found
SHORTEST = 3  # characters of a value
BEFORE, AFTER = 80, 30  # characters around a value in which a context word counts
MEMORY = 1 << 20  # bytes that one compiled pattern may take
SCORE = 0.9
RECOGNISER = "own"

_CHECKS: Mapping[Checksum, Callable[[str], object]] = {
    Checksum.LUHN: luhn.validate,
    Checksum.VERHOEFF: verhoeff.validate,
    Checksum.DAMM: damm.validate,
    Checksum.MOD_11_2: mod_11_2.validate,
    Checksum.MOD_11_10: mod_11_10.validate,
    Checksum.MOD_37_2: mod_37_2.validate,
    Checksum.MOD_37_36: mod_37_36.validate,
    Checksum.MOD_97_10: mod_97_10.validate,
}


class PatternRefused(ValueError):
    """A pattern is none of RE2's, or takes too much memory. The message says which."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a definition: the member, and what to do."""

    member: str
    words: str


class OwnEntities:
    """Finds the entities of one list. Raises `PatternRefused` for a pattern that is none."""

    def __init__(self, entities: Sequence[OwnEntity]) -> None:
        self._each = [_Own(entity) for entity in entities]

    def find(self, text: str) -> list[Finding]:
        """What stands in a text, by start; several may overlap."""
        if not self._each:
            return []
        data = _Bytes(text)
        found = [finding for one in self._each for finding in one.find(data)]
        return sorted(found, key=lambda finding: (finding.start, -finding.end))


def faults(entity: OwnEntity) -> Iterator[Fault]:
    """What keeps a definition from being used: a bad pattern, a sample that fails."""
    try:
        own = OwnEntities([entity])
    except PatternRefused as error:
        yield Fault("pattern", str(error))
        return
    if entity.pattern and not entity.not_found:
        yield Fault("not_found", "give at least one text in which it must not be found")
    for number, sample in enumerate(entity.found, 1):
        if not own.find(sample):
            yield Fault("found", f"it is not found in the text {number}, where it must be")
    for number, sample in enumerate(entity.not_found, 1):
        if own.find(sample):
            yield Fault("not_found", f"it is found in the text {number}, where it must not be")
    if own.find(" ".join(_EVERYDAY)):
        yield Fault("pattern", "it is found in everyday text; make it narrower, or add words")


_EVERYDAY = (
    "Please summarise the minutes of the meeting in three sentences and list the open points.",
    "Bitte fassen Sie den Bericht zusammen und nennen Sie die offenen Punkte bis Freitag.",
    "Veuillez résumer le compte rendu en trois phrases et citer les points ouverts.",
)
"""A definition that finds something here would find something everywhere."""


class _Bytes:
    """A text as RE2 reads it, with the way back to its characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = text.encode("utf-8", "replace")
        self._plain = len(self.data) == len(text)
        self._at = self._characters = 0

    def index(self, place: int) -> int:
        """The index of the character at a byte; cheapest where places are asked in order."""
        if self._plain:
            return place
        if place < self._at:
            self._at = self._characters = 0
        between = self.data[self._at : place]
        self._characters += len(between.decode("utf-8", "ignore"))
        self._at = place
        return self._characters


class _Own:
    """One definition, compiled."""

    def __init__(self, entity: OwnEntity) -> None:
        self._entity = entity
        self._pattern = _compiled(entity.pattern) if entity.pattern else None
        self._words = _words(entity.words)
        self._always = _words(entity.always)
        self._never = {_folded(value) for value in entity.never}

    def find(self, data: _Bytes) -> Iterator[Finding]:
        if self._pattern is not None:
            yield from self._matched(self._pattern, data)
        if self._always is not None:
            for match in self._always.finditer(data.text):
                yield self._finding(*match.span())

    def _matched(self, pattern: re2._Regexp, data: _Bytes) -> Iterator[Finding]:
        position, end = 0, len(data.data)
        while position < end:
            last = min(position + WINDOW, end)
            match = pattern.search(data.data, position, last)
            if match is None:
                if last == end:
                    return
                position = _boundary(data.data, position + WINDOW // 2)
                continue
            if match.end() == last < end and match.start() > position:
                position = match.start()  # the window may have cut it
                continue
            start, stop = data.index(match.start()), data.index(match.end())
            if self._holds(data.text, start, stop, match):
                yield self._finding(start, stop)
            position = max(match.end(), match.start() + 1)

    def _holds(self, text: str, start: int, stop: int, match: re2._Match) -> bool:
        value = text[start:stop]
        if len(value) < SHORTEST or _inside_word(text, start) or _inside_word(text, stop):
            return False
        if _folded(value) in self._never or not self._checks(match):
            return False
        if self._words is None:
            return True
        near = text[max(0, start - BEFORE) : start], text[stop : stop + AFTER]
        return any(self._words.search(part) for part in near)

    def _checks(self, match: re2._Match) -> bool:
        """Whether the check digits hold: of the pattern's group where it has one."""
        if self._entity.checksum is None:
            return True
        number = match[1] if match.re.groups else match[0]
        plain = "".join(filter(str.isalnum, (number or b"").decode("utf-8", "ignore"))).upper()
        try:
            _CHECKS[self._entity.checksum](plain)
        except ValidationError:
            return False
        return True

    def _finding(self, start: int, end: int) -> Finding:
        entity = self._entity
        return Finding(0, start, end, entity.name, entity.category, SCORE, RECOGNISER)


def _compiled(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False  # a pattern is the organisation's, and no terminal's
    options.max_mem = MEMORY
    try:
        compiled = re2.compile(pattern.encode("utf-8"), options)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise PatternRefused(
            f"is no pattern of RE2, which knows no look-around and no back references: {words}"
        ) from None
    if compiled.search(b"") is not None:
        raise PatternRefused("matches where nothing stands; make a part of it obligatory")
    return compiled


def _words(words: frozenset[str]) -> regex.Pattern[str] | None:
    if not words:
        return None
    return regex.compile(r"(?i)(?<!\w)\L<words>(?!\w)", words=sorted(words))


def _folded(value: str) -> str:
    return " ".join(value.casefold().split())


def _inside_word(text: str, place: int) -> bool:
    return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()


def _boundary(data: bytes, place: int) -> int:
    """The next place that begins a character of UTF-8."""
    while place < len(data) and data[place] & 0xC0 == 0x80:  # noqa: PLR2004 - RFC 3629
        place += 1
    return place

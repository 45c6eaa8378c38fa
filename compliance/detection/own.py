"""Entities that an organisation defines for itself: patterns, words, checksums, lists.

Patterns are RE2's: an automaton, which reads each character once whatever the pattern. RE2
begins anew behind each match; a window bounds how far it looks then, and the size of the
automaton what there is to do for a character. A text that takes too long all the same is
refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic

import re2
from stdnum import damm, luhn, verhoeff
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_2, mod_11_10, mod_37_2, mod_37_36, mod_97_10

from compliance.detection.matching.listed import Listed, is_inside_word
from compliance.vocabulary import Checksum, DetectionFailed, Finding, OwnEntity

WINDOW = 512  # bytes
LONGEST = WINDOW // 2  # bytes of a value; of a longer one a part may be found, or nothing
SHORTEST = 3  # characters of a value
BEFORE, AFTER = 80, 30  # characters around a value in which a context word counts
MEMORY = 8 << 20  # bytes that a pattern and what it remembers of a text may take
LARGEST = 5_000  # steps of a pattern's automaton; `\d` is one, `\pL` about 1,200
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
        self._matched = [_Matched(entity) for entity in entities if entity.pattern]
        self._listed = Listed((value, one) for one in entities for value in one.always)

    def find(self, text: str, until: float = float("inf")) -> list[Finding]:
        """What stands in a text, by start; several may overlap.

        Raises `DetectionFailed` when it is later than `until`, which is on the clock that
        never goes back (`time.monotonic`).
        """
        found = [_finding(entity, start, end) for start, end, entity in self._listed.find(text)]
        if self._matched:
            data = _Bytes(text)
            for one in self._matched:
                found.extend(one.find(data, until))
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
    everyday = " ".join(_EVERYDAY)
    if listed := sorted({everyday[one.start : one.end] for one in _of_lists(entity, everyday)}):
        words = f"{listed[0]!r} stands in everyday text; take it out, or say more of it"
        yield Fault("always", words)
    elif own.find(everyday):
        yield Fault("pattern", "it is found in everyday text; make it narrower, or add words")


def _of_lists(entity: OwnEntity, text: str) -> list[Finding]:
    return OwnEntities([replace(entity, pattern="")]).find(text)


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


class _Matched:
    """The pattern of one definition, compiled, and what must be so of its matches."""

    def __init__(self, entity: OwnEntity) -> None:
        self._entity = entity
        self._pattern = _compiled(entity.pattern)
        self._words = Listed((word, None) for word in entity.words)
        self._never = {_folded(value) for value in entity.never}

    def find(self, data: _Bytes, until: float) -> Iterator[Finding]:
        """Its matches that hold, by start, none overlapping another."""
        position, end = 0, len(data.data)
        while position < end:
            _insist(until)
            last = min(position + WINDOW, end)
            match = self._pattern.search(data.data, position, last)
            if match is None:
                if last == end:
                    return
                position = _boundary(data.data, position + WINDOW - LONGEST)
                continue
            if last < end and match.start() > position and _is_cut(match, last):
                position = match.start()
                continue
            start, stop = data.index(match.start()), data.index(match.end())
            if self._holds(data.text, start, stop, match):
                yield _finding(self._entity, start, stop)
            position = max(match.end(), match.start() + 1)

    def _holds(self, text: str, start: int, stop: int, match: re2._Match) -> bool:
        value = text[start:stop]
        if len(value) < SHORTEST or is_inside_word(text, start) or is_inside_word(text, stop):
            return False
        if _folded(value) in self._never or not self._checks(match):
            return False
        return not self._words or self._is_near(text, start, stop)

    def _is_near(self, text: str, start: int, stop: int) -> bool:
        """Whether a context word stands beside a value."""
        places = (max(0, start - BEFORE), start), (stop, min(len(text), stop + AFTER))
        return any(next(self._words.find(text, *one), None) for one in places)

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


def _finding(entity: OwnEntity, start: int, end: int) -> Finding:
    return Finding(0, start, end, entity.name, entity.category, SCORE, RECOGNISER)


def _insist(until: float) -> None:
    if monotonic() > until:
        raise DetectionFailed(
            "the text is too long for the policy's own entities to be looked for in the time"
            " allowed; send less text, or have their patterns made simpler"
        )


def _is_cut(match: re2._Match, last: int) -> bool:
    """Whether a match might be longer, could it see farther than to the window's end."""
    return bool(match.end() == last or last - match.start() < LONGEST)


_OF_BYTES = re.compile(r"(?<!\\)(?:\\\\)*\\C")


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
    if compiled.programsize > LARGEST:
        raise PatternRefused(
            "is too large; repeat less, above all classes of all the world's letters, such as"
            r" \pL{2,40}, in the place of which \pL+ does"
        )
    if _OF_BYTES.search(pattern):
        raise PatternRefused(r"has \C, which is a part of a character; write . in its place")
    if compiled.search(b"") is not None:
        raise PatternRefused("matches where nothing stands; make a part of it obligatory")
    return compiled


def _folded(value: str) -> str:
    return " ".join(value.casefold().split())


def _boundary(data: bytes, place: int) -> int:
    """The next place that begins a character of UTF-8."""
    while place < len(data) and data[place] & 0xC0 == 0x80:  # noqa: PLR2004 - RFC 3629
        place += 1
    return place

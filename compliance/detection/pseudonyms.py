"""What becomes of each finding, and the pseudonyms of one request.

A pseudonym is a bracketed token, `[PERSON_1]`, numbered by first occurrence over all segments
(or within each, see `treat`), so that a resent history gives the same names; the same value of
the same entity type has the same token. A number that stands literally anywhere in the input is
skipped: a token in an answer then always means the value it was given for. Where a policy wants
it, another name stands for a name in place of a token (`surrogates`). A mask is `[PERSON]`,
without a number, and is never restored. No table outlives the request.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import regex

from compliance.detection.surrogates.surrogates import Surrogates, stands_apart
from compliance.vocabulary import Effect, Finding, Scan, Segment

TOKEN = regex.compile(r"\[([A-Z][A-Z0-9_]{0,62})_([1-9][0-9]{0,8})\]")
"""A pseudonym; at most 75 characters."""

MIN_REPEATED = 3
"""Shorter values are replaced only where they were found: "Al" occurs in too many words."""


class Unreplaceable(Exception):
    """Something that must be changed stands where the exact value must be kept.

    The message names the entity type and the outermost place, never the value: a pointer
    goes through member names, which may be what was found.
    """

    def __init__(self, entity: str, pointer: str) -> None:
        self.entity = entity
        super().__init__(
            f"{entity} was found below {outermost(pointer)}, where exact text must be kept; "
            "take it out of the function, schema or stop sequence and send the request again"
        )


def outermost(pointer: str) -> str:
    """The start of a pointer that holds no text of the caller: a parameter and its index."""
    parameter, _, rest = pointer.removeprefix("/").partition("/")
    index = rest.partition("/")[0]
    return f"/{parameter}/{index}" if index.isdecimal() else f"/{parameter}"


@dataclass(frozen=True, slots=True)
class Treated:
    """The new text per pointer (only of segments that changed), and what pseudonyms stand for.

    `pseudonyms` is personal data: it is kept in memory until the answer is restored, and
    nowhere else; it is left out of `repr`.
    """

    texts: Mapping[str, str] = field(repr=False)
    pseudonyms: Mapping[str, str] = field(repr=False)  # token, or a name's form -> value
    replaced: int = 0  # how many places were changed


class Pseudonyms:
    """The pseudonyms of one request. Not for sharing between requests."""

    def __init__(self, segments: Sequence[Segment], key: bytes | None = None) -> None:
        """With `key`, names stand for names where they can."""
        texts = [segment.text for segment in segments]
        self._surrogates = Surrogates(key, texts) if key is not None else None
        self._taken: dict[str, set[int]] = defaultdict(set)
        for segment in segments:
            if "[" in segment.text:
                for token in TOKEN.finditer(segment.text):
                    self._taken[token[1]].add(int(token[2]))
        self._last: dict[str, int] = defaultdict(int)
        self._tokens: dict[tuple[str, str], str] = {}

    def token(self, entity: str, value: str) -> str:
        """The token of a value, the next free number when it is new."""
        known = self._tokens.get((entity, value))
        if known is None:
            number = self._last[entity] + 1
            while number in self._taken[entity]:
                number += 1
            self._last[entity] = number
            known = self._tokens[(entity, value)] = f"[{entity}_{number}]"
        return known

    def name(self, entity: str, value: str) -> str | None:
        """The name that stands for a value; None where a token must."""
        return self._surrogates.of(entity, value) if self._surrogates else None

    def values(self) -> dict[str, str]:
        """Token -> value, in the order in which the tokens were given; then forms of names."""
        tokens = {token: value for (_entity, value), token in self._tokens.items()}
        return tokens | (self._surrogates.values if self._surrogates else {})


@dataclass(frozen=True, slots=True)
class _Change:
    start: int
    end: int
    entity: str
    value: str
    effect: Effect


def mask(entity: str) -> str:
    """What an irreversibly removed value is replaced by."""
    return f"[{entity}]"


def treat(
    segments: Sequence[Segment],
    scan: Scan,
    treatments: Mapping[str, Effect],
    *,
    apart: bool = False,
    key: bytes | None = None,
) -> Treated:
    """Mask and pseudonymise the findings of a scan as `treatments` says per entity type.

    Every other occurrence of a changed value as a whole word, in whatever segment, is
    changed too: a value recognised in one place must not pass in another where it was
    missed. `apart` numbers each segment by itself, so that what becomes of a text does not
    hang on how many values its neighbours hold; one token then stands for several values and
    `pseudonyms` is empty: it is for texts whose answer holds none. With `key`, that of the
    application, names are replaced by other names where they can be.

    Raises `Unreplaceable`; a blocked or unmentioned entity never comes this far, and raises
    `ValueError`.
    """
    changes = [
        _resolved(segment, found, treatments)
        for segment, found in zip(segments, _by_segment(segments, scan), strict=True)
    ]
    everywhere = _Repeats(change for found in changes for change in found)
    pseudonyms = Pseudonyms([] if apart else segments, key)
    texts: dict[str, str] = {}
    replaced = 0
    for segment, found in zip(segments, changes, strict=True):
        due = everywhere.added_to(segment.text, found)
        if not due:
            continue
        if not segment.replaceable:
            raise Unreplaceable(due[0].entity, segment.pointer)
        own = Pseudonyms([segment], key) if apart else pseudonyms
        texts[segment.pointer] = _applied(segment.text, due, own)
        replaced += len(due)
    return Treated(texts, pseudonyms.values(), replaced)


def _by_segment(segments: Sequence[Segment], scan: Scan) -> list[list[Finding]]:
    found: list[list[Finding]] = [[] for _ in segments]
    for finding in scan.findings:
        found[finding.segment].append(finding)
    return found


def _resolved(
    segment: Segment, found: Iterable[Finding], treatments: Mapping[str, Effect]
) -> list[_Change]:
    changes = []
    for finding in found:
        effect = treatments.get(finding.entity, Effect.BLOCK)
        if effect is Effect.BLOCK:
            raise ValueError(
                f"{finding.entity} may not be processed at all; refuse the request instead"
            )
        value = segment.text[finding.start : finding.end]
        changes.append(_Change(finding.start, finding.end, finding.entity, value, effect))
    return changes


class _Repeats:
    """The changed values of a request, found again as whole words.

    Values are looked up by their first word (or sign) and length, so that ten thousand of
    them cost hardly more than one; an alternation of them would be quadratic.
    """

    _WORD = regex.compile(r"\w++|[^\w\s]")

    def __init__(self, changes: Iterable[_Change]) -> None:
        self._by_value: dict[str, _Change] = {}
        for change in changes:
            if change.effect is not Effect.ALLOW and len(change.value) >= MIN_REPEATED:
                known = self._by_value.get(change.value)
                if known is None or known.effect.strictness < change.effect.strictness:
                    self._by_value[change.value] = change
        lengths: dict[str, set[int]] = defaultdict(set)
        for value in self._by_value:
            if first := self._WORD.match(value):
                lengths[first[0]].add(len(value))
        self._lengths = {word: sorted(of, reverse=True) for word, of in lengths.items()}

    def added_to(self, text: str, found: Sequence[_Change]) -> list[_Change]:
        """The changes due in a text, sorted: those found, and repeats beside them."""
        due = list(self._strictest(found))
        if self._lengths:
            due.extend(self._again(text, found))
        return sorted(due, key=lambda change: change.start)

    def _strictest(self, found: Iterable[_Change]) -> Iterator[_Change]:
        """Found changes less the allowed, unless the value is changed elsewhere."""
        for change in found:
            known = self._by_value.get(change.value, change)
            if known.effect.strictness > change.effect.strictness:
                yield _Change(change.start, change.end, known.entity, known.value, known.effect)
            elif change.effect is not Effect.ALLOW:
                yield change

    def _again(self, text: str, found: Sequence[_Change]) -> Iterator[_Change]:
        position = free = 0
        for word in self._WORD.finditer(text):
            start = word.start()
            lengths = self._lengths.get(word[0])
            if lengths is None or start < free or not _edge(text, start):
                continue
            while position < len(found) and found[position].end <= start:
                position += 1
            limit = found[position].start if position < len(found) else len(text)
            for length in lengths:
                end = start + length
                known = self._by_value.get(text[start:end])
                if known is not None and end <= limit and _edge(text, end):
                    yield _Change(start, end, known.entity, known.value, known.effect)
                    free = end
                    break


def _edge(text: str, place: int) -> bool:
    """Whether no word goes across a place, as it would between two letters or digits.

    A value that ends or begins with a sign has an edge there if the other side is no word.
    """
    before = text[place - 1 : place] if place else ""
    return not (_is_word(before) and _is_word(text[place : place + 1]))


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _applied(text: str, due: Sequence[_Change], pseudonyms: Pseudonyms) -> str:
    """The text with the changes made. No pseudonym has a character that JSON would escape.

    For what is glued to a word, or to something else that is replaced, no name can stand: it
    could not be told from the word.
    """
    seams = {change.start for change in due} & {change.end for change in due}
    pieces: list[str] = []
    position = 0
    for change in due:
        pieces.append(text[position : change.start])
        if change.effect is Effect.MASK:
            pieces.append(mask(change.entity))
        else:
            place = change.start, change.end
            apart = seams.isdisjoint(place) and stands_apart(text, *place)
            name = pseudonyms.name(change.entity, change.value) if apart else None
            pieces.append(name or pseudonyms.token(change.entity, change.value))
        position = change.end
    pieces.append(text[position:])
    return "".join(pieces)

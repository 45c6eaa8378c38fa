"""What a scanner finds, misses, and finds wrongly."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import islice
from pathlib import Path
from pkgutil import iter_modules

from compliance.detection.identifiers import ALL
from compliance.detection.reading.seams import seams
from compliance.vocabulary import Category, Finding
from tests.bench.targets.cost import TOKEN
from tests.bench.targets.people import Annotated
from tests.bench.targets.scanners import COUNTRY, Place, Scan, is_direct
from tests.compliance.detection import identifiers, ordinary
from tests.compliance.detection.evasions import EVASIONS, KINDS, UNREADABLE, Written, written
from tests.compliance.detection.identifiers.values import Values

NAMES = ("PERSON", "LOCATION", "ORGANIZATION")
PROSE = 2  # letters of the kind of an ordinary text that is a language
Share = tuple[int, int]  # so many of so many


def covered(text: str, start: int, end: int, places: Iterable[Place]) -> Share:
    """How many letters and digits in [start, end) lie in one of the places, of how many."""
    inside = {at for one in places for at in range(max(one[0], start), min(one[1], end))}
    signs = [at for at in range(start, end) if text[at].isalnum()]
    return sum(at in inside for at in signs), len(signs)


def coverage(scan: Scan, most: int | None) -> dict[str, tuple[int, int, int]]:
    """By country code: valid values found, valid values, and values found wrongly.

    A valid value beside its word is found if something other than a name or a date covers it;
    what is invalid or only looks alike is found wrongly if it is found as a number of the
    country. At most so many values of each table are tried.
    """
    rows = {row.entity: row for row in reversed(ALL)}
    figures: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for entity, values in _tables():
        if entity not in rows or not rows[entity].country:
            continue
        country = rows[entity].country
        figure = figures[country]
        for value in islice(values.valid, most):
            texts = [f"{word}: {value}" for word in _words(entity)] or [value]
            figure[0] += any(_is_found(scan, text, value) for text in texts)
            figure[1] += 1
        wrong = [f"{word}: {v}" for v in values.invalid for word in _words(entity)[:1]]
        for text in islice([*values.alike, *wrong], most):
            figure[2] += any(_is_of(found, entity, country) for _, _, found in scan(text))
    return {country: (a, b, c) for country, (a, b, c) in sorted(figures.items())}


def _tables() -> Iterator[tuple[str, Values]]:
    for module in iter_modules(identifiers.__path__):
        found = import_module(f"{identifiers.__name__}.{module.name}")
        yield from sorted(getattr(found, "VALUES", {}).items())


def _words(entity: str) -> list[str]:
    rows = [row for row in ALL if row.entity == entity and row.words]
    return list(dict.fromkeys(row.words[0].rstrip("*") for row in rows))


def _is_found(scan: Scan, text: str, value: str) -> bool:
    places = [one for one in scan(text) if one[2] not in {*NAMES, COUNTRY, "DATE_TIME", "NRP"}]
    have, of = covered(text, len(text) - len(value), len(text), places)
    return have == of


def _is_of(found: str, entity: str, country: str) -> bool:
    """Stock Presidio's types have other names; those of a country begin with its code."""
    ours = {row.entity for row in ALL}
    prefix = "UK_" if country == "GB" else f"{country}_"
    return found == entity or (found not in ours and found.startswith(prefix))


def names(scan: Scan, texts: Sequence[Annotated]) -> dict[str, tuple[int, int, int]]:
    """By language: names right by their exact place and type, found, and there.

    Only the types that a language's texts have at all are counted.
    """
    figures: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    annotated: dict[str, Counter[str]] = defaultdict(Counter)
    for one in texts:
        annotated[one.language].update(label for _, _, label in one.spans)
    for one in texts:
        labels = {label for label in NAMES if annotated[one.language][label] >= 4}
        true = {span for span in one.spans if span[2] in labels}
        places = {(a, b, "LOCATION" if e == COUNTRY else e) for a, b, e in scan(one.text)}
        said = {place for place in places if place[2] in labels}
        figure = figures[one.language]
        figure[0] += len(true & said)
        figure[1] += len(said)
        figure[2] += len(true)
    return {language: (a, b, c) for language, (a, b, c) in sorted(figures.items())}


def corpora(folder: Path, most: int) -> list[Annotated]:
    """Annotated sentences of others, at most so many evenly from each file."""
    found = []
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        for row in rows[:: max(1, len(rows) // most)][:most]:
            spans = tuple((start, end, label) for start, end, label in row["spans"])
            found.append(Annotated(row["lang"], row["text"], spans))
    return found


def leaks(scan: Scan, texts: Sequence[Annotated]) -> dict[str, Share]:
    """By type: letters and digits of personal data that something direct covers."""
    figures: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in texts:
        places = [place for place in scan(one.text) if is_direct(place[2])]
        for start, end, label in one.spans:
            have, of = covered(one.text, start, end, places)
            figures[label][0] += have
            figures[label][1] += of
    return {label: (have, of) for label, (have, of) in sorted(figures.items())}


def wrong(scan: Scan) -> dict[str, dict[str, float]]:
    """By sort of ordinary text: direct findings, all findings, words, tokens."""
    figures: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, text in ordinary.texts():
        sort = "prose" if len(kind) == PROSE else "machines and code"
        found = [entity for _, _, entity in scan(text)]
        figures[sort]["direct"] += sum(map(is_direct, found))
        figures[sort]["all"] += len(found)
        figures[sort]["words"] += len(text.split())
        figures[sort]["characters"] += len(text)
    return {
        sort: {**counts, "tokens": counts["characters"] / TOKEN}
        for sort, counts in figures.items()
    }


def evasions(scan: Scan) -> dict[str, Mapping[str, bool]]:
    """By way to write a value, then by kind: whether nothing of it is left readable."""
    table: dict[str, Mapping[str, bool]] = {}
    for evasion in EVASIONS:
        cases = {
            kind: written(evasion, kind) for kind in KINDS if (evasion, kind) not in UNREADABLE
        }
        table[evasion] = {
            kind: _is_hidden(scan, case) for kind, case in cases.items() if case is not None
        }
    return table


def _is_hidden(scan: Scan, case: Written) -> bool:
    places = [scan(text) for text in case.texts]
    for seam in seams(case.texts):
        for piece in seam.pieces([_finding(place) for place in scan(seam.text)]):
            places[piece.segment].append((piece.start, piece.end, piece.entity))
    for number, start, end in case.places:
        direct = [place for place in places[number] if is_direct(place[2])]
        have, of = covered(case.texts[number], start, end, direct)
        if have < of:
            return False
    return True


def _finding(place: Place) -> Finding:
    start, end, entity = place
    return Finding(0, start, end, entity, Category.PERSONAL, 1.0, "")

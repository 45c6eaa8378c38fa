"""What a scanner costs: processor time by length of text."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, islice
from statistics import median

from tests.bench.targets.people import Annotated
from tests.bench.targets.scanners import Scan
from tests.compliance.detection import ordinary

TOKEN = 4.8  # characters of a token, as an engine's tokeniser counts ordinary text
FIRST = 20  # texts before the first that is timed
MILLISECONDS = 1500  # of processor time for each figure, at least
MOST = 10_000  # texts of a length
SEED = 3
MEGABYTE = 1_000_000  # characters


def text(length: int, people: Sequence[Annotated], seed: int = SEED) -> str:
    """So many characters of ordinary text, of which about a tenth is about people."""
    chance = random.Random(seed)
    plain = [one for kind, one in ordinary.texts() if kind in {"en", "de", "fr", "code"}]
    parts: list[str] = []
    while sum(map(len, parts)) < length:
        parts.append(f"{chance.choice(plain)}\n\n")
        parts.append(f"{chance.choice(people).text}\n\n")
    return "".join(parts)[:length]


def milliseconds(scan: Scan, texts: Iterator[str]) -> float:
    """Of one processor core for one text: the median of texts that are each seen once."""
    for given in islice(texts, FIRST):
        scan(given)
    took: list[float] = []
    while sum(took) < MILLISECONDS:
        took.append(once(scan, next(texts)))
    return median(took)


def by_tokens(scan: Scan, people: Sequence[Annotated]) -> dict[int, float]:
    """Milliseconds for a text of so many tokens."""
    return {
        tokens: milliseconds(
            scan, (text(round(tokens * TOKEN), people, seed) for seed in count(tokens * MOST))
        )
        for tokens in (50, 500, 5000)
    }


def once(scan: Scan, given: str) -> float:
    """Milliseconds for one scan."""
    began = time.process_time()
    scan(given)
    return (time.process_time() - began) * 1000


def growth(scan: Scan, people: Sequence[Annotated], lengths: Sequence[int]) -> dict[int, float]:
    """Milliseconds by characters of the text."""
    return {length: once(scan, text(length, people)) for length in lengths}


def adversarial(scan: Scan) -> dict[str, float]:
    """Milliseconds for a megabyte made to be slow, by what it is made of."""
    return {name: once(scan, made) for name, made in _adversarial()}


def _adversarial() -> Iterator[tuple[str, str]]:
    chance = random.Random(SEED)
    pieces: Mapping[str, str] = {
        "digits": "".join(chance.choices("0123456789", k=4000)),
        "digits and spaces": "".join(chance.choices("0123456789   ", k=4000)),
        "capitals and digits": "".join(chance.choices("ABDE0123456789 ", k=4000)),
        "at signs": "a@" * 2000,
        "dots": "a." * 2000,
        "one letter": "a" * 4000,
        "escapes": "\\u0041&#65;%41=3D" * 250,
        "base64": "".join(chance.choices("ABCDabcd0123+/", k=4000)),
        "zero-width": "a\u200b" * 2000,
        "words of identifiers": "iban passport steuer-id nif bsn pesel svnr " * 100,
        "card numbers": "4111 1111 1111 1111 " * 200,
        "brackets": "([{<" * 1000,
        "secrets": "password= token: key=" * 200,
        "new lines": "\n" * 4000,
    }
    for name, piece in pieces.items():
        yield name, (piece * (MEGABYTE // len(piece) + 1))[:MEGABYTE]

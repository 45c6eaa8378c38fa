"""The words of special.py, one file a language in the folder `terms`.

A line is `key: phrase | phrase | …`. Keys without a category tell how a language speaks of
people; those with one, what it says of them:

- `title` (before a name), `numbered` (before a number), `role`, `kin`, `pronoun`: a person.
- `general`: of nobody in particular, where it stands before what is said.
- `has`, `is`: what right before a term says that somebody has it or is it.
- `apart`: what parts such words from a term, as in "has a question about diabetes".
- `behind`: what may stand behind such a term, if the language puts adjectives before nouns
  without an ending; anything may where there is no such line.
- `health` (or another category): terms; `health link`: what says anywhere near that somebody
  has it; `health label`: heads of fields; `health fact`: what says all by itself.

A star at the end of a term lets its last word have an ending of up to four letters, one at its
beginning lets it end a compound. A plus says that the writer speaks of himself.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from compliance.detection.matching.passes import read

FOLDER = Path(__file__).parent / "terms"
ENDING = 4  # letters that a star stands for
_SHORT = 2  # letters up to which accents tell words apart ("é" is, "e" and)

_KEYS = {
    "health": "HEALTH",
    "religion": "RELIGION",
    "union": "TRADE_UNION",
    "orientation": "SEXUAL_ORIENTATION",
    "sexlife": "SEX_LIFE",
    "politics": "POLITICAL_OPINION",
    "ethnicity": "ETHNICITY",
    "biometric": "BIOMETRIC",
    "genetic": "GENETIC",
    "crime": "CRIMINAL_OFFENCE",
}
_OF_PEOPLE = frozenset({"title", "numbered", "role", "kin", "pronoun", "general", "has", "is"})
_OF_CATEGORIES = frozenset({"link", "label"})
_LISTS = frozenset({"apart", "behind"})

Token = bytes
TOKEN = re.compile(rb"[a-z0-9\x80-\xfd]+")
"""A word of what `passes.read` gives."""


def tokens(text: str, data: bytes, start: int, end: int) -> list[tuple[Token, int, int]]:
    """The words of `text[start:end]`, each as it is compared, and its place."""
    found = []
    for match in TOKEN.finditer(data, start, end):
        first, last = match.span()
        short = last - first <= _SHORT and not text[first:last].isascii()
        word = text[first:last].lower().encode(errors="replace") if short else match[0]
        found.append((word, first, last))
    return found


@dataclass(frozen=True, slots=True)
class Term:
    """What says something of a category; a `fact` needs no more than a person."""

    language: str
    entity: str
    fact: bool
    of_self: bool
    ending: bool
    compound: bool


@dataclass(frozen=True, slots=True)
class Phrase:
    """A few words that tell something about the terms near them."""

    language: str
    kind: str
    entity: str  # "" where it goes for all
    of_self: bool
    words: tuple[Token, ...]


@dataclass(slots=True)
class Terminology:
    """All languages' terms by their spelling, their phrases by how they begin."""

    terms: dict[bytes, list[Term]] = field(default_factory=lambda: defaultdict(list))
    phrases: dict[Token, list[Phrase]] = field(default_factory=lambda: defaultdict(list))
    apart: dict[str, set[Token]] = field(default_factory=lambda: defaultdict(set))
    behind: dict[str, set[Token]] = field(default_factory=lambda: defaultdict(set))

    def phrases_at(self, words: list[tuple[Token, int, int]], place: int) -> Iterator[Phrase]:
        """The phrases that begin with the word at a place."""
        word = words[place][0]
        for phrase in self.phrases.get(word, ()):
            if _follows(phrase, words, place):
                yield phrase


def _follows(phrase: Phrase, words: list[tuple[Token, int, int]], place: int) -> bool:
    behind = words[place : place + len(phrase.words)]
    return tuple(word for word, _, _ in behind) == phrase.words


@cache
def terminology(folder: Path = FOLDER) -> Terminology:
    """The words of all languages; raises `ValueError` for a line that is none of the above."""
    known = Terminology()
    for path in sorted(folder.glob("*.txt")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if line and not line.startswith("#"):
                key, _, rest = line.partition(":")
                try:
                    for phrase in filter(None, map(str.strip, rest.split("|"))):
                        _add(known, path.stem, key.split(), phrase)
                except ValueError as error:
                    raise ValueError(f"{path.name}, line {number}: {error}") from error
    return known


def _add(known: Terminology, language: str, key: list[str], written: str) -> None:
    first, second = (*key, "")[:2]
    bare = written.lstrip("+*").rstrip("*")
    words = tuple(word for word, _, _ in tokens(bare, read(bare), 0, len(bare)))
    of_self, ending = written.startswith("+"), written.endswith("*")
    if not words or (ending and (first not in _KEYS or second in _OF_CATEGORIES)):
        raise ValueError(f"'{written}' cannot be read as '{' '.join(key)}'")
    if first in _LISTS:
        (known.apart if first == "apart" else known.behind)[language].add(words[0])
    elif first in _OF_PEOPLE:
        phrase = Phrase(language, first, "", of_self, words)
        known.phrases[words[0]].append(phrase)
    elif first in _KEYS and second in _OF_CATEGORIES:
        phrase = Phrase(language, second, _KEYS[first], of_self, words)
        known.phrases[words[0]].append(phrase)
    elif first in _KEYS and second in {"", "fact"}:
        compound = written.startswith("*")
        term = Term(language, _KEYS[first], second == "fact", of_self, ending, compound)
        known.terms[b" ".join(TOKEN.findall(read(bare)))].append(term)
    else:
        raise ValueError(f"'{' '.join(key)}' is no key")

"""Sentences with their slots filled: text with spans, as the corpora have it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

import regex
from babel import Locale
from babel.dates import format_date, format_time

from compliance.detection.names.training import places, sources
from compliance.detection.names.training.inflect import CASES, inflected

FOLDER = Path(__file__).parent / "sentences"

Span = tuple[int, int, str]

_SLOT = regex.compile(r"\{([A-Z]+)(?::([a-z]+))?\}")
_LABELS = {
    **dict.fromkeys(("PERSON", "FIRST", "LAST"), "PERSON"),
    **dict.fromkeys(("CITY", "COUNTRY", "REGION"), "LOCATION"),
    **dict.fromkeys(("ADDRESS", "STREET"), "ADDRESS"),
    **dict.fromkeys(("DATE", "TIME", "YEAR"), "DATE_TIME"),
    "ORG": "ORGANIZATION",
}
_PARTICLES = {
    "de": ("von", "von der", "zu", "von und zu"), "nl": ("van", "van der", "de", "van den", "ter"),
    "fr": ("de", "du", "de la", "d’"), "es": ("de", "de la", "del"), "pt": ("da", "de", "dos", "do"),
    "it": ("Di", "De", "della", "D'"), "en": ("O'", "Mac", "de"), "ga": ("Ó", "Ní", "Mac", "Uí"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text with its spans. `annotated` are the labels that it would have, were they in it."""

    language: str
    text: str
    spans: tuple[Span, ...]
    annotated: frozenset[str]
    weight: float = 1.0


class Filler:
    """Draws names, places, dates and organisations as a language writes them."""

    def __init__(self, language: str, rng: random.Random) -> None:
        self._language = language
        self._rng = rng
        self._names = sources.names(language)
        self._locale = Locale(language)
        own = sources.script(language)
        firsts, lasts = sources.elsewhere()
        for other in ("de", "en", "fr", "es", "it", "pl", "nl", "pt", "ro", "hr", "sv", "hu"):
            firsts += sources.names(other).firsts[:150]
            lasts += sources.names(other).lasts[:150]
        self._firsts_elsewhere = [name for name in firsts if own.fullmatch(name)] or firsts
        self._lasts_elsewhere = [name for name in lasts if own.fullmatch(name)] or lasts

    def fill(self, template: str) -> tuple[str, tuple[Span, ...]]:
        """A sentence with its slots filled, and where they are, lines ended."""
        text, spans, last = "", [], 0
        template = template.replace("\\n", "\n")
        for slot in _SLOT.finditer(template):
            text += template[last : slot.start()]
            value = self.value(slot[1], slot[2])
            spans.append((len(text), len(text) + len(value), _LABELS[slot[1]]))
            text += value
            last = slot.end()
        return text + template[last:], tuple(spans)

    def value(self, slot: str, case: str | None = None) -> str:
        """What stands in a slot, in a grammatical case."""
        value = getattr(self, "_" + slot.lower())()
        if case and slot not in ("ADDRESS", "STREET", "DATE", "TIME", "YEAR"):
            return inflected(self._language, case, value)
        return str(value)

    def _one(self, of: Sequence[str]) -> str:
        return self._rng.choice(of)

    def _first(self) -> str:
        if self._rng.random() < 0.2:
            return self._one(self._firsts_elsewhere)
        return self._one(self._names.firsts)

    def _last(self) -> str:
        chance = self._rng.random()
        if chance < 0.25:
            return self._one(self._lasts_elsewhere)
        if chance < 0.31:
            return f"{self._one(self._names.lasts)}-{self._one(self._names.lasts)}"
        name = self._one(self._names.lasts)
        if chance < 0.36 and self._language in _PARTICLES:
            particle = self._one(_PARTICLES[self._language])
            return particle + ("" if particle[-1] in "'’" else " ") + name
        return name

    def _person(self) -> str:
        first, last = self._first(), self._last()
        chance = self._rng.random()
        if chance < 0.05:
            return f"{first[0]}. {last}"
        if chance < 0.10:
            return f"{first} {self._first()} {last}"
        if chance < 0.13:
            return f"{first} {self._first()[0]}. {last}"
        if chance < 0.16:
            return f"{first} {last.upper()}"
        if chance < 0.19:
            return f"{first}-{self._first()} {last}"
        if chance < 0.21:
            return f"{first} {last} {self._last()}"
        if chance < 0.23:
            return f"{last} {first}"
        return f"{last} {first}" if self._language == "hu" else f"{first} {last}"

    def _city(self) -> str:
        if self._rng.random() < 0.4:
            return self._one(self._names.cities_elsewhere)
        return self._one(self._names.towns)

    def _country(self) -> str:
        return self._one(self._names.countries)

    def _region(self) -> str:
        return self._one(places.REGIONS[self._language])

    def _street(self) -> str:
        pattern = self._one(places.STREETS[self._language])
        return pattern.format(L=self._one(self._names.lasts), C=self._one(self._names.towns))

    def _address(self) -> str:
        rng = self._rng
        return self._one(places.ADDRESSES[self._language]).format(
            S=self._street(),
            C=self._one(self._names.towns),
            n=rng.randint(1, 199),
            f=rng.randint(1, 9),
            p=self._postcode(),
        )

    def _postcode(self) -> str:
        rng, language = self._rng, self._language
        if language in ("bg", "da", "hu", "sl", "lv"):
            return str(rng.randint(1000, 9999))
        if language in ("cs", "sk", "el", "sv"):
            return f"{rng.randint(100, 999)} {rng.randint(10, 99)}"
        if language == "nl":
            return f"{rng.randint(1000, 9999)} {rng.choice('ABCDEHK')}{rng.choice('ABCDEHK')}"
        if language == "pl":
            return f"{rng.randint(10, 99)}-{rng.randint(100, 999)}"
        if language == "pt":
            return f"{rng.randint(1000, 9999)}-{rng.randint(100, 999)}"
        if language in ("en", "mt"):
            return f"{rng.choice(('SW', 'M', 'LS', 'BT'))}{rng.randint(1, 20)} {rng.randint(1, 9)}AB"
        return str(rng.randint(10000, 99999))

    def _org(self) -> str:
        chance = self._rng.random()
        if chance < 0.2:
            return self._one(places.EVERYWHERE)
        kinds = places.INSTITUTIONS if chance < 0.4 else places.ORGANISATIONS
        return self._one(kinds[self._language]).format(
            L=self._one(self._names.lasts), C=self._one(self._names.towns)
        )

    def _date(self) -> str:
        rng, locale = self._rng, self._locale
        day = date(rng.randint(1935, 2031), rng.randint(1, 12), rng.randint(1, 28))
        chance = rng.random()
        if chance < 0.40:
            return str(format_date(day, "long", locale=locale))
        if chance < 0.50:
            return str(format_date(day, "d MMMM", locale=locale))
        if chance < 0.56:
            return str(format_date(day, "LLLL y", locale=locale))
        if chance < 0.62:
            return str(format_date(day, "full", locale=locale))
        if chance < 0.68:
            return str(format_date(day, "short", locale=locale))
        if chance < 0.74:
            return day.isoformat()
        separator = "." if self._language in ("de", "cs", "pl", "fi", "et", "bg", "ro") else "/"
        if chance < 0.90:
            return f"{day.day:02}{separator}{day.month:02}{separator}{day.year}"
        if chance < 0.95:
            return f"{day.day}. {day.month}. {day.year}"
        return f"{day.day}.{day.month}.{day.year % 100:02}"

    def _time(self) -> str:
        rng = self._rng
        hour = time(rng.randint(0, 23), rng.choice((0, 15, 20, 30, 45, rng.randint(1, 59))))
        chance = rng.random()
        if chance < 0.5:
            return f"{hour.hour}:{hour.minute:02}"
        if chance < 0.8:
            return f"{hour.hour}.{hour.minute:02}"
        return str(format_time(hour, "short", locale=self._locale))

    def _year(self) -> str:
        return str(self._rng.randint(1890, 2035))

    def inserted(self, text: str) -> tuple[str, tuple[Span, ...]]:
        """A text with one or two names put between its words, each in any case."""
        words = text.split(" ")
        cases = [None, *CASES.get(self._language, {})]
        out, spans = "", []
        places = set(
            self._rng.sample(range(len(words) + 1), min(len(words), self._rng.randint(1, 2)))
        )
        for at in range(len(words) + 1):
            if at in places:
                slot = self._rng.choice(_INSERTED)
                value = self.value(slot, self._rng.choice(cases))
                spans.append((len(out), len(out) + len(value), _LABELS[slot]))
                out += value + " "
            if at < len(words):
                out += words[at] + " "
        return out.rstrip(), tuple(spans)


_INSERTED = (
    "PERSON",
    "PERSON",
    "LAST",
    "FIRST",
    "CITY",
    "CITY",
    "COUNTRY",
    "COUNTRY",
    "ORG",
    "DATE",
)
EVERY = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "ADDRESS", "DATE_TIME"})


def templates(language: str) -> list[str]:
    """The sentences of a language; none when there is no file yet."""
    path = FOLDER / f"{language}.txt"
    if not path.exists():
        return []
    lines = path.read_text("utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def sentences(language: str, times: int, rng: random.Random) -> Iterator[Sentence]:
    """Every sentence of a language with its slots filled `times` over."""
    filler = Filler(language, rng)
    for template in templates(language):
        for _ in range(times if "{" in template else max(1, times // 5)):
            text, spans = filler.fill(template)
            yield Sentence(language, text, spans, EVERY)

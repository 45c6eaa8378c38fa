"""Whether a sentence says of a person what a term in it means.

It does where the term fills a field of a record that names a person; where the term, or words
like "diagnosed with" near it, say so outright; or where "has" or "is" stands right before it.
A person is one that a name or a number tells; a title before a name, a role ("der Kläger") or
a relative ("my wife"); the writer, who says "I"; or one of the sentences before, who is "she".
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from compliance.detection.function_words import LANGUAGES_OF
from compliance.detection.matching.passes import read
from compliance.detection.special.sentences import Sentence
from compliance.detection.special.terminology import TOKEN, Phrase, Term, Terminology

SAID = 0.85  # the score of what is said outright
HELD = 0.7  # and of what "has" or "is" tells

BETWEEN = 3  # words that may stand between "has" and what somebody has
NEAR = 8  # words that may stand between "diagnosed with" and what it was
FIELD = 160  # characters of a field's value, and
HEAD = 40  # of its head
RECORD = 400  # characters before it, and
RECORD_BEHIND = 200  # behind it, in which the record must name a person
BEFORE = 160  # characters before a sentence in which the person it goes on about stands
AGO = 400  # the same for "she"
MANY = 64  # phrases of a kind in one sentence beyond which no more are looked at

Span = tuple[int, int]
_Place = tuple[int, int, Phrase]
"""A phrase of a sentence, its first and its last word."""

_ENGLISH = frozenset(
    {
        *("the", "of", "and", "to", "in", "is", "was", "for", "with", "that", "on", "has"),
        *("he", "she", "his", "her", "by", "from", "are", "at", "i", "my", "not", "be", "as"),
        *("this", "have", "had", "an", "it", "or", "but", "which", "who", "about", "what"),
    }
)
"""`LANGUAGES_OF` has no English words."""

_ITEM = r"[ \t]*(?:[-*•–]|\d{1,2}[.)])"  # noqa: RUF001
_LISTED = re.compile(rf":[ \t]*(?:\n{_ITEM}[^\n]*)+$")
"""The head of a list, up to the item at the end."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A term at `[start, end)`, which are the words `first` to `last` of its sentence."""

    start: int
    end: int
    first: int
    last: int
    term: Term


class Claims:
    """What one sentence of a text says of persons, whose places are sorted and apart."""

    def __init__(
        self, known: Terminology, text: str, persons: Sequence[Span], sentence: Sentence
    ) -> None:
        self._known, self._text, self._persons = known, text, persons
        self._sentence = sentence
        self._phrases: dict[tuple[str, str], list[_Place]] = defaultdict(list)
        self._languages: Counter[str] = Counter()
        self._somebody: dict[tuple[str, bool, bool, bool, int], bool] = {}
        for place, (_, start, end) in enumerate(sentence.words):
            word = text[start:end].lower()
            self._languages.update(("en",) if word in _ENGLISH else LANGUAGES_OF.get(word, ()))
            for phrase in known.phrases_at(sentence.words, place):
                last = place + len(phrase.words) - 1
                places = self._phrases[phrase.language, phrase.kind]
                if len(places) < MANY:
                    places.append((place, last, phrase))
        self._saying = {
            language for language, kind in self._phrases if kind in {"link", "has", "is"}
        }
        self._most = max(self._languages.values(), default=0)

    def best(self, start: int, end: int, terms: Sequence[Term]) -> tuple[str, float]:
        """What it says by one of the terms at a place, and how sure that is; 0 if nothing."""
        words = self._sentence.words_at(start, end)
        record = overlaps(self._persons, max(0, start - RECORD), end + RECORD_BEHIND)
        best = "", 0.0
        for term in terms:
            if not (record or term.fact or term.language in self._saying):
                continue
            score = self._score(Hit(start, end, *words, term), record)
            if score > best[1]:
                best = term.entity, score
        return best

    def _score(self, hit: Hit, record: bool) -> float:
        term = hit.term
        if 2 * (self._languages[term.language] + 1) < self._most:
            return 0.0
        if (record and self._is_field(hit)) or self._is_outright(hit):
            return SAID
        return HELD if not term.fact and self._is_held(hit) else 0.0

    def _of(self, language: str, kind: str) -> Sequence[_Place]:
        return self._phrases.get((language, kind), ())

    # --- What is said ---------------------------------------------------------------------

    def _is_outright(self, hit: Hit) -> bool:
        """Whether a term says so by itself, or words like "diagnosed with" near it."""
        term = hit.term
        if term.fact and self._is_of_somebody(hit, term.of_self, outright=True):
            return True
        return any(
            phrase.entity == term.entity
            and 0 < (hit.first - last if last < hit.first else first - hit.last) <= NEAR + 1
            and self._is_of_somebody(hit, phrase.of_self, outright=True)
            for first, last, phrase in self._of(term.language, "link")
        )

    def _is_held(self, hit: Hit) -> bool:
        """Whether "has" or "is" stands right before a term that no noun follows."""
        kinds = ("has", "is") if hit.term.entity in {"HEALTH", "GENETIC"} else ("is",)
        return self._ends_there(hit) and any(
            0 < hit.first - last <= BETWEEN + 1
            and self._sentence.is_smooth(self._text, last, hit.first)
            and not self._is_apart(last, hit)
            and self._is_of_somebody(hit, phrase.of_self, outright=False)
            for kind in kinds
            for _, last, phrase in self._of(hit.term.language, kind)
        )

    def _is_apart(self, last: int, hit: Hit) -> bool:
        """Whether a word between says that the two have nothing to do with each other."""
        apart = self._known.apart.get(hit.term.language, ())
        return any(word in apart for word, _, _ in self._sentence.words[last + 1 : hit.first])

    def _ends_there(self, hit: Hit) -> bool:
        """Whether no noun goes with a term, as in "has diabetes patients"."""
        allowed = self._known.behind.get(hit.term.language)
        if allowed is None or hit.last + 1 >= len(self._sentence.words):
            return True
        word, start, _ = self._sentence.words[hit.last + 1]
        return word in allowed or not self._text[hit.end : start].isspace()

    def _is_field(self, hit: Hit) -> bool:
        """Whether a term stands in a field of a record that names a person."""
        low = max(0, hit.start - FIELD)
        line = self._text.rfind("\n", low, hit.start) + 1 or low
        colon = max(self._text.rfind(sign, line, hit.start) for sign in ":=")
        if colon < 0:
            above = _LISTED.search(self._text, low, hit.start)
            if above is None:
                return False
            colon = above.start()
        head = self._text[max(0, colon - HEAD) : colon].rstrip("\"' *")
        return self._is_label(head, hit.term)

    def _is_label(self, head: str, term: Term) -> bool:
        """Whether a text ends with the head of a field about a term's category."""
        words = TOKEN.findall(read(head))[-4:]
        return any(
            phrase.kind == "label"
            and phrase.entity == term.entity
            and phrase.language == term.language
            and phrase.words == tuple(words[place:])
            for place in range(len(words))
            for phrase in self._known.phrases.get(words[place], ())
        )

    # --- Of whom --------------------------------------------------------------------------

    def _is_of_somebody(self, hit: Hit, of_self: bool, *, outright: bool) -> bool:
        """Whether a sentence speaks of one person.

        Where it says so outright, the person may stand behind the term or a sentence before.
        """
        general = any(last < hit.first for _, last, _ in self._of(hit.term.language, "general"))
        if of_self:
            return not general
        key = hit.term.language, general, outright, True, 0 if outright else hit.start
        known = self._somebody.get(key)
        if known is None:
            known = self._somebody[key] = self._is_person(hit, general, outright)
        return known

    def _is_person(self, hit: Hit, general: bool, outright: bool) -> bool:
        text, sentence, language = self._text, self._sentence, hit.term.language
        until = sentence.end if outright else hit.start
        if overlaps(self._persons, sentence.start, until):
            return True
        mentioned = [
            first
            for first, last, _ in self._of(language, "title")
            if sentence.has_name_behind(text, last)
        ]
        mentioned += [
            first
            for first, last, _ in self._of(language, "numbered")
            if sentence.has_number_behind(text, last)
        ]
        if not general:
            mentioned += [first for first, _, _ in self._of(language, "kin")]
            mentioned += [first for first, _, _ in self._of(language, "role")]
        if any(outright or first < hit.first for first in mentioned):
            return True
        if self._of(language, "pronoun") and overlaps(
            self._persons, max(0, sentence.start - AGO), sentence.start
        ):
            return True
        low = max(0, sentence.start - BEFORE)
        before = max(text.rfind("\n\n", low, sentence.start), low)
        return outright and not general and overlaps(self._persons, before, sentence.start)


def overlaps(spans: Sequence[Span], start: int, end: int) -> bool:
    """Whether one of the spans, sorted and apart, stands in part in `[start, end)`."""
    place = bisect_left(spans, start + 1, key=lambda span: span[1])
    return place < len(spans) and spans[place][0] < end

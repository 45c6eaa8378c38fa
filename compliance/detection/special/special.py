"""What GDPR Art. 9 and 10 protect, where a text says it of a person.

"What is diabetes?" says nothing of anybody; "Frau Weber leidet an Diabetes" does. So a term of
`terminology` counts only where its sentence says of a person that she has it or is it (see
`claims`). Precision comes first: policies tend to block what is found here.

All terms are found in one pass; what stands around them is looked at only where one is. Time is
linear in the text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from compliance.detection.matching.passes import Literals, read
from compliance.detection.matching.words import spaced
from compliance.detection.special.claims import Claims, Span, overlaps
from compliance.detection.special.sentences import Sentence, sentence_at
from compliance.detection.special.terminology import ENDING, TOKEN, Term, terminology
from compliance.vocabulary import Category, Finding

RECOGNISER = "special"

ENTITIES: Mapping[str, Category] = {
    "HEALTH": Category.SPECIAL,
    "RELIGION": Category.SPECIAL,
    "TRADE_UNION": Category.SPECIAL,
    "SEXUAL_ORIENTATION": Category.SPECIAL,
    "SEX_LIFE": Category.SPECIAL,
    "POLITICAL_OPINION": Category.SPECIAL,
    "ETHNICITY": Category.SPECIAL,
    "BIOMETRIC": Category.SPECIAL,
    "GENETIC": Category.SPECIAL,
    "CRIMINAL_OFFENCE": Category.CRIMINAL,
}
"""What is found, as GDPR Art. 9(1) and 10 name it."""


class SpecialCategories:
    """Finds special categories of personal data and offences. Not thread-safe."""

    def __init__(self) -> None:
        self._known = terminology()
        self._spellings = list(self._known.terms)
        self._literals = Literals(self._spellings)

    def find(
        self, text: str, persons: Sequence[Span], data: bytes | None = None
    ) -> list[Finding]:
        """What a text says of people, by start; none overlaps another or a person.

        `persons` are the places of names and of numbers that are one person's, sorted and
        apart; `data` is what `passes.read` makes of the text, where that is known.
        """
        data = read(text) if data is None else data
        found: dict[Span, tuple[str, float]] = {}
        sentence: Sentence | None = None
        claims: Claims | None = None
        for start, end, terms in self._terms(data, persons):
            if claims is None or sentence is None or not sentence.holds(start, end):
                sentence = sentence_at(text, data, start)
                claims = Claims(self._known, text, persons, sentence)
            entity, score = claims.best(start, end, terms)
            if score:
                found[start, end] = entity, score
        return list(_findings(found))

    def _terms(
        self, data: bytes, persons: Sequence[Span]
    ) -> Iterator[tuple[int, int, list[Term]]]:
        """Each term that stands as a word, by start, unless it is part of a name."""
        places: dict[Span, list[Term]] = defaultdict(list)
        for index, start, end in self._literals.hits(spaced(data)):
            rest = TOKEN.match(data, end, end + ENDING + 1)
            stop = rest.end() if rest else end
            begin = _word_start(data, start)
            for term in self._known.terms[self._spellings[index]]:
                ends = stop == end or (term.ending and stop - end <= ENDING)
                if ends and (begin == start or (term.compound and begin is not None)):
                    places[start if begin is None else begin, stop].append(term)
        for start, end in sorted(places):
            if not overlaps(persons, start, end):
                yield start, end, places[start, end]


_LONGEST = 40  # letters before a term in a compound


def _word_start(data: bytes, end: int) -> int | None:
    """Where the word begins that goes on at a place; None where it is too long for one."""
    start = end
    while start and TOKEN.match(data, start - 1, start):
        start -= 1
        if end - start > _LONGEST:
            return None
    return start


def _findings(found: Mapping[Span, tuple[str, float]]) -> Iterator[Finding]:
    """The longest of those that overlap, by start."""
    reach = 0
    for start, end in sorted(found, key=lambda span: (span[0], -span[1])):
        if start >= reach:
            entity, score = found[start, end]
            yield Finding(0, start, end, entity, ENTITIES[entity], score, RECOGNISER)
            reach = end

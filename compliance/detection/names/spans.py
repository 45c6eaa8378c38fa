"""From the probabilities of words to names: which words make one up, and which count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import numpy.typing as npt
import regex

from compliance.detection.names.labels import CLASSES
from compliance.detection.names.tokens import LINE_END, LOWER, TITLE, UNCASED, UPPER, Tokens

Floats = npt.NDArray[np.float32]
Known = npt.NDArray[np.bool_]

THRESHOLDS: dict[str, float] = {
    "PERSON": 0.5,
    "LOCATION": 0.6,
    "ORGANIZATION": 0.6,
    "ADDRESS": 0.7,
    "DATE_TIME": 0.6,
}
"""The mean probability of its words from which a name counts."""

DOUBTFUL = 0.85
"""The same where its form says less: a person or place in lower case, one word in capitals, or
one word at the beginning of a sentence, which has a capital anyway."""

HIGHEST = 0.9
"""A name is never as certain as a value with check digits, whatever the model says."""

PERSON, LOCATION, ORGANIZATION, ADDRESS, DATE_TIME = range(len(CLASSES))

TORN = frozenset({ORGANIZATION, ADDRESS, DATE_TIME})
"""What a part of a code may be taken for. A person is one, whatever is glued to the name."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name at `[start, end)` of a text, in code points."""

    start: int
    end: int
    label: str  # one of `CLASSES`
    score: float  # mean probability of its words, in [0, 1]
    country: bool = False  # a location that is a country, which is nobody's data by itself


_INSIDE = 0.4  # probability of any name from which a word is part of one
_EDGES = frozenset("\n\"'“”„«»‘’,;:!?()[]{}<>|*_-–—/\\")
"""What a name neither begins nor ends with."""
LONGEST_ENDING = 4  # letters
REPEATED = 2  # times that a name may have mostly one word: "river river river" is none
LONGEST_NUMBER = 6  # figures in a row of an address
SHORTEST_STREET = {TITLE: 3, UPPER: 6}  # letters of a word that can be the name in an address
_ENDS = frozenset('.!?…:;"“”„«»•-–—')
"""What a sentence begins behind."""


def names_of(words: Tokens, chances: Floats) -> Iterator[Name]:
    """The names that the words' probabilities make up.

    `chances` has shape (words, tags + 1): last stands whether a word is a well-known name.
    Words that are likely part of a name are taken together until one is more likely the
    first of another; what is most probable for all of them together is their class.
    """
    begins, insides = chances[:, 1:-1:2], chances[:, 2:-1:2]
    classes = (begins + insides).tolist()
    known = chances[:, -1] > 0
    addresses = _in_addresses(words)
    inside = [
        word
        for word in (chances[:, 0] < 1 - _INSIDE).nonzero()[0].tolist()
        if word not in addresses
    ]
    first = (begins.sum(1) > insides.sum(1)).tolist()
    run: list[int] = []
    for word in inside:
        broken = run and (word != run[-1] + 1 or first[word] or words.shapes[word] == LINE_END)
        if broken:
            yield from _name(words, classes, known, run)
            run = []
        run.append(word)
    if run:
        yield from _name(words, classes, known, run)


def _in_addresses(words: Tokens) -> frozenset[int]:
    """The words of mail addresses, and those of web addresses that have no capital.

    They are found whole by their form, if they say anything of anyone. The same goes for how
    someone is called on (`@anna`), which is often no name.
    """
    found: set[int] = set()
    reach = 0
    for mark in (at for at, word in enumerate(words.words) if word in "@/"):
        if mark < reach:
            continue
        first = next(at for at in range(mark, -1, -1) if not words.glued[at])
        reach = mark + 1
        while reach < len(words.words) and words.glued[reach]:
            reach += 1
        run = words.words[first:reach]
        if "@" in run[1:-1]:
            found.update(range(first, reach))
        elif "@" in run or "://" in "".join(run):
            found.update(at for at in range(first, reach) if words.shapes[at] != TITLE)
    return frozenset(found)


def _name(
    words: Tokens, classes: Sequence[Sequence[float]], known: Known, run: list[int]
) -> Iterator[Name]:
    while run and words.words[run[0]] in _EDGES:
        run = run[1:]
    while run and words.words[run[-1]] in _EDGES:
        run = run[:-1]
    if not run or not any(words.words[word][0].isalnum() for word in run):
        return
    if _repeats(words, run):
        return
    sums = [sum(chances) for chances in zip(*classes[run[0] : run[-1] + 1], strict=True)]
    best = sums.index(max(sums))
    while words.shapes[run[-1]] == LOWER and words.shapes[run[0]] != LOWER and best == PERSON:
        run = run[:-1]  # no name ends in lower case that begins with a capital
    if best == DATE_TIME and not _is_date(words, run):
        return
    if best == ADDRESS and not _is_address(words, run):
        return
    score = fmean(row[best] for row in classes[run[0] : run[-1] + 1])
    if (
        best in (PERSON, LOCATION)
        and len(run) == 1
        and _says_little(words, known, run[0], best)
    ):
        return
    doubtful = best in (PERSON, LOCATION) and _is_doubtful(words, known, run)
    least = DOUBTFUL if doubtful else THRESHOLDS[CLASSES[best]]
    if score >= least and not (best in TORN and _is_torn(words, run, best)):
        last = _with_ending(words, run[-1])
        score = round(min(score, HIGHEST), 3)
        yield Name(words.starts[run[0]], words.ends[last], CLASSES[best], score)


def _repeats(words: Tokens, run: list[int]) -> bool:
    """Whether most words are one."""
    if len(run) <= REPEATED:
        return False
    often = max(Counter(words.words[word].lower() for word in run).values())
    return often > REPEATED and 2 * often > len(run)


def _is_torn(words: Tokens, run: list[int], best: int) -> bool:
    """Whether it is the part of a code: of "used1785" or "HE 9/2018", say.

    But a day goes on with its time, and a year may have an ending ("1990er").
    """
    begin, end = run[0], run[-1] + 1
    if _goes_across(words, begin) or (len(run) == 1 and _follows_figures(words, begin)):
        return True
    if not _goes_across(words, end):
        return False
    ending = words.words[end]
    return best != DATE_TIME or ending[0].isdecimal() or len(ending) > LONGEST_ENDING


def _follows_figures(words: Tokens, at: int) -> bool:
    """Whether figures stand behind other figures and a slash."""
    glued = at > 1 and words.glued[at - 1 : at + 1] == [True, True]
    return (
        glued
        and words.words[at].isdecimal()
        and words.words[at - 1] == "/"
        and words.words[at - 2].isdecimal()
    )


def _goes_across(words: Tokens, at: int) -> bool:
    """Whether figures stand right before a word that is letters, or the reverse."""
    if not 0 < at < len(words.words) or not words.glued[at]:
        return False
    one, other = words.words[at - 1][-1], words.words[at][0]
    return one.isalnum() and other.isalnum() and not (one.isalpha() and other.isalpha())


_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:1[5-9]|20)\d\d"
_FIGURES = regex.compile(
    rf"{_YEAR}(?: ?[-–/] ?(?:{_YEAR}|\d\d))?"
    rf"|{_DAY}[./-] ?{_MONTH}[./-](?: ?(?:{_YEAR}|\d\d))?|{_MONTH}/{_DAY}/(?:{_YEAR}|\d\d)"
    rf"|{_YEAR}[./-]{_MONTH}(?:[./-]{_DAY})?\.?(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?)?"
    r"|(?:[01]?\d|2[0-3])[:.][0-5]\d(?:[:.][0-5]\d)?"
)
"""What is a date or a time though it has no word: it must exist."""


def _is_date(words: Tokens, run: list[int]) -> bool:
    text = "".join(
        ("" if words.glued[word] or word == run[0] else " ") + words.words[word]
        for word in range(run[0], run[-1] + 1)
    )
    if any(map(str.isalpha, text.replace("T", "").replace("Z", ""))):
        return True
    return _FIGURES.fullmatch(text) is not None and not _goes_on_glued(words, run[-1] + 1)


def _goes_on_glued(words: Tokens, after: int) -> bool:
    """Whether figures go on behind a point, as those of a version do."""
    following = words.glued[after : after + 2] == [True, True]
    return following and words.words[after + 1][0].isalnum()


def _is_address(words: Tokens, run: list[int]) -> bool:
    """Whether there is a number and a name to it: more is found by form, not here.

    Few streets are written in five capitals, and no number in a street or postcode has more
    than six figures: ISSN 2693-0968, EAN 0671005184974.
    """
    numbers = [words.words[word] for word in run if words.words[word].isdecimal()]
    if not numbers or max(map(len, numbers)) > LONGEST_NUMBER:
        return False
    return any(
        words.shapes[word] in SHORTEST_STREET
        and len(words.words[word]) >= SHORTEST_STREET[words.shapes[word]]
        for word in run
    )


def _with_ending(words: Tokens, last: int) -> int:
    """The last word of a name with an ending that is written apart ("EU:ssa")."""
    end = last + 2
    ended = (
        end < len(words.words)
        and words.words[last + 1] in ("-", ":")
        and words.glued[last + 1]
        and words.glued[end]
        and words.shapes[end] == LOWER
        and len(words.words[end]) <= LONGEST_ENDING
    )
    return end if ended else last


def _says_little(words: Tokens, known: Known, word: int, best: int) -> bool:
    """Whether one word is too short for a name, or in lower case where names have capitals.

    A text of one word without a capital, as a member's name is, counts if it is well known.
    """
    shape, written = words.shapes[word], words.words[word]
    if shape == LOWER or not written[0].isalpha():
        return True
    if shape == UNCASED and len(words.words) == 1 and not known[word]:
        return True
    return len(written) < 3 and not (shape == UPPER and best == LOCATION)


def _is_doubtful(words: Tokens, known: Known, run: list[int]) -> bool:
    if all(words.shapes[word] in (LOWER, UNCASED) for word in run):
        return True
    if len(run) > 1 or known[run[0]]:
        return False
    if words.shapes[run[0]] == UPPER:
        return True
    first = run[0]
    begins = (
        first == 0 or words.shapes[first - 1] == LINE_END or words.words[first - 1] in _ENDS
    )
    return words.shapes[first] == TITLE and begins and _goes_on(words, first)


def _goes_on(words: Tokens, first: int) -> bool:
    """Whether a sentence follows, and not the end of a line or a comma, as in a greeting."""
    return first + 1 < len(words.words) and words.shapes[first + 1] in (LOWER, UNCASED)

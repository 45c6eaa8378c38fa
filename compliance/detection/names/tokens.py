"""A text as words, and what the model is told about each of them besides the word itself.

A word is a run of letters, a run of digits, one other sign, or the end of a line. A word is
looked up by hashes of its lower-cased form and of its character n-grams, so that a word never
seen before still shares most of what it is made of with words that were. Hashes are those of
a polynomial over code points modulo 2**64, hence computed for a whole text at once from one
cumulated sum (Karp and Rabin, 1987): `hash(a, b) = (S[b] - S[a]) * BASE**-a`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, compress, pairwise

import numpy as np
import numpy.typing as npt
import regex

Ids = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

WORD_ROWS = 1 << 16
NGRAM_ROWS = 1 << 17
NGRAMS = (3, 4, 5)
MAX_WORD = 40  # characters of a word that are looked at

SHAPES = 14
(
    LOWER,
    TITLE,
    UPPER,
    INITIAL,
    MIXED,
    CASELESS,
    DIGIT,
    TWO_DIGITS,
    FOUR_DIGITS,
    DIGITS,
    SIGN,
    OPENING,
    LINE_END,
    UNCASED,  # lower case in a line that has no capitals at all
) = range(SHAPES)

SPACE = -1  # of what is between words
_PART = regex.compile(r"[^\S\n]++|\p{L}[\p{L}\p{M}]*+|\p{Nd}++|\n|\S")
_SEAM = regex.compile(r"(?<=\p{Ll}{3})(?=\p{Lu}\p{Ll}{2})")
"""Where a name begins that is glued to another (AnnaWeber)."""
_CAPITALS = frozenset({TITLE, UPPER, INITIAL, MIXED})
_OPENINGS = frozenset("([{<«„“‘\"'")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words of a text. All sequences have one element a word."""

    words: list[str]  # as written
    starts: list[int]  # in code points
    ends: list[int]
    shapes: list[int]  # one of the constants of this module
    glued: list[bool]  # no space before it


def tokens(text: str) -> Tokens:
    """The words of a text in their order; spaces are left out."""
    parts = _PART.findall(text)
    # Most stand in a text more than once.
    shapes = {part: SPACE if _is_space(part) else shape(part) for part in set(parts)}
    seamed = {
        part: names
        for part, shape in shapes.items()
        if shape == MIXED and len(names := _SEAM.split(part)) > 1
    }
    if seamed:
        parts = [name for part in parts for name in seamed.get(part, (part,))]
        shapes |= {name: shape(name) for names in seamed.values() for name in names}
    written = [shapes[part] for part in parts]
    is_word = [shape != SPACE for shape in written]
    words = list(compress(parts, is_word))
    ends = list(compress(accumulate(map(len, parts)), is_word))
    starts = [end - len(word) for end, word in zip(ends, words, strict=True)]
    glued = list(compress([False, *is_word], is_word))
    return Tokens(words, starts, ends, uncased(list(compress(written, is_word))), glued)


def _is_space(part: str) -> bool:
    return part != "\n" and part.isspace()


def uncased(shapes: list[int]) -> list[int]:
    """The shapes, with lower case told apart in lines where nothing has a capital.

    There it says nothing of whether a word is a name.
    """
    found: list[int] = []
    ends = [at for at, shape in enumerate(shapes, 1) if shape == LINE_END]
    for start, end in pairwise([0, *ends, len(shapes)]):
        line = shapes[start:end]
        if _CAPITALS.isdisjoint(line):
            line = [UNCASED if shape == LOWER else shape for shape in line]
        found += line
    return found


def shape(word: str) -> int:
    """How a word is written, whatever its letters are."""
    first = word[0]
    if first.isalpha():
        return _letters(word)
    if first.isdecimal():
        return {1: DIGIT, 2: TWO_DIGITS, 4: FOUR_DIGITS}.get(len(word), DIGITS)
    if first == "\n":
        return LINE_END
    return OPENING if first in _OPENINGS else SIGN


def _letters(word: str) -> int:
    if word.islower():
        return LOWER
    if word.isupper():
        return UPPER if len(word) > 1 else INITIAL
    if word[0].isupper() and word[1:].islower():
        return TITLE
    return MIXED if word.lower() != word.upper() else CASELESS


def folded(word: str) -> str:
    """The form under which a word is looked up."""
    return word[:MAX_WORD].lower().replace("\u2019", "'")


# --- Hashes -------------------------------------------------------------------------------

_BASE = 0x9E3779B97F4A7C15 | 1
_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_SPAN = 1 << 16  # characters hashed in one go


def _powers(base: int) -> Hashes:
    with np.errstate(over="ignore"):
        return np.cumprod(
            np.concatenate([np.ones(1, np.uint64), np.full(_SPAN, base, np.uint64)]),
            dtype=np.uint64,
        )


_POWERS = _powers(_BASE)
_INVERSES = _powers(_INVERSE)


@dataclass(frozen=True, slots=True)
class Hashed:
    """The hashes of some words, by which they are looked up.

    `prefixes[i, k]` is the hash of word i less its last k letters, for k up to 3; a word that
    has too few letters for that has the hash 0 there. The n-grams of word i are
    `ngrams[offsets[i]:offsets[i + 1]]`, as rows of a table of `NGRAM_ROWS`.
    """

    prefixes: Hashes  # (words, 4)
    rows: Ids  # (words,), of a table of `WORD_ROWS`
    ngrams: Ids
    offsets: Ids  # (words + 1,)


def hashed(words: Sequence[str]) -> Hashed:
    """The hashes of words that are folded already."""
    parts = []
    begin = 0
    size = 0
    for index, word in enumerate(words):
        if size + len(word) + 2 > _SPAN:
            parts.append(_hashed(words[begin:index]))
            begin, size = index, 0
        size += len(word) + 2
    parts.append(_hashed(words[begin:]))
    if len(parts) == 1:
        return parts[0]
    bases = np.cumsum([0] + [len(part.ngrams) for part in parts])
    return Hashed(
        np.concatenate([part.prefixes for part in parts]),
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.ngrams for part in parts]),
        np.concatenate(
            [part.offsets[:-1] + base for part, base in zip(parts, bases, strict=False)]
            + [bases[-1:]]
        ),
    )


KEPT = 4  # letters that stay at least when an ending is cut off


def _hashed(words: Sequence[str]) -> Hashed:
    joined = "".join(f"<{word}>" for word in words)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter((len(word) + 2 for word in words), np.int64, len(words))
    ends = np.cumsum(lengths)
    starts = ends - lengths
    owner = np.repeat(np.arange(len(words)), lengths)
    with np.errstate(over="ignore"):
        sums = np.zeros(len(codes) + 1, np.uint64)
        np.cumsum(codes.astype(np.uint64) * _POWERS[: len(codes)], out=sums[1:])
        prefixes = np.zeros((len(words), 4), np.uint64)
        for cut in range(4):
            last = ends - 1 - cut
            enough = last - starts - 1 >= (KEPT if cut else 1)
            whole = _hash(sums, starts[enough], last[enough])
            prefixes[enough, cut] = whole
        found = []
        owners = []
        for n in NGRAMS:
            at = np.arange(max(0, len(codes) - n + 1))
            inside = owner[at] == owner[at + n - 1] if len(at) else np.zeros(0, bool)
            at = at[inside]
            found.append(_hash(sums, at, at + n) + np.uint64(n))
            owners.append(owner[at])
        ngrams = np.concatenate(found)
        of = np.concatenate(owners)
        order = np.argsort(of, kind="stable")
        offsets = np.zeros(len(words) + 1, np.int64)
        np.cumsum(np.bincount(of, minlength=len(words)), out=offsets[1:])
        return Hashed(
            prefixes,
            _row(prefixes[:, 0], WORD_ROWS),
            _row(ngrams[order], NGRAM_ROWS),
            offsets,
        )


def _hash(sums: Hashes, starts: Ids, ends: Ids) -> Hashes:
    mixed = (sums[ends] - sums[starts]) * _INVERSES[starts]
    mixed ^= mixed >> np.uint64(32)
    mixed *= _MIX
    mixed ^= mixed >> np.uint64(29)
    return np.asarray(mixed, np.uint64)


def _row(hashes: Hashes, rows: int) -> Ids:
    return (hashes >> np.uint64(20)).astype(np.int64) & (rows - 1)

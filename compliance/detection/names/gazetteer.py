"""Which words are known as names of persons, places and months, whole or less their ending.

A gazetteer is two arrays: the hashes of the words (see `tokens`), sorted, and a byte of flags
for each. The words themselves are not kept. It helps most where a language had no text to
train on: the model learns what to make of a flag from all languages together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compliance.detection.names.tokens import Hashed, folded, hashed

FIRST, LAST, CITY, TOWN, LAND, TIME = (1 << bit for bit in range(6))
"""A first name, a family name, a larger town, a smaller one, a country or region, and a month
or day of the week."""
FLAGS = 6
FEATURES = 2 * FLAGS
"""Columns of `Gazetteer.features`: the flags of a word, then those of its stems."""
WELL_KNOWN = [0, 2, 4, FLAGS + 2, FLAGS + 4]
"""The columns of first names, and of larger towns and countries, whole or less their ending."""

_ENDINGS = "aeiouyάαηιοωςаеийояьąęėįųūāēīøåäöőüűáéíóúý"


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """Words by their hashes. `stems` holds them less a last vowel or s."""

    keys: npt.NDArray[np.uint32]
    flags: npt.NDArray[np.uint8]
    stem_keys: npt.NDArray[np.uint32]
    stem_flags: npt.NDArray[np.uint8]

    def features(self, words: Hashed) -> npt.NDArray[np.float32]:
        """What is known of words, of shape (words, `FEATURES`), each 0 or 1."""
        found = np.zeros((len(words.rows), FEATURES), np.float32)
        short = (words.prefixes >> np.uint64(32)).astype(np.uint32)
        every = _looked_up(self.keys, self.flags, short)
        stem = _looked_up(self.stem_keys, self.stem_flags, short)
        whole = every[:, 0]
        stems = np.bitwise_or.reduce(every[:, 1:], 1) | np.bitwise_or.reduce(stem, 1)
        for bit in range(FLAGS):
            found[:, bit] = (whole >> bit) & 1
            found[:, FLAGS + bit] = (stems >> bit) & 1
        return found


def _looked_up(
    keys: npt.NDArray[np.uint32], flags: npt.NDArray[np.uint8], wanted: npt.NDArray[np.uint32]
) -> npt.NDArray[np.uint8]:
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    hit = (keys[at] == wanted) & (wanted != 0)
    return np.asarray(flags[at] * hit, np.uint8)


def gazetteer(words: Mapping[str, int]) -> Gazetteer:
    """A gazetteer of words and their flags. Words of one letter are left out."""
    whole: dict[str, int] = {}
    stems: dict[str, int] = {}
    for word, flags in words.items():
        name = folded(word)
        if len(name) < 2:
            continue
        whole[name] = whole.get(name, 0) | flags
        stem = name[:-1] if name[-1] in "sςс" and len(name) > 5 else name
        if stem[-1] in _ENDINGS:
            stem = stem[:-1]
        if stem != name and len(stem) >= 4:
            stems[stem] = stems.get(stem, 0) | flags
    return Gazetteer(*_arrays(whole), *_arrays(stems))


def _arrays(words: Mapping[str, int]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    hashes = (hashed(list(words)).prefixes[:, 0] >> np.uint64(32)).astype(np.uint32)
    keys, which = np.unique(hashes, return_inverse=True)
    flags = np.zeros(len(keys), np.uint8)
    np.bitwise_or.at(flags, which, np.fromiter(words.values(), np.uint8, len(words)))
    return keys, flags

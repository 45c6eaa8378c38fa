"""The names model at work: texts -> names with their places.

Weights that were trained by `training` are loaded from the folder beside this module, checked
against their SHA-256. The two tables of word vectors are bytes that stay mapped from their
files, shared by all processes of a machine; the network runs in ONNX Runtime on one thread.

Texts of any length are read in windows that overlap by what the network sees to either side, so
that what is found does not depend on where a window begins; time and memory grow linearly.
Several texts are laid one behind another, with words between them that the network sees as
nothing: none is filled up to the length of the longest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from time import monotonic

import numpy as np
import onnxruntime

from compliance.detection.countries import is_country
from compliance.detection.names.gazetteer import FLAGS, LAND, WELL_KNOWN, Gazetteer
from compliance.detection.names.labels import CLASSES, DILATIONS, REACH, TAGS
from compliance.detection.names.spans import Floats, Name, names_of
from compliance.detection.names.tokens import Hashed, Tokens, folded, hashed, tokens
from compliance.vocabulary import DetectionFailed

FOLDER = Path(__file__).parent / "weights"
SUMS = "SHA256SUMS"

WINDOW = 1024  # words that are read together
SHORTEST = 3  # letters of a word by which a country is known
CHUNK = 400_000  # characters of a text whose words are in memory together


@dataclass(slots=True)
class _Line:
    """The words of several texts as the network reads them, one element a word."""

    words: list[str] = field(default_factory=list)
    forms: list[int] = field(default_factory=list)
    mask: list[int] = field(default_factory=list)  # 0 between texts, else 1

    def add(self, tokens: Tokens) -> int:
        """Add a text behind the others; returns where its first word stands.

        Between two stand as many words as a layer of the network looks far, which it sees as
        nothing.
        """
        between = max(DILATIONS) if self.words else 0
        self.words += ["\n"] * between
        self.forms += [0] * between
        self.mask += [0] * between
        place = len(self.words)
        self.words += tokens.words
        self.forms += [
            2 * shape + glued for shape, glued in zip(tokens.shapes, tokens.glued, strict=True)
        ]
        self.mask += [1] * len(tokens.words)
        return place


class Names:
    """Finds names in texts of any language. Not thread-safe; about 60 MB once a process."""

    entities = CLASSES

    def __init__(self, folder: Path = FOLDER) -> None:
        """Load the weights; raises `DetectionFailed` when they are missing or changed."""
        check(folder)
        self._words = np.asarray(np.load(folder / "words.npy", mmap_mode="r"))
        self._ngrams = np.asarray(np.load(folder / "ngrams.npy", mmap_mode="r"))
        with np.load(folder / "tables.npz") as tables:
            self._word_scales: Floats = tables["word_scales"].astype(np.float32)
            self._ngram_scales: Floats = tables["ngram_scales"].astype(np.float32)
            self._known = Gazetteer(
                tables["keys"], tables["flags"], tables["stem_keys"], tables["stem_flags"]
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.enable_cpu_mem_arena = False  # it would keep what the largest batch took
        self._network = onnxruntime.InferenceSession(
            folder / "network.onnx", options, providers=["CPUExecutionProvider"]
        )

    def find(self, texts: Sequence[str], seconds: float | None = None) -> list[list[Name]]:
        """The names in each text, in their order; they do not overlap.

        Raises `DetectionFailed` when `seconds` have passed before all texts were read.
        """
        until = float("inf") if seconds is None else monotonic() + seconds
        found: list[list[Name]] = [[] for _ in texts]
        pieces = [
            (index, offset, tokens(piece))
            for index, text in enumerate(texts)
            if len(text) <= CHUNK
            for offset, piece in ((0, text),)
            if any(map(str.isalpha, text))
        ]
        for index, offset, names in self._read(pieces, until):
            found[index] += [_moved(name, offset) for name in names]
        for index, text in enumerate(texts):
            if len(text) > CHUNK:
                for offset, piece in chunks(text):
                    for _, _, names in self._read([(0, 0, tokens(piece))], until):
                        found[index] += [_moved(name, offset) for name in names]
        return self._told(texts, found)

    def _told(self, texts: Sequence[str], found: list[list[Name]]) -> list[list[Name]]:
        """The same names, with countries told from other locations."""
        places = {
            text[name.start : name.end]
            for text, names in zip(texts, found, strict=True)
            for name in names
            if name.label == "LOCATION"
        }
        if not places:
            return found
        countries = self.countries(sorted(places))
        return [
            [
                replace(name, country=True)
                if name.label == "LOCATION" and text[name.start : name.end] in countries
                else name
                for name in names
            ]
            for text, names in zip(texts, found, strict=True)
        ]

    def countries(self, names: Sequence[str]) -> frozenset[str]:
        """Those of some names that are countries or territories, in any language or case."""
        words = [
            [folded(word) for word in tokens(name).words if len(word) >= SHORTEST]
            for name in names
        ]
        known = self._known.features(hashed([word for several in words for word in several]))
        land = LAND.bit_length() - 1
        is_land = known[:, land] + known[:, FLAGS + land] > 0
        found = set()
        at = 0
        for name, several in zip(names, words, strict=True):
            if several and is_land[at : at + len(several)].all():
                found.add(name)
            at += len(several)
        return frozenset(found | {name for name in names if is_country(name)})

    def _read(
        self, pieces: Sequence[tuple[int, int, Tokens]], until: float
    ) -> Iterator[tuple[int, int, list[Name]]]:
        """The names of pieces of text, which are read one behind another, window by window."""
        line = _Line()
        places = [line.add(words) for _, _, words in pieces]
        chances = np.zeros((len(line.words), len(TAGS) + 1), np.float32)
        for start in range(0, len(line.words), WINDOW - 2 * REACH):
            if start and start + 2 * REACH >= len(line.words):
                break
            if monotonic() > until:
                raise DetectionFailed("the text is too long to be checked in the time allowed")
            skip = REACH if start else 0
            chances[start + skip : start + WINDOW] = self._chances(line, start)[skip:]
        for (index, offset, words), place in zip(pieces, places, strict=True):
            rows = chances[place : place + len(words.words)]
            yield index, offset, list(names_of(words, rows))

    def _chances(self, line: _Line, start: int) -> Floats:
        """The probability of each tag for each word of a window, of shape (words, tags + 1).

        The last column is 1 for words that are known as first names, larger towns or countries.
        """
        window = slice(start, start + WINDOW)
        written = line.words[window]
        numbers: dict[str, int] = {}
        number = {
            word: numbers.setdefault(folded(word), len(numbers))
            for word in dict.fromkeys(written)
        }
        which = np.array([number[word] for word in written])
        features, known = self._features(list(numbers))
        fed = {
            "features": features,
            "which": which[None],
            "form": np.array(line.forms[window])[None],
            "mask": np.array(line.mask[window], np.float32)[None, :, None],
        }
        (chances,) = self._network.run(None, fed)
        return np.concatenate([chances[0], known[which][:, None]], 1, dtype=np.float32)

    def _features(self, words: Sequence[str]) -> tuple[Floats, Floats]:
        """Each word as the network is given it: its row, its n-grams' mean, what is known.

        The second array says whether it is a well-known name, whole or less its ending.
        """
        hashes = hashed(words)
        word = self._words.take(hashes.rows, 0) * self._word_scales[hashes.rows, None]
        mean = self._means(hashes)
        known = self._known.features(hashes)
        features = np.concatenate([word, mean, known], 1, dtype=np.float32)
        return features, known[:, WELL_KNOWN].max(1)

    def _means(self, hashes: Hashed) -> Floats:
        """The mean of the vectors of each word's n-grams, of shape (words, dimensions)."""
        counts = np.diff(hashes.offsets)
        longest_first = np.argsort(-counts, kind="stable")
        firsts = hashes.offsets[longest_first]
        # The first n-gram of every word, then the second of those that have one, and so on.
        having = np.bincount(counts)[::-1].cumsum()[::-1][1:].tolist()
        order = np.concatenate([firsts[:words] + nth for nth, words in enumerate(having)])
        rows = hashes.ngrams[order]
        vectors = self._ngrams.take(rows, 0) * self._ngram_scales[rows, None]
        sums = np.zeros((len(counts), vectors.shape[1]), np.float32)
        for words, end in zip(having, accumulate(having), strict=True):
            sums[:words] += vectors[end - words : end]
        means = np.empty_like(sums)
        means[longest_first] = sums / counts[longest_first, None]
        return means


def check(folder: Path) -> None:
    """Raises `DetectionFailed` unless all files are as they were when they were written."""
    try:
        sums = (folder / SUMS).read_text("ascii").split()
        for digest, name in zip(sums[::2], sums[1::2], strict=True):
            with (folder / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    raise DetectionFailed(
                        f"the names model's file {name} is not the one that was delivered; "
                        "install Domicile again"
                    )
        if not sums:
            raise DetectionFailed("the names model lists no files; install Domicile again")
    except (OSError, ValueError) as error:
        raise DetectionFailed(
            f"the names model cannot be read ({type(error).__name__}); install Domicile again"
        ) from error


def chunks(text: str) -> Iterator[tuple[int, str]]:
    """Consecutive pieces of at most `CHUNK` characters, which end with a line or word."""
    start = 0
    while start < len(text):
        end = min(start + CHUNK, len(text))
        if end < len(text):
            for mark in ("\n", " "):
                at = text.rfind(mark, end - CHUNK // 4, end)
                if at >= 0:
                    end = at + 1
                    break
        yield start, text[start:end]
        start = end


def _moved(name: Name, offset: int) -> Name:
    if not offset:
        return name
    return replace(name, start=name.start + offset, end=name.end + offset)

"""Everything to train on, as arrays in one file.

    python -m compliance.detection.names.training.corpus CORPORA corpus.npz [--more FOLDER]

FOLDER holds the unpacked wheels of wagtail, django-oscar and django-allauth (BSD, MIT: their
messages in many languages) and of stopwordsiso (MIT). To them come the texts and sentences that
lie beside this module. CORPORA is a folder of `*.jsonl.gz` with one `{"lang", "text", "spans"}` a line. What a corpus
does not annotate is not learnt from it: a word without a label may there be any of the classes
that the corpus leaves out. From every sentence with names a second one is made, with other
names in their places, so that the sentence is learnt and not whom it names.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from compliance.detection.names.gazetteer import gazetteer
from compliance.detection.names.labels import CLASSES, TAGS
from compliance.detection.names.tokens import LINE_END, folded, hashed, tokens
from compliance.detection.names.training import LANGUAGES, plain, sources
from compliance.detection.names.training.marked import texts
from compliance.detection.names.training.slots import Filler, Sentence, Span, sentences

Array = npt.NDArray[Any]

_THREE = frozenset({"PERSON", "LOCATION", "ORGANIZATION"})
_FOUR = _THREE | {"DATE_TIME"}
ANNOTATED = {
    "ronec.ro": _FOUR, "ronec_v1.ro": _FOUR, "estner.et": _FOUR, "germeval2014.de": _THREE,
    "mobie.de": _FOUR, "btc.en": _THREE, "swedish_ner.sv": _THREE, "europeana.fr": _THREE,
    "europeana.nl": _THREE, "europeana.de": _THREE,
}  # fmt: skip
WEIGHTS = {"europeana.fr": 0.6, "europeana.nl": 0.6, "europeana.de": 0.4, "mobie.de": 0.6}
TIMES = 24  # how often each sentence with slots is filled
SHORTEST_CARRIER = 12  # characters of a text that names are put into


def read(path: Path) -> Iterator[Sentence]:
    """The sentences of a corpus file. Labels that are no class of ours are left out."""
    source = path.name.removesuffix(".jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            spans = tuple(
                (start, end, label) for start, end, label in row["spans"] if label in CLASSES
            )
            yield Sentence(
                row["lang"], row["text"], spans, ANNOTATED[source], WEIGHTS.get(source, 1.0)
            )


def renamed(sentence: Sentence, filler: Filler) -> Sentence:
    """The sentence with other persons and places in it."""
    text, last, spans = "", 0, list[Span]()
    for start, end, label in sentence.spans:
        value = sentence.text[start:end]
        text += sentence.text[last:start]
        words = value.split(" ")
        if label == "PERSON" and all(word[:1].isupper() for word in words) and len(words) < 4:
            value = filler.value("LAST" if len(words) == 1 else "PERSON")
        elif label == "LOCATION" and len(words) == 1 and value[:1].isupper():
            value = filler.value("CITY")
        spans.append((len(text), len(text) + len(value), label))
        text += value
        last = end
    return replace(sentence, text=text + sentence.text[last:], spans=tuple(spans))


def gathered(
    corpora: Path, more: Path | None, rng: random.Random
) -> Iterator[tuple[str, Sentence]]:
    """Every sentence to train on, with the name of where it is from."""
    fillers = {language: Filler(language, rng) for language in LANGUAGES}
    annotated = [
        (path.name.removesuffix(".jsonl.gz"), read(path))
        for path in sorted(corpora.glob("*.jsonl.gz"))
    ]
    annotated += [(f"texts.{language}", texts(language)) for language in LANGUAGES]
    for source, found in annotated:
        for sentence in found:
            yield source, sentence
            if any(label in ("PERSON", "LOCATION") for _, _, label in sentence.spans):
                yield source + "+", renamed(sentence, fillers[sentence.language])
    for language in LANGUAGES:
        for sentence in sentences(language, TIMES, rng):
            yield f"slots.{language}", sentence
        for source, sentence in _worded(language, more, rng):
            yield f"{source}.{language}", sentence
            if len(sentence.text) >= SHORTEST_CARRIER:
                text, spans = fillers[language].inserted(sentence.text)
                yield f"inserted.{language}", replace(sentence, text=text, spans=spans)
    for sentence in plain.everything(rng):
        yield "plain", sentence


def _worded(
    language: str, more: Path | None, rng: random.Random
) -> Iterator[tuple[str, Sentence]]:
    for sentence in plain.messages(language, more):
        yield "messages", sentence
    for sentence in plain.function_words(language, more, rng) if more else ():
        yield "words", sentence


def common(texts: Iterable[Sentence]) -> frozenset[str]:
    """Words that are written in lower case often: whatever a gazetteer says, they are words."""
    lower: Counter[str] = Counter()
    title: Counter[str] = Counter()
    for sentence in texts:
        if sentence.language == "code":
            continue
        for word in tokens(sentence.text).words:
            if word.islower():
                lower[word] += 1
            elif word[0].isupper():
                title[word.lower()] += 1
    return frozenset(
        word for word, count in lower.items() if count >= 2 and count > title[word] / 3
    )


class _Words:
    """Numbers of words in the order in which they were met."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, word: str) -> int:
        return self.numbers.setdefault(word, len(self.numbers))


def encoded(sentences_: list[tuple[str, Sentence]]) -> dict[str, Array]:
    """Sentences as flat arrays, and the words that they are made of by their hashes."""
    words = _Words()
    ids, shapes, glued, tags, lengths = [], [], [], [], []
    allowed, groups, weights = [], [], []
    names = sorted({source for source, _ in sentences_})
    sets = sorted({tuple(sorted(sentence.annotated)) for _, sentence in sentences_})
    for source, sentence in sentences_:
        found = tokens(sentence.text)
        if not found.words:
            continue
        ids += [words.number(folded(word)) for word in found.words]
        shapes += found.shapes
        glued += found.glued
        tags += tagged(found.starts, found.ends, sentence.spans)
        lengths.append(len(found.words))
        allowed.append(sets.index(tuple(sorted(sentence.annotated))))
        groups.append(names.index(source))
        weights.append(sentence.weight)
    forms = list(words.numbers)
    hashes = hashed(forms)
    counts = np.bincount(np.asarray(ids), minlength=len(forms))
    return {
        "ids": np.asarray(ids, np.int32), "shapes": np.asarray(shapes, np.int8),
        "glued": np.asarray(glued, np.int8), "tags": np.asarray(tags, np.int8),
        "lengths": np.asarray(lengths, np.int32), "allowed": np.asarray(allowed, np.int8),
        "groups": np.asarray(groups, np.int16), "weights": np.asarray(weights, np.float32),
        "sources": np.asarray(names), "unannotated": _unannotated(sets),
        "rows": hashes.rows.astype(np.int32), "ngrams": hashes.ngrams.astype(np.int32),
        "offsets": hashes.offsets, "counts": counts.astype(np.int32),
        "line_end": np.asarray([words.numbers.get("\n", 0), LINE_END]),
        "prefixes": hashes.prefixes,
    }  # fmt: skip


def _unannotated(sets: list[tuple[str, ...]]) -> Array:
    """For each set of annotated classes, which tags a word without a label may have."""
    table = np.zeros((len(sets), len(TAGS)), bool)
    for row, annotated in enumerate(sets):
        for column, tag in enumerate(TAGS):
            table[row, column] = tag == "O" or tag[2:] not in annotated
    return table


def tagged(starts: list[int], ends: list[int], spans: tuple[Span, ...]) -> list[int]:
    """The tag of each word; a word counts to a span if it overlaps it."""
    tags = [0] * len(starts)
    word = 0
    for start, end, label in spans:
        while word < len(starts) and ends[word] <= start:
            word += 1
        first = True
        while word < len(starts) and starts[word] < end:
            tags[word] = TAGS.index(("B-" if first else "I-") + label)
            first = False
            word += 1
    return tags


def main() -> None:
    """Write the arrays of all sentences, and say how much text each source has."""
    parser = argparse.ArgumentParser(description="Gather what the names model is trained on")
    parser.add_argument("corpora", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--more", type=Path, help="a folder of unpacked programs")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    found = list(gathered(given.corpora, given.more, random.Random(given.seed)))
    words = common(sentence for _, sentence in found)
    known = gazetteer(sources.flags(words))
    arrays = encoded(found)
    prefixes = arrays.pop("prefixes")
    hashes = hashed([""])
    arrays["known"] = known.features(
        type(hashes)(prefixes, arrays["rows"].astype(np.int64), hashes.ngrams, hashes.offsets)
    ).astype(np.int8)
    arrays |= {
        "gazetteer_keys": known.keys, "gazetteer_flags": known.flags,
        "gazetteer_stem_keys": known.stem_keys, "gazetteer_stem_flags": known.stem_flags,
    }  # fmt: skip
    np.savez(given.target, allow_pickle=False, **arrays)
    sizes = Counter[str]()
    for source, sentence in found:
        sizes[source] += len(sentence.text)
    for source, size in sorted(sizes.items()):
        print(f"{source:24} {size:9} characters")
    print(
        len(arrays["lengths"]),
        "sentences",
        len(arrays["ids"]),
        "words",
        len(known.keys),
        "known",
    )


if __name__ == "__main__":
    main()

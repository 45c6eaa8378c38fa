"""F1 per file of annotated sentences, by exact spans.

    python -m compliance.detection.names.training.score FILE.jsonl.gz... [--weights FOLDER]

Only classes that a file annotates count (those that occur in it at least ten times).
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from compliance.detection.names.labels import CLASSES
from compliance.detection.names.model import FOLDER, Names

Spans = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Score:
    """Spans that are right, found, and wanted."""

    right: int
    found: int
    wanted: int

    @property
    def precision(self) -> float:
        """Share of the spans found that are right."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of the spans wanted that were found."""
        return self.right / self.wanted if self.wanted else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return 2 * self.right / (self.found + self.wanted) if self.found + self.wanted else 0.0


def rows(path: Path, most: int) -> list[tuple[str, list[tuple[int, int, str]]]]:
    """Texts with their spans, at most so many, evenly from the whole file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    step = max(1, len(found) // most)
    return [
        (row["text"], [(start, end, label) for start, end, label in row["spans"]])
        for row in found[::step]
    ]


def scores(
    names: Names, texts: Sequence[tuple[str, list[tuple[int, int, str]]]]
) -> Iterator[tuple[str, Score]]:
    """The score of each class that is annotated."""
    annotated = Counter(label for _, spans in texts for _, _, label in spans)
    right, found, wanted = Counter[str](), Counter[str](), Counter[str]()
    answers = names.find([text for text, _ in texts])
    for (_, spans), answer in zip(texts, answers, strict=True):
        for label in CLASSES:
            true = {(start, end) for start, end, which in spans if which == label}
            said = {(name.start, name.end) for name in answer if name.label == label}
            right[label] += len(true & said)
            found[label] += len(said)
            wanted[label] += len(true)
    for label in CLASSES:
        if annotated[label] >= 10:
            yield label, Score(right[label], found[label], wanted[label])


def together(parts: Sequence[Score]) -> Score:
    """One score of several classes, each name counted once."""
    return Score(
        sum(part.right for part in parts),
        sum(part.found for part in parts),
        sum(part.wanted for part in parts),
    )


def main() -> None:
    """Print a line for each file: F1 of names, of persons and places, and of each class."""
    parser = argparse.ArgumentParser(description="F1 of the names model, by exact spans")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--weights", type=Path, default=FOLDER)
    parser.add_argument("--most", type=int, default=1000)
    arguments = parser.parse_args()
    names = Names(arguments.weights)
    totals, people = [], []
    for path in arguments.files:
        by_class = dict(scores(names, rows(path, arguments.most)))
        named = [by_class[label] for label in ("PERSON", "LOCATION") if label in by_class]
        most = [*named, *(by_class[label] for label in ("ORGANIZATION",) if label in by_class)]
        totals.append(together(most).f1)
        people.append(together(named).f1)
        parts = " ".join(
            f"{label[:3]} {score.f1:.2f} (p {score.precision:.2f} r {score.recall:.2f})"
            for label, score in by_class.items()
        )
        print(f"{path.name.split('.jsonl')[0]:16} {totals[-1]:.3f} {people[-1]:.3f}  {parts}")
    print(f"mean             {sum(totals) / len(totals):.3f} {sum(people) / len(people):.3f}")


if __name__ == "__main__":
    main()

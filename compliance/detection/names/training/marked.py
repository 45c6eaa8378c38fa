r"""Texts written for Domicile in 24 languages, each with the marks of its names.

One text a line of `texts/<language>.txt`, `\n` for the end of a line in it, and marks as in
`[P Jana Nováková] works for [O Siemens] in [L Brno] since [D 2019].`
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import regex

from compliance.detection.names.training.slots import EVERY, Sentence, Span

FOLDER = Path(__file__).parent / "texts"

LABELS = {
    "P": "PERSON", "L": "LOCATION", "O": "ORGANIZATION", "A": "ADDRESS", "D": "DATE_TIME",
}  # fmt: skip
_MARK = regex.compile(r"\[([PLOAD]) ([^][\s][^][]*)\]")


def read(line: str) -> tuple[str, tuple[Span, ...]]:
    """A text and its spans; raises `ValueError` if a bracket is left that marks nothing."""
    text, spans, last = "", [], 0
    line = line.replace("\\n", "\n")
    for mark in _MARK.finditer(line):
        text += line[last : mark.start()]
        spans.append((len(text), len(text) + len(mark[2]), LABELS[mark[1]]))
        text += mark[2]
        last = mark.end()
    text += line[last:]
    if not text.strip() or "[" in text or "]" in text:
        raise ValueError(f"this text is empty or its marks are not right: {line[:80]!r}")
    return text, tuple(spans)


def texts(language: str) -> Iterator[Sentence]:
    """The texts of a language with their names."""
    for line in (FOLDER / f"{language}.txt").read_text("utf-8").splitlines():
        text, spans = read(line)
        yield Sentence(language, text, spans, EVERY)

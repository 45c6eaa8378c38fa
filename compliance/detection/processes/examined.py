"""What stands in one text, and its form on the pipe between the pool and its processes.

A frame is a length (4 bytes, big-endian) and JSON. This module is all that a web process
loads of a detector: no model, no recogniser.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from compliance.detection.resolve import resolved
from compliance.vocabulary import Category, Finding, Scan

HEAD = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Examined:
    """What stands in one text; its findings have segment 0. Holds nothing of the text."""

    findings: tuple[Finding, ...]
    names_unchecked: bool
    languages: frozenset[str]


def joined(texts: Sequence[Examined]) -> Scan:
    """The scan of a request from what was found in each of its segments, in their order."""
    return Scan(
        findings=tuple(
            Finding(index, f.start, f.end, f.entity, f.category, f.score, f.recogniser)
            for index, text in enumerate(texts)
            for f in text.findings
        ),
        names_unchecked=any(text.names_unchecked for text in texts),
        languages=tuple(sorted({language for text in texts for language in text.languages})),
    )


def with_pieces(scan: Scan, pieces: Sequence[Finding]) -> Scan:
    """The scan with pieces of values that go over from one segment to another.

    What overlaps in a segment is resolved as what was found in it by itself: what identifies
    only with other data gives way.
    """
    if not pieces:
        return scan
    concerned: dict[int, list[Finding]] = {piece.segment: [] for piece in pieces}
    kept: list[Finding] = []
    for one in (*scan.findings, *pieces):
        concerned.get(one.segment, kept).append(one)
    for found in concerned.values():
        kept.extend(resolved(found))
    kept.sort(key=lambda one: (one.segment, one.start))
    return replace(scan, findings=tuple(kept))


def packed(value: Any) -> bytes:
    """A frame. ASCII JSON carries any string, lone surrogates included."""
    body = json.dumps(value, separators=(",", ":")).encode("ascii")
    return HEAD.pack(len(body)) + body


def written(examined: Examined) -> list[Any]:
    """What was found in a text as JSON values."""
    findings = [
        [f.start, f.end, f.entity, f.category, f.score, f.recogniser] for f in examined.findings
    ]
    return [findings, examined.names_unchecked, sorted(examined.languages)]


def read(value: list[Any]) -> Examined:
    """The opposite of `written`."""
    findings, names_unchecked, languages = value
    return Examined(
        tuple(
            Finding(0, start, end, entity, Category(category), score, recogniser)
            for start, end, entity, category, score, recogniser in findings
        ),
        names_unchecked,
        frozenset(languages),
    )

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

    What a piece overlaps becomes one finding with it, of the surer entity; of two that are
    equally sure, of the longer one's.
    """
    if not pieces:
        return scan
    found = sorted((*scan.findings, *pieces), key=lambda f: (f.segment, f.start, -f.end))
    kept = found[:1]
    for one in found[1:]:
        last = kept[-1]
        if one.segment == last.segment and one.start < last.end:
            surer = max(last, one, key=lambda f: (f.score, f.end - f.start))
            kept[-1] = replace(surer, start=last.start, end=max(last.end, one.end))
        else:
            kept.append(one)
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

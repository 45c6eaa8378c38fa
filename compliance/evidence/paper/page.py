"""A paper in parts, none of which is markup, and its PDF.

The same paper is the same file, before it is signed.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compliance.evidence.file import ExportImpossible
from compliance.evidence.paper.letters import FONTS, named, shown

PRESS = Path(__file__).with_name("press.py")
HEAVIEST = 3_000_000
"""What a paper may weigh: its characters, and `PARAGRAPH` for each block.

The press takes some 200 bytes for each, measured: 600 MB for the heaviest paper.
"""
PARAGRAPH = 100
HEAVIEST_DATA = 100_000_000
"""Bytes of the data that a paper may have attached.

The press and this process take some 4 bytes for each, and 10 for each of letters beyond ASCII,
measured: 1 GB at the most in each of them, beside the paragraphs.
"""
Block = Mapping[str, Any]


class PaperImpossible(ExportImpossible):
    """The PDF cannot be made. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Attached:
    """The same for machines, in the PDF as an associated file; `text` is JSON."""

    name: str
    text: str
    about: str


@dataclass(frozen=True, slots=True)
class Paper:
    """One document. `foot` is a sentence; the page's number follows it."""

    title: str
    author: str
    foot: str
    created: dt.datetime
    blocks: Iterable[Block]
    attached: Attached


def title(text: str) -> Block:
    """What is on the top of the first page."""
    return {"kind": "title", "text": named(text)}


def heading(text: str) -> Block:
    """Above a part of the paper."""
    return {"kind": "heading", "text": named(text)}


def label(text: str, source: str) -> Block:
    """Above a field, with what demands it."""
    return {"kind": "label", "text": named(text), "source": named(source)}


def text(words: str, style: str = "text", *, whole_in: str = "") -> Iterator[Block]:
    """A paragraph for each line. `style` is text, value, small, quiet or loud.

    What somebody typed is a `value`: it stands indented, so that no line of it passes for a
    sentence of the paper itself.

    Where the font lacks a character, a note says that the file `whole_in` has it.
    """
    clean, whole = shown(words)
    for line in clean.split("\n"):
        if line.strip():
            yield {"kind": "text", "text": line, "style": style}
    if whole_in and not whole:
        note = f"(Some characters of this text cannot be shown here; {whole_in} has it whole.)"
        yield {"kind": "text", "text": note, "style": "quiet"}


def table(head: tuple[str, str], rows: Sequence[tuple[str, int]]) -> Block:
    """Names and numbers."""
    return {
        "kind": "table",
        "head": list(head),
        "rows": [[named(name), f"{number:,}"] for name, number in rows],
    }


def _weight(block: Block) -> int:
    rows = len(block.get("rows", ()))
    return PARAGRAPH * (1 + rows) + len(block.get("text", ""))


def _allow(blocks: Sequence[Block], attached: Attached) -> None:
    """Raise `PaperImpossible` where the press would need too much memory."""
    size = len(attached.text.encode())
    if sum(map(_weight, blocks)) > HEAVIEST:
        what = f"have {len(blocks)} paragraphs"
    elif size > HEAVIEST_DATA:
        what = f"hold {size // 1_000_000} MB of data"
    else:
        return
    raise PaperImpossible(
        f"The PDF would {what}, for which the press would need too much memory. Nothing was "
        "recorded. Ask for fewer applications, or for a shorter period."
    )


def printed(paper: Paper) -> bytes:
    """The PDF, unsigned; raises `PaperImpossible`, also where it would be too large to set."""
    blocks = list(paper.blocks)
    _allow(blocks, paper.attached)
    order = {
        "fonts": str(FONTS),
        "created": int(paper.created.timestamp()),
        "paper": {
            "title": named(paper.title),
            "author": named(paper.author),
            "foot": named(paper.foot),
            "blocks": blocks,
            "attached": {
                "name": paper.attached.name,
                "text": paper.attached.text,
                "about": paper.attached.about,
            },
        },
    }
    run = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-I", str(PRESS)],
        input=json.dumps(order).encode(),
        env={"RAYON_NUM_THREADS": "1"},  # requests go first; and no secret of ours is passed on
        capture_output=True,
        check=False,
    )
    if run.returncode or not run.stdout.startswith(b"%PDF"):
        raise PaperImpossible(
            f"The PDF could not be set: the press ended with {run.returncode}. Nothing was "
            "recorded. Ask for a smaller part; if that fails too, run `manage.py doctor`."
        )
    return run.stdout

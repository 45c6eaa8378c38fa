"""Ordinary texts without personal data: whatever is found in them is found wrongly.

`texts()` gives them, each under the name of its kind: a language's code for prose, letters,
invoices, laws, medicines and prompts (`*.txt`, a paragraph each); code and configuration of
Python's library and of this repository; and what machines write, made up (`machines`).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from tests.compliance.detection.ordinary import machines

BASE = Path(__file__).resolve().parents[4]
LIBRARY = (
    "graphlib",
    "fnmatch",
    "queue",
    "linecache",
    "colorsys",
    "json.decoder",
    "json.scanner",
)
OURS = ("compliance/policy/solver.py", "inference/fit.py", "Makefile", "docker/compose.yaml")
LOCK = 12_000  # characters of the list of what is installed: addresses, versions, hashes
PIECE = 2_400  # characters of a piece of code, about those of a prompt of 500 tokens


def texts() -> Iterator[tuple[str, str]]:
    """Pairs of kind and text, always the same."""
    for path in sorted(Path(__file__).parent.glob("*.txt")):
        for text in path.read_text("utf-8").strip().split("\n\n"):
            yield path.stem, text
    for name in LIBRARY:
        for piece in _pieces(inspect.getsource(import_module(name))):
            yield "library", piece
    for name in OURS:
        for piece in _pieces((BASE / name).read_text("utf-8")):
            yield "code", piece
    for piece in _pieces((BASE / "uv.lock").read_text("utf-8")[:LOCK]):
        yield "lock", piece
    yield from machines.texts()


def _pieces(text: str) -> Iterator[str]:
    """A text in pieces of whole lines."""
    piece = ""
    for line in text.splitlines(keepends=True):
        if piece and len(piece) + len(line) > PIECE:
            yield piece
            piece = ""
        piece += line
    yield piece

"""That somebody else changed the same thing meanwhile, with both texts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conflict:
    """`theirs` is what is stored now, `mine` what was not saved; empty where a form holds it.

    A `long` text keeps its lines.
    """

    title: str
    words: str
    theirs: str
    mine: str = ""
    long: bool = False

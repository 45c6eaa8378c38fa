"""Names of persons that a program wrote as one word: anna_schmidt, AnnaSchmidt, anna-schmidt.

Code is full of such words, and few are names: a word counts that goes on from a common first
name, in an excerpt where it is written as a person would. Whether that is a name is for the
names model to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from compliance.detection.reading.first_names import FIRST_NAMES
from compliance.detection.reading.triggers import Trigger
from compliance.detection.reading.view import Edit, Trust, View, apart

_WORD = re.compile(
    r"(?<![^\W_])[^\W\d_]{3,20}(?:([_.])[^\W\d_]{3,20}(?:\1[^\W\d_]{2,20}){0,4})(?![\w@])"
    r"|(?<=[/=])[^\W\d_]{3,20}(?:(-)[^\W\d_]{3,20}(?:-[^\W\d_]{2,20}){0,4})(?!\w)"
)
_CAMEL = re.compile(r"(?<![A-Z])([A-Z][a-z]{2,19})([A-Z][a-z]{2,24})(?![a-z])")
_OF_CODE = frozenset(
    {
        *(
            "test",
            "tests",
            "name",
            "names",
            "data",
            "file",
            "files",
            "id",
            "ids",
            "key",
            "keys",
        ),
        *(
            "type",
            "value",
            "values",
            "list",
            "model",
            "models",
            "view",
            "views",
            "service",
            "html",
        ),
        *(
            "json",
            "com",
            "org",
            "net",
            "eu",
            "config",
            "server",
            "client",
            "user",
            "users",
            "app",
        ),
        *("api", "page", "index", "utils", "helper", "handler", "manager", "factory", "token"),
        *("font", "sans", "bold", "time", "date", "count", "size", "error", "version", "css"),
    }
)
"""What goes on from a first name in a program, and is no family name."""


def is_first_name(word: str) -> bool:
    """Whether a word is a common first name and hardly anything else."""
    return word.lower() in FIRST_NAMES


def compounds(view: View, present: Trigger) -> View | None:
    """Words that could be a person's whole name, with spaces and capitals; None without any."""
    edits = [
        *(_separated(view.text) if present & Trigger.COMPOUND else ()),
        *(_camel(view.text) if present & Trigger.CAMEL else ()),
    ]
    return view.excerpt(apart(edits), "compounds", Trust.FULL) if edits else None


def _separated(text: str) -> Iterator[Edit]:
    for match in _WORD.finditer(text):
        by = match[1] or match[2]
        start = match.start()
        for first, last in pairwise(match[0].split(by)):
            end = start + len(first) + len(by) + len(last)
            if is_first_name(first) and len(last) > 2 and last.lower() not in _OF_CODE:  # noqa: PLR2004
                yield _name(text, start, end, first, last)
                break
            start += len(first) + len(by)


def _camel(text: str) -> Iterator[Edit]:
    for match in _CAMEL.finditer(text):
        if is_first_name(match[1]) and match[2].lower() not in _OF_CODE:
            yield _name(text, *match.span(), match[1], match[2])


def _name(text: str, start: int, end: int, first: str, last: str) -> Edit:
    """Both written as a person's name, apart from what it was glued to."""
    before = " " if start and (text[start - 1].isalnum() or text[start - 1] == "_") else ""
    behind = " " if end < len(text) and (text[end].isalnum() or text[end] == "_") else ""
    return Edit(start, end, f"{before}{first.capitalize()} {last.capitalize()}{behind}")

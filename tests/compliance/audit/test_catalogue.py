"""Whatever the code appends to the record is in the catalogue of events."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from compliance.audit.catalogue import KINDS, unknown
from compliance.audit.entry import TYPE_MAX
from compliance.vocabulary import TERMINAL
from tests import events_page
from tests.check_docs import BASE, sources

APPENDING = {"Event", "record", "_record", "_say", "_over", "_internal", "Happening"}
TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+|login|logout|rejections|restore")
COMPOSED = {
    "compliance/admin/editing.py",  # <noun>.<what>: the console's tests look at these
    "compliance/gate.py",  # request.<end>
}
NO_EVENT = {"compliance/evidence/verify.py"}  # stands alone, and appends nothing


def constants(path: Path) -> dict[str, str]:
    """Names of a module's constants that hold a type."""
    found: dict[str, str] = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                found |= dict(_pairs(target, node.value))
    return found


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, str]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=True):
            yield from _pairs(one, other)
    elif isinstance(target, ast.Name) and (kind := _type(value)):
        yield target.id, kind


def _type(value: ast.expr) -> str:
    """The type of event that a constant names; empty where it names none."""
    text = value.value if isinstance(value, ast.Constant) else None
    return text if isinstance(text, str) and TYPE.fullmatch(text) else ""


def appended(path: Path, known: dict[str, str]) -> Iterator[tuple[str, int, bool]]:
    """Types in calls that append an event: the type, the line, and whether it is composed."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name not in APPENDING:
            continue
        given = [*node.args, *(one.value for one in node.keywords if one.arg == "type")]
        for one in given:
            if kind := _type(one):
                yield kind, node.lineno, False
            elif isinstance(one, ast.Name | ast.Attribute):
                constant = getattr(one, "id", getattr(one, "attr", ""))
                if constant in known:
                    yield known[constant], node.lineno, False
            elif isinstance(one, ast.JoinedStr) and " " not in (text := ast.unparse(one)):
                yield text, node.lineno, True


def everything() -> list[tuple[str, int, str, bool]]:
    anywhere = {name: kind for path in sources() for name, kind in constants(path).items()}
    return [
        (str(path.relative_to(BASE)), line, kind, composed)
        for path in sources()
        if str(path.relative_to(BASE)) not in NO_EVENT
        for kind, line, composed in appended(path, anywhere | constants(path))
    ]


def test_every_type_that_the_code_appends_is_in_the_catalogue():
    found = everything()
    assert len({kind for _path, _line, kind, _composed in found}) > 40, "the scan sees little"
    strangers = [
        f"{path}:{line} {kind}"
        for path, line, kind, composed in found
        if not composed and kind not in KINDS
    ]
    assert strangers == []
    assert {path for path, _line, _kind, composed in found if composed} <= COMPOSED


def test_the_page_of_events_is_as_the_catalogue():
    assert events_page.wrong(BASE.joinpath("docs", "events.md").read_text()) == []


def test_the_catalogue_names_what_its_page_would_miss():
    assert unknown("request.invented", {}) == ["the type request.invented"]
    assert unknown("login", {"actor": "a", "time": 1, "shoe": 43}) == ["login: the member shoe"]
    assert unknown("login", {"actor": "a", "time": 1}) == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_type_can_be_written_and_is_said_in_words(kind):
    assert len(kind) <= TYPE_MAX
    assert KINDS[kind].words
    assert not KINDS[kind].words.endswith(".")


def test_every_end_of_a_request_is_in_the_catalogue():
    assert set(KINDS) >= TERMINAL

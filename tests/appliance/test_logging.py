"""Nothing that a caller wrote is in a log line, whichever library writes it."""

import ast
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.env import BASE
from appliance.logging import KEYS, TEXT_MAX, described, permitted

PLANTED = "Anna Muster anna@example.com DE89370400440532013000"

SCRIPT = f"""
import logging, structlog
from appliance.logging import configure
configure({{"level": "INFO", "source": "web-9"}})
log = structlog.get_logger("inference.api")
planted = {PLANTED!r}
log.info("request", prompt=planted, request="abc", messages=[planted], status=200)
log.info("request", nodes=[planted, "node-1"], kind={{"a": planted}})
logging.getLogger("django.request").error("%s: %s", planted, "/v1/models")
task = {{"name": "a", "args": planted}}
logging.getLogger("celery.x").warning("Task %(name)s: %(args)s", task)
try:
    raise ValueError(planted)
except ValueError:
    log.exception("failed")
    logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
logging.getLogger("uvicorn.access").info('%s "%s"', "127.0.0.1", planted)
logging.getLogger("compliance.audit").info("The notary leads %s.", "origin")
"""


@pytest.fixture(scope="module")
def lines():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    for word in PLANTED.split():
        assert word not in done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_key_that_is_not_listed_shows_only_as_its_name(lines):
    assert lines[0]["dropped"] == ["prompt", "messages"]
    assert (lines[0]["request"], lines[0]["status"]) == ("abc", 200)
    assert lines[0]["source"] == "web-9"


def test_a_list_keeps_what_looks_like_names(lines):
    assert lines[1]["nodes"] == ["…", "node-1"]
    assert lines[1]["kind"] == "(dict)"


def test_arguments_of_other_libraries_are_shown_only_if_plain(lines):
    assert lines[2]["event"] == "…: /v1/models"
    assert lines[3]["event"] == "Task a: …"


def test_an_exception_shows_where_and_not_what(lines):
    for line in lines[4:6]:
        assert line["exception"]["type"] == "builtins.ValueError"
        assert "message" not in line["exception"]


def test_the_access_log_with_query_strings_is_off_and_our_words_are_whole(lines):
    assert lines[6]["event"] == "The notary leads origin."
    assert len(lines) == 7


def test_an_error_of_ours_keeps_its_message():
    from appliance.env import ConfigurationError  # noqa: PLC0415

    assert described(ConfigurationError("say this"))["message"] == "say this"


LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
OTHER_ARGUMENTS = {"exc_info", "stack_info"}  # not keys: they say what to do


def calls():
    """(place, key) of every argument that a line of ours gives by name."""
    for package in ("appliance", "compliance", "inference"):
        for path in sorted(BASE.joinpath(package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in {*LEVELS, "bind"}
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id in {"log", "_log"}
                ):
                    continue
                for argument in node.keywords:
                    yield f"{path.relative_to(BASE)}:{node.lineno}", argument.arg


def test_no_line_of_ours_loses_a_key():
    found = list(calls())
    assert len(found) > 30
    assert [call for call in found if call[1] not in KEYS | OTHER_ARGUMENTS] == []


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.lists(st.text()))))
def test_no_line_holds_an_unlisted_key_or_a_long_text(line):
    kept = permitted(None, "info", dict(line))
    assert set(kept) <= KEYS | {"dropped"}
    assert all(len(v) <= TEXT_MAX + 1 for v in kept.values() if isinstance(v, str))

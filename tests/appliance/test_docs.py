"""The checker of documents can fail, and does not now."""

from pathlib import Path

import pytest

from appliance import keyring
from tests.check_docs import BASE, documents, missing, named, sources


@pytest.fixture(scope="module")
def offered():
    code = {path: path.read_text() for path in sources()}
    return named(code, BASE.joinpath("Makefile").read_text())


def test_everything_that_people_use_is_documented(offered):
    assert missing(offered, documents()) == []


@pytest.mark.parametrize(
    ("path", "code", "kind"),
    [
        ("appliance/x.py", 'read("DOMICILE_NEW_SETTING")', "environment variable"),
        ("appliance/management/commands/dance.py", "", "management command"),
        ("appliance/management/commands/up.py", 'add_argument("--dance")', "option"),
        ("inference/api/app.py", 'path == "/v1/embeddings"', "endpoint"),
        ("appliance/metrics.py", 'Counter(\n    "domicile_dances", "")', "metric"),
    ],
)
def test_something_new_and_undocumented_is_found(path, code, kind):
    found = missing(named({Path(path): code}, ""), "")
    assert any(line.startswith(kind) for line in found)


def test_an_undocumented_make_target_is_found():
    assert missing(named({}, "dance: up\n"), "make up") == [
        "make target make dance is in no document"
    ]


def test_a_variable_that_is_no_more_is_found(offered):
    stale = missing(offered, documents() + " DOMICILE_GONE")
    assert stale == ["environment variable DOMICILE_GONE is documented only"]


def test_every_kind_of_key_is_in_the_table_of_keys():
    table = BASE.joinpath("docs", "architecture.md").read_text()
    for kind in keyring.KINDS:
        stem = kind.pattern.replace("*", "")
        assert stem.split(".")[0].rstrip("-") in table, kind.pattern

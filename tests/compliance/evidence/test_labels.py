"""An entry is the application's whose label it has; its detail may not name another."""

import json

import pytest

from compliance.audit.entry import canonical
from tests.compliance.evidence.packing import check, contents, pack, replant
from tests.compliance.evidence.test_browser import judged, opened, told

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]
WORDS = "is labelled as another application's than its detail says"


def under_nobodys_label(files, owner):
    """As whoever holds the log's key could: a request of `owner` under a label of nobody."""
    shown = [json.loads(line) for line in files["details.jsonl"].splitlines()]
    of_owner = {"id": owner}
    place = next(
        one["index"]
        for one in shown
        if (one["detail"].get("application") or {}).items() >= of_owner.items()
    )
    entries = files["entries.jsonl"].splitlines()
    entries[place] = canonical(json.loads(entries[place]) | {"application": "ab" * 32})
    manifest = json.loads(files["manifest.json"])
    manifest["counts"][owner] -= 1
    manifest["counts"]["nobody"] = 1
    changed = {
        "entries.jsonl": b"".join(one + b"\n" for one in entries),
        "manifest.json": canonical(manifest),
    }
    return replant(files | changed)


def test_a_detail_that_names_an_application_under_a_label_of_nobody_shows(
    evidence, applications, tmp_path
):
    files = contents(evidence())
    path = pack(
        tmp_path / "nobody.zip", under_nobodys_label(dict(files), str(applications[1].pk))
    )
    sound, words = check(path)
    assert not sound
    assert WORDS in words
    with opened(tmp_path, files) as page:
        again, lines = judged(page, path)
    assert not again
    assert told(lines) == told(words)

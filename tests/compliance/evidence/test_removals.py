"""A removal by rule excuses as many details as it counts, and none that no rule removes."""

import datetime as dt
import json
import re
from pathlib import Path

import pytest

from compliance.audit import kept
from compliance.audit.entry import canonical
from compliance.audit.notary import Notary
from compliance.audit.pruning import Rule, Run
from compliance.evidence import verify
from compliance.evidence.bundle import Scope, export
from tests.compliance.evidence.conftest import ORIGIN
from tests.compliance.evidence.packing import KEY, check, contents, pack, replant, resign
from tests.compliance.evidence.test_browser import judged, opened, told

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]


@pytest.fixture
def files(log, applications, tmp_path):
    """Evidence of a log of which a rule removed the 150 details of crm."""
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    before = tomorrow.replace(hour=0, minute=0, second=0, microsecond=0)
    run = Run([Rule(applications[0].pk, before, "Kept for no time.")], "notary")
    for _ in run.steps():
        pass
    assert run.removed == 150
    Notary(log, KEY, ORIGIN).integrate_once()
    export(Scope(), tmp_path / "pruned.zip", log, KEY)
    return contents(tmp_path / "pruned.zip")


def path_of(index, leaves):
    """The inclusion proof of a leaf (RFC 6962, 2.1.1), its leaf first."""
    if len(leaves) == 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    here, there = leaves[:half], leaves[half:]
    if index >= half:
        here, there, index = there, here, index - half
    edge = verify.Edge()
    for leaf in there:
        edge.append(leaf)
    return [*path_of(index, here), edge.root()]


def planted(files, count=150, entry=None):
    """As whoever holds the log's key could: a removal that counts otherwise, another entry.

    `entry` changes the first entry whose detail the rule removed.
    """
    entries = files["entries.jsonl"].splitlines()
    removal = json.loads(files["prunings.jsonl"])
    shown = [json.loads(line) for line in files["details.jsonl"].splitlines()]
    if entry is not None:
        gone = min(set(range(len(entries))) - {one["index"] for one in shown})
        said = json.loads(entries[gone])
        entry(said)
        entries[gone] = canonical(said)
    removal["detail"]["count"] = count
    about = canonical(removal["detail"])
    commitment = verify.hmac_sha256(bytes.fromhex(removal["key"]), about).hex()
    removal["entry"]["detail"] = commitment
    entries[removal["index"]] = canonical(removal["entry"])
    for one in shown:
        if one["index"] == removal["index"]:
            one["detail"] = removal["detail"]
    leaves = [verify.leaf_hash(one) for one in entries]
    removal["proof"] = [one.hex() for one in path_of(removal["index"], leaves)]
    manifest = json.loads(files["manifest.json"])
    labels = sum(b'"application":"' in one[:20] for one in entries)
    (crm,) = {removal["detail"]["application"]}
    manifest["counts"][crm] -= sum(manifest["counts"].values()) - labels
    changed = {
        "entries.jsonl": b"".join(one + b"\n" for one in entries),
        "details.jsonl": b"".join(canonical(one) + b"\n" for one in shown),
        "prunings.jsonl": canonical(removal) + b"\n",
        "manifest.json": canonical(manifest),
    }
    return replant(files | changed)


def twice(files):
    return resign(files | {"prunings.jsonl": 2 * files["prunings.jsonl"]})


CASES = {
    "as it is": (planted, None),
    "one more than it counts": (
        lambda files: planted(files, 149),
        "150 details are missing by the rule of entry",
    ),
    "one more without a label than all count": (
        lambda files: planted(files, 149, lambda one: one.pop("application")),
        "150 details are missing; the rules that removed some count 149",
    ),
    "of a type that no rule removes": (
        lambda files: planted(files, 150, lambda one: one.update(type="policy.changed")),
        "its detail was left out",
    ),
    "of another type that no rule removes": (
        lambda files: planted(files, 150, lambda one: one.update(type="evidence.exported")),
        "its detail was left out",
    ),
    "a line that ends with more than a line feed": (
        lambda files: resign(
            files | {"prunings.jsonl": files["prunings.jsonl"].replace(b"\n", b"\r\n")}
        ),
        "a line of prunings.jsonl is not canonical JSON",
    ),
    "a removal that stands twice": (twice, "is not in the log's order"),
}


def test_a_removal_excuses_what_it_counts_and_both_verifiers_say_so(files, tmp_path):
    with opened(tmp_path, files) as page:
        for name, (make, wanted) in CASES.items():
            path = pack(tmp_path / "case.zip", make(dict(files)))
            sound, words = check(path)
            assert sound == (wanted is None), (name, words)
            assert wanted is None or wanted in words, (name, words)
            again, lines = judged(page, path)
            assert (again, told(lines)) == (sound, told(words)), name


def test_what_is_missing_is_summed_over_all_blocks_and_processes(files, tmp_path, monkeypatch):
    monkeypatch.setattr(verify, "LARGE", 0)
    monkeypatch.setattr(verify, "BLOCK", 32)
    path = pack(tmp_path / "more.zip", planted(files, 149))
    for jobs in (1, 2):
        sound, words = check(path, jobs=jobs)
        assert not sound
        assert "which counts 149" in words


def test_the_verifiers_know_every_type_that_no_rule_removes():
    assert sorted(kept.KEPT) == list(verify.KEPT)
    page = Path(verify.__file__).with_suffix(".html").read_text(encoding="utf-8")
    (found,) = re.findall(r"const KEPT = (\[[^\]]*\]);", page)
    assert json.loads(found) == list(verify.KEPT)

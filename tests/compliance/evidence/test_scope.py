"""What is in scope, what a rule removed, what was kept, in evidence."""

import dataclasses
import datetime as dt
import json
import threading
import tracemalloc

import jsonschema
import pytest

from compliance.audit.files import LogFolder
from compliance.audit.ledger import Held
from compliance.audit.notary import Notary
from compliance.audit.pruning import Rule, Run
from compliance.audit.tree import Tree
from compliance.audit.writer import Writer
from compliance.evidence import rows, verify
from compliance.evidence.bundle import ExportImpossible, Scope, export
from compliance.evidence.removed import Removal, Signed
from compliance.models import Event
from compliance.vocabulary import Content
from tests.bench.evidence import fill
from tests.compliance.audit.events import now
from tests.compliance.evidence.conftest import ORIGIN, requests
from tests.compliance.evidence.packing import KEY, check, contents, pack, resign
from tests.services.waiting import PATIENCE

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]
RULE = "Details of crm are kept for 1 days (as registered for the application)."
HOUR = 3_600_000_000  # microseconds


@pytest.fixture(autouse=True)
def data(settings, tmp_path):
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=tmp_path / "data")


def integrate(log):
    notary = Notary(log, KEY, ORIGIN)
    while notary.integrate_once():
        pass


@pytest.fixture
def pruned(log, applications):
    """All details of crm's requests removed by rule, as the notary does it."""
    before = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    run = Run([Rule(applications[0].pk, before + dt.timedelta(days=1), RULE)], "notary")
    for _ in run.steps():
        pass
    assert run.removed == 150
    integrate(log)
    return log


@pytest.fixture
def kept(log, applications):
    """Three more requests of each application, whose prompts are kept."""
    writer = Writer("web-2", on_fenced=threading.Event().set, timeout=PATIENCE)
    writer.start()
    for one in applications:
        for event in list(requests(one, 3)):
            content = Content("prompt", b'{"body":"Hello","part":"prompt"}', now() + HOUR)
            keeps = event.type == "request.admitted"
            writer.append_sync([dataclasses.replace(event, content=content if keeps else None)])
    writer.stop()
    integrate(log)
    return log


@pytest.mark.parametrize("scope", [Scope(), Scope("0", "304"), Scope("0", "", ("crm",))])
def test_details_that_a_rule_removed_are_told_with_the_rule_and_never_as_complete(
    pruned, tmp_path, scope
):
    summary = export(scope, tmp_path / "pruned.zip", pruned, KEY)
    assert summary.removed == 150
    sound, words = check(tmp_path / "pruned.zip")
    assert sound, words
    assert f"150 details were removed by rule {RULE}" in words
    assert "the 150 that were removed" in words
    assert "All " not in words


def removed(files, change):
    lines = [json.loads(line) for line in files["prunings.jsonl"].splitlines()]
    for line in lines:
        change(line)
    text = "".join(
        json.dumps(line, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
        for line in lines
    )
    return files | {"prunings.jsonl": text.encode()}


FALSE_COVERS = {
    "none": lambda files: files | {"prunings.jsonl": b""},
    "a longer range": lambda files: removed(files, lambda x: x["detail"].update(end=10_000)),
    "another application": lambda files: removed(
        files, lambda x: x["detail"].update(application=None)
    ),
    "another entry": lambda files: removed(files, lambda x: x.update(index=x["index"] - 1)),
    "another type": lambda files: removed(
        files, lambda x: x["entry"].update(type="record.pruned2")
    ),
    "a cut proof": lambda files: removed(files, lambda x: x["proof"].pop()),
}


@pytest.mark.parametrize("name", FALSE_COVERS)
def test_a_removal_that_the_log_does_not_tell_of_covers_nothing(pruned, tmp_path, name):
    export(Scope(), tmp_path / "pruned.zip", pruned, KEY)
    files = FALSE_COVERS[name](contents(tmp_path / "pruned.zip"))
    sound, words = check(pack(tmp_path / "false.zip", resign(files)))
    assert not sound
    assert "its detail was left out" in words or "prunings.jsonl" in words


def test_a_detail_of_another_application_is_not_covered_by_the_rule(pruned, tmp_path):
    export(Scope(), tmp_path / "pruned.zip", pruned, KEY)
    files = contents(tmp_path / "pruned.zip")
    lines = files["details.jsonl"].splitlines(keepends=True)
    place = next(
        n for n, line in enumerate(lines) if b'"name":"mail"' in line and b"number" in line
    )
    del lines[place]
    files["details.jsonl"] = b"".join(lines)
    sound, words = check(pack(tmp_path / "more.zip", resign(files)))
    assert not sound
    assert "its detail was left out" in words


def test_a_detail_that_went_without_an_event_stops_the_export(log, tmp_path, applications):
    before = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    for _ in Run([Rule(applications[0].pk, before, RULE)], "notary").steps():
        pass  # and the notary has not integrated the event yet
    with pytest.raises(ExportImpossible, match="export again in a few"):
        export(Scope(), tmp_path / "early.zip", log, KEY)
    assert not (tmp_path / "early.zip").exists()


def test_contents_are_disclosed_only_for_a_reason_and_on_the_record(kept, tmp_path):
    path = tmp_path / "contents.zip"
    with pytest.raises(ExportImpossible, match="reason"):
        export(Scope(), path, kept, KEY, contents=True)
    summary = export(
        Scope("0", "", ("crm",)), path, kept, KEY, contents=True, reason="Case 7", actor="ada"
    )
    assert summary.contents == 3
    sound, words = check(path)
    assert sound, words
    assert "3 contents are here, of 3 in scope" in words
    event = Event.objects.get(type="content.disclosed")
    detail = json.loads(bytes(event.detail or b""))
    assert (detail["requests"], detail["reason"], detail["actor"]) == (3, "Case 7", "ada")
    export(Scope(), tmp_path / "without.zip", kept, KEY)
    assert "contents.jsonl" not in contents(tmp_path / "without.zip")
    assert Event.objects.filter(type="content.disclosed").count() == 1


def test_contents_that_were_exchanged_or_belong_to_others_show(kept, tmp_path):
    export(Scope(), tmp_path / "all.zip", kept, KEY, contents=True, reason="x")
    files = contents(tmp_path / "all.zip")
    lines = files["contents.jsonl"].splitlines(keepends=True)
    assert len(lines) == 6
    changed = lines[0].replace(b"Hello", b"Hullo")
    swapped = lines[1].split(b',"index"')[0] + b',"index"' + lines[0].split(b',"index"')[1]
    for bad, told in (
        ([changed, *lines[1:]], "its content was changed"),
        ([lines[1], lines[0], *lines[2:]], "contents.jsonl is malformed"),
        ([*lines, lines[-1]], "contents.jsonl"),
        ([b"x\n", *lines], "contents.jsonl"),
        ([swapped, *lines[1:]], ""),
    ):
        mutant = resign(files | {"contents.jsonl": b"".join(bad)})
        sound, words = check(pack(tmp_path / "bad.zip", mutant))
        if told:
            assert not sound
            assert told in words
    export(Scope("0", "", ("crm",)), tmp_path / "crm.zip", kept, KEY, contents=True, reason="x")
    narrow = contents(tmp_path / "crm.zip") | {"contents.jsonl": files["contents.jsonl"]}
    sound, words = check(pack(tmp_path / "wide.zip", resign(narrow)))
    assert not sound
    assert "its content is outside of the evidence's scope" in words


def test_only_details_of_the_types_asked_for_are_shown(log, tmp_path):
    path = tmp_path / "types.zip"
    summary = export(Scope(types=("request.completed",)), path, log, KEY)
    assert summary.details == 150 + 2
    sound, words = check(path)
    assert sound, words
    assert "152 details: all of the types request.completed, and all registrations." in words
    said = json.loads(contents(path)["manifest.json"])
    files = contents(path)
    files["manifest.json"] = files["manifest.json"].replace(
        b'"types":["request.completed"]', b'"types":[]'
    )
    assert said["types"] == ["request.completed"]
    assert not check(pack(tmp_path / "wider.zip", resign(files)))[0]


def test_the_entries_of_every_application_are_counted(log, tmp_path, applications):
    export(Scope("0", "", ("crm",)), tmp_path / "crm.zip", log, KEY)
    files = contents(tmp_path / "crm.zip")
    counts = json.loads(files["manifest.json"])["counts"]
    assert counts == {str(one.pk): 150 for one in applications}
    assert "crm: 150 of the 300 entries" in check(tmp_path / "crm.zip")[1]
    files["manifest.json"] = files["manifest.json"].replace(b":150", b":149", 1)
    sound, words = check(pack(tmp_path / "less.zip", resign(files)))
    assert not sound
    assert "the manifest counts 299" in words


def test_tables_and_a_report_lie_beside_the_evidence_and_are_not_judged(kept, tmp_path):
    path = tmp_path / "tables.zip"
    export(Scope(tables=True), path, kept, KEY)
    files = contents(path)
    assert len(files["tables/events.csv"].splitlines()) > 300
    assert files["report.pdf"].startswith(b"%PDF")
    assert files["tables/events.xlsx"].startswith(b"PK")
    sound, words = check(path)
    assert sound, words
    assert "Not judged beyond their digests: certificate.pem, report.pdf, tables/" in words
    files["report.pdf"] += b"x"
    assert not check(pack(tmp_path / "changed.zip", files))[0]


def test_every_file_is_as_its_schema_says(pruned, kept, tmp_path):
    path = tmp_path / "all.zip"
    export(Scope(), path, kept, KEY, contents=True, reason="x")
    files = contents(path)
    for name in ("entries", "details", "contents", "prunings", "applications", "proof"):
        schema = json.loads(files[f"schemas/{name}.json"])
        jsonschema.Draft202012Validator.check_schema(schema)
        judge = jsonschema.Draft202012Validator(schema)
        whole = f"{name}.json"
        texts = [files[whole]] if whole in files else files[f"{name}.jsonl"].splitlines()
        assert texts
        for text in texts:
            judge.validate(json.loads(text))
            with pytest.raises(jsonschema.ValidationError):
                judge.validate(json.loads(text) | {"more": 1})
    manifest = json.loads(files["schemas/manifest.json"])
    jsonschema.validate(json.loads(files["manifest.json"]), manifest)


def test_progress_is_told_and_may_end_the_export(log, tmp_path):
    seen = []
    export(Scope("4"), tmp_path / "a.zip", log, KEY, progress=lambda *at: seen.append(at))
    assert seen[-1] == (300, 300)

    def stop(_done, _all):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(Scope(), tmp_path / "b.zip", log, KEY, progress=stop)
    assert [one.name for one in tmp_path.glob("b.zip*")] == []


def test_the_verdict_does_not_depend_on_how_many_processes_judge(
    evidence, tmp_path, monkeypatch
):
    monkeypatch.setattr(verify, "LARGE", 0)
    monkeypatch.setattr(verify, "BLOCK", 32)
    path = evidence("0", "", "crm")
    files = contents(path)
    lines = files["details.jsonl"].splitlines(keepends=True)
    bad = {
        "good": files,
        "cut": files | {"details.jsonl": b"".join(lines[:70] + lines[71:])},
        "swapped": files | {"details.jsonl": b"".join([*lines[:70], lines[71], lines[70]])},
        "entries": files | {"entries.jsonl": files["entries.jsonl"].replace(b"Z", b"z", 9)},
    }
    for name, mutant in bad.items():
        pack(tmp_path / "a.zip", resign(dict(mutant)))
        words = []
        for jobs in (1, 3):
            sound, said = check(tmp_path / "a.zip", jobs=jobs)
            assert sound == (name == "good")
            words.append(said)
        assert words[0] == words[1], name


def test_export_and_verdict_take_the_same_memory_however_long_the_log(
    database, tmp_path, monkeypatch
):
    monkeypatch.setattr(rows, "CHUNK", 256)
    monkeypatch.setattr(verify, "BLOCK", 256)
    sizes, peaks = [], []
    log = tmp_path / "long"
    fill(6_000, log)

    def peak(work):
        """The least of three: what else lives in this process may only add, and by chance."""
        seen = []
        for _ in range(3):
            tracemalloc.start()
            try:
                work()
                seen.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
        return min(seen)

    for end in ("2000", "6000"):
        path = tmp_path / f"{end}.zip"

        def write(path=path, end=end):
            path.unlink(missing_ok=True)
            export(Scope("0", end), path, log, KEY)

        def judge(path=path):
            assert check(path)[0]

        peaks += [peak(write), peak(judge)]
        sizes.append(path.stat().st_size)
    assert sizes[1] > 2.5 * sizes[0]
    for short, long in zip(peaks[:2], peaks[2:], strict=True):
        assert long < 1.6 * short, peaks


@pytest.mark.parametrize(
    ("rule", "entry", "covered"),
    [
        ("crm", "crm", True),
        ("crm", "other", False),
        ("crm", None, True),  # an entry without a label does not say whose it is
        (None, None, True),
        (None, "crm", False),  # or it would take what high-risk systems must keep
    ],
)
def test_a_removal_that_names_no_application_covers_no_labelled_entry(
    rule, entry, covered, tmp_path
):
    about = {"begin": 0, "end": 10, "application": rule, "before": "2026-02-01", "rule": "r"}
    about["count"] = 1
    log = Signed(Held(1, 0, 20, bytes(32)), Tree(LogFolder(tmp_path), 20))
    removal = Removal(log, 11, b"", b"", b"", 0, 10, rule, "2026-02-01")
    assert removal.covers(5, "2026-01-31", entry) is covered
    terms = verify.Terms()
    terms.prunings.append(verify.Pruning((0, 11), "entry 11", about))
    judged = verify.Judge(terms).removed(5, "2026-01-31", b"label" if entry else b"", entry)
    assert (judged == 0) is covered

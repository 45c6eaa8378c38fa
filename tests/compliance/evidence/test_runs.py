"""Exports in the background: a real worker, a real broker, and `kill -9`."""

import dataclasses
import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from appliance import records
from compliance.evidence import forms, running, runs, shelf
from compliance.models import Event, Export
from tests.compliance.evidence.holding import HELD
from tests.compliance.evidence.packing import KEY, check
from tests.services.appliance import BASE
from tests.services.valkey import Valkey, leash
from tests.services.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.database


@pytest.fixture
def data(log, tmp_path, settings):
    """A data folder with the log and its key."""
    key = tmp_path / "keys" / "log.ed25519"
    key.parent.mkdir(mode=0o700)
    key.touch(mode=0o600)
    key.write_text(KEY.hex() + "\n")
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=tmp_path, disk_floor=0)
    return tmp_path


def started(**scope):
    return runs.start("clara", "evidence", scope)


def exported():
    return Event.objects.filter(type="evidence.exported").count()


def again(run):
    return Export.objects.get(pk=run.pk)


def kept(run) -> Path:
    """The run's file, which is there."""
    path = shelf.kept(run.file)
    assert path is not None
    return path


def test_a_run_makes_one_file_one_event_and_says_so(data):
    run = started()
    running.carry_out(run.pk)
    running.carry_out(run.pk)
    run = again(run)
    path = kept(run)
    assert (run.state, exported()) == ("done", 1)
    assert check(path)[0]
    assert (path.stat().st_size, shelf.digest(path)) == (run.size, run.digest)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == [run.file]


def without_triggers():
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER {name}")


def test_a_run_that_an_earlier_release_began_keeps_its_number_of_attempts(database):
    without_triggers()  # they speak of columns that the older tables have not
    older = [("compliance", "0006_witnesses")]
    state = MigrationExecutor(connection).migrate(older)
    model = state.apps.get_model("compliance", "Export")
    asked = {"form": "evidence", "actor": "clara", "asked": timezone.now()}
    begun, fresh = (
        model.objects.create(scope=scope, **asked).pk
        for scope in ({"begin": "3", "begun": 4}, {"begin": "3"})
    )
    MigrationExecutor(connection).migrate([("compliance", "0007_export_attempts")])
    found = {run.pk: (run.attempts, run.scope) for run in Export.objects.all()}
    assert found == {begun: (4, {"begin": "3"}), fresh: (0, {"begin": "3"})}


# --- The worker ---


@pytest.fixture
def broker():
    running_broker = Valkey()
    yield running_broker
    running_broker.close()


class Worker:
    """`celery -A appliance.records worker` on the test's data and database."""

    def __init__(self, data, database, broker):
        self.data = data
        self.variables = database.environment() | {
            "DOMICILE_DATA": str(data),
            "DOMICILE_RUN": str(broker.run),
            "DOMICILE_BROKER_URL": broker.url,
            "DOMICILE_DISK_FLOOR": "0",
            "DOMICILE_SOURCE": "records",
            "DOMICILE_PDF_SIGNER": settings.DOMICILE.pdf_signer,
        }
        self.output = data / "worker.output"
        self.process: Any = None

    def start(self):
        application = "tests.compliance.evidence.holding"
        command = [sys.executable, "-m", "celery", "-q", "-A", application, "worker"]
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "--without-gossip", "--without-mingle", "--without-heartbeat"],
                cwd=BASE,
                env=self.variables,
                stdout=output,
                stderr=output,
                preexec_fn=leash(),  # noqa: PLW1509 - bound before the fork
            )
        return self

    def children(self):
        return psutil.Process(self.process.pid).children()

    def kill(self):
        """The worker and its child, as the keeper's sweep of the group does."""
        for process in [*self.children(), self.process]:
            process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)

    @property
    def held(self):
        """Lies there while exports are to wait in their midst."""
        return self.data / HELD


@pytest.fixture
def worker(data, database, broker):
    one = Worker(data, database, broker)
    yield one.start()
    one.stop()


def told(run, broker):
    """Let the worker know of a run as a web process does."""
    with records.app.connection_for_write(broker.url) as connection:
        records.app.send_task(
            "compliance.tasks.export", (run.pk,), queue=records.QUEUE, connection=connection
        )


def begun(worker, broker):
    """A run of which the worker has begun to write the file, and writes no more for now."""
    worker.held.touch()
    run = started(tables=True)
    told(run, broker)
    wait_until(shelf.part(run.pk).exists, "the file is begun")
    return run


def ends(run):
    wait_until(lambda: again(run).finished is not None, f"run {run.pk} has ended")
    return again(run)


def empty(*files):
    wait_until(
        lambda: sorted(one.name for one in shelf.folder().iterdir()) == sorted(files),
        "nothing else is left",
    )


def finished_once(run, events=1):
    """The run is done, by one event and one whole file, and nothing else lies there."""
    assert run.state == "done", run.words
    assert exported() == events
    path = kept(run)
    assert check(path)[0]
    assert shelf.digest(path) == run.digest
    if events == 1:
        empty(run.file)


def unseen():
    """Time passes: nobody has seen the runs for longer than a sweep waits."""
    before = timezone.now() - running.UNSEEN * 2
    Export.objects.update(asked=before)
    Export.objects.exclude(seen=None).update(seen=before)


def test_children_that_are_killed_are_replaced_and_a_run_that_is_cancelled_ends(worker, broker):
    run = begun(worker, broker)
    for child in worker.children():
        child.kill()
    assert again(run).state == "running"
    worker.held.unlink()
    run = ends(run)
    assert run.attempts == 2
    finished_once(run)

    cancelled = begun(worker, broker)
    assert runs.cancel("clara", cancelled.pk)
    empty(run.file)
    assert (again(cancelled).state, exported()) == ("cancelled", 1)
    worker.held.unlink()
    assert not runs.cancel("clara", cancelled.pk)

    both = [started(), started(begin="5", end="9")]
    for one in both * 2:  # told twice, as a broker may
        told(one, broker)
    assert [ends(one).state for one in both] == ["done", "done"]
    assert exported() == 3
    assert "entries-5-8" in again(both[1]).file
    assert worker.process.poll() is None


def test_a_worker_that_is_killed_or_told_to_end_leaves_its_run_to_the_next(worker, broker):
    run = begun(worker, broker)
    worker.kill()
    assert (again(run).state, exported()) == ("running", 0)
    worker.held.unlink()
    unseen()
    worker.start()
    finished_once(ends(run))

    second = begun(worker, broker)
    worker.stop()
    worker.held.unlink()
    second = again(second)
    assert (second.state, second.attempts, exported()) == ("waiting", 0, 1)
    empty(again(run).file)
    unseen()
    worker.start()
    finished_once(ends(second), events=2)


# --- Without a worker: each step, cut off ---


class Killed(BaseException):
    """As `kill -9`: nothing of ours catches it."""


@pytest.mark.parametrize("step", ["recorded", "place", "digest"])
def test_a_run_cut_off_after_its_event_goes_on_with_the_same_file(data, monkeypatch, step):
    run = started()

    def cut(*_given):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(forms if step == "recorded" else shelf, step, cut)
        with pytest.raises(Killed):
            running.carry_out(run.pk)
    assert (again(run).state, exported()) == ("running", 1)
    running.carry_out(run.pk)
    finished_once(again(run))


def test_a_cancelling_that_comes_after_the_event_leaves_file_and_event(data, monkeypatch):
    run = started()

    def cut(*_given):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(shelf, "place", cut)
        with pytest.raises(Killed):
            running.carry_out(run.pk)
    assert runs.cancel("clara", run.pk)
    running.tidy()
    finished_once(again(run))


def test_a_run_whose_process_dies_each_time_is_given_up(data, monkeypatch):
    run = started()

    def cut(*_given, **_named):
        raise Killed

    monkeypatch.setattr(forms.Evidence, "make", cut)
    for _attempt in range(running.ATTEMPTS):
        with pytest.raises(Killed):
            running.carry_out(run.pk)
    running.carry_out(run.pk)
    assert (again(run).state, exported()) == ("failed", 0)
    assert "ask for a smaller range" in again(run).words
    assert list(shelf.folder().iterdir()) == []


def test_who_does_not_hold_a_run_leaves_it_alone(data):
    run = started()
    with shelf.hold(run.pk) as held:
        assert held
        running.carry_out(run.pk)
    assert again(run).state == "waiting"


def test_a_disk_that_fills_up_ends_the_run_and_says_so(data, settings):
    run = started()
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, disk_floor=1 << 62)
    running.carry_out(run.pk)
    assert (again(run).state, exported()) == ("failed", 0)
    assert "Make room" in again(run).words
    with pytest.raises(forms.ScopeInvalid, match="nearly full"):
        started()


def test_a_file_past_its_time_goes_and_an_event_says_so(data, settings):
    run = started()
    running.carry_out(run.pk)
    running.tidy()
    assert shelf.kept(again(run).file)
    days = dt.timedelta(days=settings.DOMICILE.export_days, seconds=1)
    Export.objects.update(finished=timezone.now() - days)
    running.tidy()
    running.tidy()
    assert list(shelf.folder().iterdir()) == []
    assert Event.objects.filter(type="evidence.removed").count() == 1
    assert again(run).removed


def test_a_file_that_another_process_could_not_remove_goes_at_the_next_sweep(data):
    run = started()
    running.carry_out(run.pk)
    Export.objects.update(removed=timezone.now())
    running.tidy()
    assert list(shelf.folder().iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["../keys/log.ed25519", "/etc/passwd", "", ".run-1.part", "a.zip", "domicile-x-run-1.zip/"],
)
def test_a_name_that_is_none_of_ours_opens_nothing(data, name):
    (shelf.folder() / "a.zip").write_bytes(b"")
    (shelf.folder() / ".run-1.part").write_bytes(b"")
    assert shelf.kept(name) is None


def test_an_export_is_never_replaced(data):
    folder = shelf.folder()
    (folder / ".run-1.part").write_bytes(b"new")
    (folder / "domicile-evidence-run-1.zip").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        shelf.place(shelf.part(1), "domicile-evidence-run-1.zip")
    assert (folder / "domicile-evidence-run-1.zip").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("scope", "field"),
    [
        ({"begin": "tomorrow"}, "begin"),
        ({"end": "0"}, "end"),
        ({"begin": "100000"}, "begin"),
        ({"end": "2020-01-01"}, "end"),
        ({"applications": ["=cmd|' /C calc'!A0"]}, "applications"),
        ({"contents": True}, "reason"),
    ],
)
def test_what_cannot_be_exported_names_the_field_and_is_not_begun(data, scope, field):
    with pytest.raises(forms.ScopeInvalid) as refused:
        started(**scope)
    assert refused.value.field == field
    assert Export.objects.count() == 0

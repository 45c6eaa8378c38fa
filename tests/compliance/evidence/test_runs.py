"""Exports in the background: a real worker, a real broker, and `kill -9`."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import psutil
import pytest
from django.utils import timezone

from compliance.evidence import forms, running, runs, shelf
from compliance.models import Event, Export
from tests.compliance.evidence.packing import KEY, check
from tests.services.appliance import BASE, wait_until
from tests.services.valkey import Valkey, leash

pytestmark = [pytest.mark.database, pytest.mark.timeout(120)]


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


def test_a_run_makes_one_file_one_event_and_says_so(data):
    run = started()
    running.carry_out(run.pk)
    running.carry_out(run.pk)
    run = again(run)
    path = shelf.kept(run.file)
    assert (run.state, exported()) == ("done", 1)
    assert check(path)[0]
    assert (path.stat().st_size, shelf.digest(path)) == (run.size, run.digest)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == [run.file]


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
        }
        self.output = data / "worker.output"
        self.process = None

    def start(self):
        command = [sys.executable, "-m", "celery", "-q", "-A", "appliance.records", "worker"]
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
            self.process.wait(30)


@pytest.fixture
def worker(data, database, broker):
    one = Worker(data, database, broker)
    yield one.start()
    one.stop()


def ends(run, within=30):
    wait_until(lambda: again(run).finished is not None, f"run {run.pk} has ended", within)
    return again(run)


def test_a_worker_takes_what_was_left_while_it_was_away(worker):
    run = started()
    Export.objects.filter(pk=run.pk).update(asked=timezone.now() - running.UNSEEN * 2)
    assert ends(run).state == "done", worker.output.read_text()
    assert exported() == 1

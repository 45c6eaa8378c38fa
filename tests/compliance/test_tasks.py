"""What the process `records` takes up: a real worker, a real broker, and `kill -9`."""

import dataclasses
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from appliance import records
from compliance import background
from compliance.audit import asking, keystore, subjects
from compliance.audit.keys import create_key
from compliance.audit.writer import Writer
from compliance.evidence import runs, shelf
from compliance.models import Content as Stored
from compliance.models import Erasure, Event, Export
from compliance.vocabulary import Content
from tests.compliance.audit.events import admitted, now, request_id
from tests.compliance.evidence import conftest
from tests.compliance.evidence.packing import KEY
from tests.compliance.evidence.test_runs import Worker
from tests.services.valkey import Valkey
from tests.services.waiting import PATIENCE, wait_until

ANNA, BEN, CLEO = "anna@example.org", "ben@example.org", "cleo@example.org"
log = conftest.log
applications = conftest.applications


@pytest.fixture
def data(log, tmp_path, settings):
    """A data folder with a log, and content about three persons."""
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=tmp_path, disk_floor=0)
    key = create_key(tmp_path / "keys" / "subject-index")
    (tmp_path / "keys" / "log.ed25519").write_text(KEY.hex() + "\n")
    (tmp_path / "keys" / "log.ed25519").chmod(0o600)
    writer = Writer("web-2", on_fenced=lambda: None, timeout=PATIENCE)
    writer.start()
    for person in (ANNA, BEN, CLEO):
        content = Content("prompt", b"{}", now() + 10**10, (subjects.blind(key, person),))
        one = dataclasses.replace(admitted(request_id()), content=content)
        writer.append_sync([one])
    writer.stop()
    return tmp_path


def asked(person):
    return asking.ask("subject", person, actor="officer", reason="Art. 17")


def told(task, row, broker):
    """Let the worker know of a row as a web process does."""
    with records.app.connection_for_write(broker.url) as connection:
        records.app.send_task(task, (row.pk,), queue=records.QUEUE, connection=connection)


def done(row):
    row.refresh_from_db()
    return row.state == "done"


def test_erasures_are_taken_up_after_a_kill_and_wait_for_no_export(data, database):
    broker = Valkey()
    worker = Worker(data, database, broker)
    try:
        first = asked(ANNA)  # while nothing runs, and nobody is told
        others = Stored.objects.exclude(request__in=asking.found("subject", ANNA))
        late = others.order_by("-pk")[0]
        Stored.objects.filter(pk=late.pk).update(expires=datetime.now(UTC) - timedelta(1))
        worker.start()
        wait_until(lambda: done(first), "what was asked before the start is erased")
        wait_until(lambda: not Stored.objects.filter(pk=late.pk).exists(), "and the expired")
        who = BEN if asking.found("subject", BEN) else CLEO
        with keystore.store().lock():  # the one child waits for the vault
            second = asked(who)
            told(background.ERASE, second, broker)
            export = runs.start("clara", "evidence", {})
            told(background.EXPORT, export, broker)
            wait_until(lambda: done(export), "the other makes the export")
            worker.kill()
        assert not done(second)
        with shelf.turn() as mine:  # as if an export were being made
            assert mine
            waiting = [runs.start("clara", "evidence", {}) for _ in range(3)]
            for one in waiting:
                told(background.EXPORT, one, broker)
            worker.start()
            told(background.ERASE, second, broker)
            wait_until(lambda: done(second), "the erasure is done")
            assert {one.state for one in Export.objects.filter(pk__gt=export.pk)} == {"waiting"}
        told(background.EXPORT, waiting[0], broker)
        for one in waiting:  # nobody is told of the others again
            wait_until(partial(done, one), "the exports follow one another")
        assert Erasure.objects.filter(state="asked").count() == 0
        assert not Stored.objects.exists()
        assert Event.objects.filter(type="content.erased").count() == 2
    finally:
        worker.stop()
        broker.close()

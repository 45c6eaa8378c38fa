"""PostgreSQL stopped, crashed and started again under a working writer and notary."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.compliance.audit.crashing import KEY
from tests.compliance.audit.test_crashes import PUBLIC, Victim
from tests.services.postgres import Postgres
from tests.services.waiting import PATIENCE, wait_until

JUDGE = f"""
import sys, json, threading, time, django
django.setup()
from pathlib import Path
from compliance.audit import leases
from compliance.audit.notary import Notary
from compliance.audit.verify import verify_log
from compliance.models import Event, Leaf, WriterEpoch
folder, stop = Path(sys.argv[1]), threading.Event()
notary = Notary(folder, {KEY!r}, "example.org/log/1")
notary._leases = leases.Leases(lease=1.5)
thread = threading.Thread(target=notary.run, args=(stop,))
thread.start()
while (WriterEpoch.objects.filter(source="web-1", closed=None).exists()
       or Event.objects.count() != Leaf.objects.count()):
    time.sleep(0.1)
stop.set()
thread.join()
report = verify_log(folder, {PUBLIC!r})
recorded = list(Event.objects.exclude(request=None).values_list("type", "request"))
print(json.dumps([report.ok, report.words, report.open_requests, recorded]))
"""


@pytest.fixture
def server():
    server = Postgres()
    yield server
    server.close()


def working(victim):
    """Return when the writer makes events durable from now on."""
    before = len(victim.said)
    wait_until(
        lambda: any(kind == "completed" for kind, _ in victim.said[before:]),
        "the writer works (again)",
    )


def test_nothing_that_was_acknowledged_is_lost_and_all_goes_on_when_it_is_back(
    server, tmp_path
):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DOMICILE_")}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "appliance.settings",
        "DOMICILE_DATABASE_URL": server.url(),
        "DOMICILE_DATA": os.environ["DOMICILE_DATA"],
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=environment, check=True)
    folder = tmp_path / "log"
    victims = [Victim(role, folder, environment) for role in ("writer", "notary")]
    try:
        for sign in (signal.SIGINT, signal.SIGQUIT):
            working(victims[0])
            server.stop(sign)
            time.sleep(1)
            server.start()
            working(victims[0])
        assert all(victim.process.poll() is None for victim in victims)
    finally:
        said = [line for victim in victims for line in victim.kill()]
    judged = subprocess.run(
        [sys.executable, "-c", JUDGE, str(folder)],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        timeout=PATIENCE,
    )
    sound, words, still_open, recorded = json.loads(judged.stdout)
    assert sound, words
    assert still_open == 0
    found = {tuple(pair) for pair in recorded}
    assert [
        line for line in said if line[1] != "-" and (f"request.{line[0]}", line[1]) not in found
    ] == []

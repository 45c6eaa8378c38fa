"""Writer and notary killed at random points; afterwards nothing is lost and all agrees."""

import ctypes
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit import leases
from compliance.audit.notary import Notary
from compliance.audit.verify import verify_log
from compliance.models import Event, Leaf, LogHead, WriterEpoch
from compliance.vocabulary import TERMINAL
from tests.compliance.audit.crashing import KEY, ORIGIN
from tests.services.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.database

PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
_prctl = ctypes.CDLL(None).prctl


class Victim:
    """One of the processes in `crashing`, and what it said."""

    def __init__(self, role, folder, environment):
        self.said = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.compliance.audit.crashing", role, str(folder)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: _prctl(1, signal.SIGKILL, 0, 0, 0),  # noqa: PLW1509
        )
        self._first = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        assert self.process.stdout
        with self.process.stdout as lines:
            for line in lines:
                if line.endswith("\n"):
                    self.said.append(tuple(line.split()))
                    self._first.set()
        self._first.set()

    def works(self):
        assert self._first.wait(PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        return self.said


def crash(database, tmp_path, seed, rounds):
    chance = random.Random(seed)
    folder, said = tmp_path / "log", []
    environment = database.environment()
    victims = {role: Victim(role, folder, environment) for role in ("writer", "notary")}
    try:
        for _ in range(rounds):
            role = chance.choice(sorted(victims))
            victims[role].works()
            time.sleep(chance.uniform(0, 0.4))
            said += victims[role].kill()
            victims[role] = Victim(role, folder, environment)
        for victim in victims.values():
            victim.works()
    finally:
        for victim in victims.values():
            said += victim.kill()
    return folder, said


def settle(folder):
    """A notary that is not killed ends what is open and integrates what is there."""
    stop = threading.Event()
    notary = Notary(folder, KEY, ORIGIN)
    notary._leases = leases.Leases(lease=1.5)
    thread = threading.Thread(target=notary.run, args=(stop,))
    thread.start()

    def settled():
        assert thread.is_alive(), "the notary refused"
        return (
            not WriterEpoch.objects.filter(source="web-1", closed=None).exists()
            and Event.objects.count() == Leaf.objects.count()
        )

    try:
        wait_until(settled, "the notary has finished")
    finally:
        stop.set()
        thread.join()


def invariants_hold(folder, said):
    recorded = set(Event.objects.values_list("type", "request"))
    lost = [
        (kind, request)
        for kind, request in said
        if request != "-" and (f"request.{kind}", request) not in recorded
    ]
    assert lost == [], "what append returned for was not durable"
    admitted = set(
        Event.objects.filter(type="request.admitted").values_list("request", flat=True)
    )
    ends = list(Event.objects.filter(type__in=TERMINAL).values_list("request", flat=True))
    assert len(ends) == len(set(ends))
    assert set(ends) == admitted
    report = verify_log(folder, PUBLIC)
    assert report.ok, "\n".join(report.words)
    assert report.entries == LogHead.objects.get().size == Event.objects.count()
    assert said
    assert (report.open_requests, report.waiting) == (0, 0)


def test_kills_at_random_points_lose_nothing(database, tmp_path):
    folder, said = crash(database, tmp_path, seed=1, rounds=6)
    settle(folder)
    invariants_hold(folder, said)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_many_kills_at_random_points_lose_nothing(database, tmp_path):
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)  # noqa: T201 - to replay it
    for part in range(20):
        folder, said = crash(database, tmp_path, seed + part, rounds=20)
        settle(folder)
        invariants_hold(folder, said)

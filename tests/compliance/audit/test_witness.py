"""This appliance as a witness: what it cosigns, and that it never cosigns two histories."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.audit import catalogue, cosignature, merkle
from compliance.audit.witness import TELL_EVERY, Witness, address_of
from compliance.models import Alarm, Event, WitnessedLog
from tests.compliance.audit.witnessing import ORIGIN, Log

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]

NAME = "example.net/witness"
SEED = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
NOON = 1_790_000_000


class Clock:
    def __init__(self):
        self.now = NOON

    def __call__(self):
        return float(self.now)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def witness(clock):
    return Witness(NAME, SEED, clock)


@pytest.fixture
def log(database):
    log = Log()
    log.register()
    return log


def told(kind):
    rows = Event.objects.filter(type=kind).order_by("id").values_list("detail", flat=True)
    details = [json.loads(bytes(detail or b"")) for detail in rows]
    assert not [one for detail in details for one in catalogue.unknown(kind, detail)]
    return details


def test_a_log_that_grows_is_cosigned_step_by_step(witness, log):
    old = 0
    for size in (1, 2, 3, 7, 8, 300):
        answer = witness.add_checkpoint(log.submission(old, size))
        assert answer.status == 200
        note = log.note(size) + answer.body
        assert cosignature.cosigned(note, NAME, PUBLIC) == NOON
        row = WitnessedLog.objects.get()
        assert (row.size, bytes(row.root)) == (size, log.root(size))
        old = size


def test_the_same_checkpoint_is_cosigned_again_with_the_time_of_now(witness, log, clock):
    assert witness.add_checkpoint(log.submission(0, 5)).status == 200
    clock.now += 60
    answer = witness.add_checkpoint(log.submission(5, 5))
    assert cosignature.cosigned(log.note(5) + answer.body, NAME, PUBLIC) == NOON + 60


def test_an_empty_log_is_cosigned(witness, log):
    assert witness.add_checkpoint(log.submission(0, 0)).status == 200
    assert witness.add_checkpoint(log.submission(0, 4)).status == 200


@pytest.mark.parametrize("old", [0, 3, 7])
def test_who_does_not_know_the_last_size_is_told_it(witness, log, old):
    assert witness.add_checkpoint(log.submission(0, 5)).status == 200
    answer = witness.add_checkpoint(log.submission(old, 9))
    assert (answer.status, answer.kind, answer.body) == (409, "text/x.tlog.size", b"5\n")
    assert told("witness.refused") == []


def test_other_logs_are_unknown_here(witness, log):
    other = Log(origin="example.com/log/1")
    assert witness.add_checkpoint(other.submission(0, 5)).status == 404
    WitnessedLog.objects.update(active=False)
    assert witness.add_checkpoint(log.submission(0, 5)).status == 404


def test_only_a_registered_key_speaks_for_a_log(witness, log):
    thief = Log(seed=b"t" * 32)
    assert witness.add_checkpoint(thief.submission(0, 5)).status == 403
    keys = f"{log.verifier_key}\n{thief.verifier_key}"
    WitnessedLog.objects.update(verifier_keys=keys)
    assert witness.add_checkpoint(thief.submission(0, 5)).status == 200


def test_a_request_that_makes_no_sense_is_refused(witness, log):
    assert witness.add_checkpoint(b"old 0\n").status == 400
    assert witness.add_checkpoint(log.submission(9, 5)).status == 400
    assert WitnessedLog.objects.get().size == 0


def test_a_history_that_was_changed_is_refused(witness, log):
    assert witness.add_checkpoint(log.submission(0, 5)).status == 200
    assert witness.add_checkpoint(Log(b"changed").submission(5, 9)).status == 422
    assert WitnessedLog.objects.get().size == 5
    assert [one["reason"] for one in told("witness.refused")] == ["proof"]


def test_two_trees_of_one_size_are_a_fork_and_an_alarm(witness, log):
    assert witness.add_checkpoint(log.submission(0, 5)).status == 200
    answer = witness.add_checkpoint(Log(b"changed").submission(5, 5))
    assert (answer.status, answer.body) == (409, b"5\n")
    assert "forked" in Alarm.objects.get(kind="witness.refused").words


def test_a_log_that_was_set_back_is_refused_and_raises_an_alarm(witness, log):
    assert witness.add_checkpoint(log.submission(0, 100)).status == 200
    for _ in range(3):
        answer = witness.add_checkpoint(log.submission(40, 60))
        assert (answer.status, answer.body) == (409, b"100\n")
    (event,) = told("witness.refused")
    assert (event["reason"], event["size"], event["known"]) == ("smaller", 60, 100)
    alarm = Alarm.objects.get(kind="witness.refused")
    assert (alarm.subject, alarm.count) == (ORIGIN, 1)
    assert witness.last(address_of(ORIGIN)).body == log.note(100)


def test_nothing_is_known_of_a_log_that_was_never_cosigned(witness, log):
    assert witness.last(address_of(ORIGIN)).status == 404
    assert witness.last(address_of("example.com/log/1")).status == 404


def test_cosignatures_are_on_the_record_once_an_hour(witness, log, clock):
    for size in range(1, 6):
        witness.add_checkpoint(log.submission(size - 1, size))
    assert [one["size"] for one in told("witness.cosigned")] == [1]
    clock.now += int(TELL_EVERY / timedelta(seconds=1))
    witness.add_checkpoint(log.submission(5, 9))
    assert [(one["size"], one["not_recorded"]) for one in told("witness.cosigned")] == [
        (1, 0),
        (9, 4),
    ]
    assert told("witness.cosigned")[1]["root"] == log.root(9).hex()


def at_once(witness, bodies):
    gate = threading.Barrier(len(bodies))

    def ask(body):
        try:
            gate.wait()
            return witness.add_checkpoint(body)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(ask, bodies))


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from([b"", b"x", b"y"]), min_size=2, max_size=4, unique=True))
def test_of_several_histories_at_once_one_is_cosigned(database, salts):
    """Never two roots for one size, whichever is the first."""
    WitnessedLog.objects.all().delete()
    witness = Witness(NAME, SEED)
    logs = [Log(salt) for salt in salts]
    logs[0].register()
    answers = at_once(witness, [log.submission(0, 6) for log in logs])
    won = [log for log, answer in zip(logs, answers, strict=True) if answer.status == 200]
    assert len(won) == 1
    assert {answer.status for answer in answers} == {200, 409}
    assert bytes(WitnessedLog.objects.get().root) == won[0].root(6)


def test_growth_from_one_size_wins_once(witness, log):
    assert witness.add_checkpoint(log.submission(0, 3)).status == 200
    answers = at_once(witness, [log.submission(3, size) for size in (5, 6, 7, 8)])
    row = WitnessedLog.objects.get()
    cosigned = [answer for answer in answers if answer.status == 200]
    assert len(cosigned) == 1
    assert row.size in (5, 6, 7, 8)
    assert bytes(row.root) == merkle.root(map(log.leaf, range(row.size)))

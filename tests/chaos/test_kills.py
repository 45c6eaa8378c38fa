"""`kill -9` of any process at any time: nothing unrecorded, nothing altered (P3, P4).

`DOMICILE_SEED=… DOMICILE_KILLS=…` replays a run: the same processes, pauses and calls.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.chaos import invariants, plan
from tests.chaos.load import Load
from tests.services.appliance import Appliance, NotUp, running
from tests.services.waiting import PATIENCE, wait_until

CALLERS = 4
ANSWERS = 3  # whole answers that show that the appliance has recovered
RECOVERED = PATIENCE  # seconds within which they must come
REPLACED = PATIENCE  # seconds for the keeper to have another process in the dead one's place
VERIFY_EVERY = 5  # kills between two runs of `audit verify`; it is run at the end too

pytestmark = [pytest.mark.appliance, pytest.mark.chaos]


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    yield from running(tmp_path / "data")


def unlimited(appliance: Appliance) -> None:
    """Lift the demo application's limits: 429s would thin the load out."""
    code = (
        "from compliance.models import Application;"
        "Application.objects.update("
        "requests_per_minute=0, tokens_per_minute=0, concurrent_requests=0)"
    )
    result = appliance.manage("shell", "-c", code)
    assert result.returncode == 0, result.stderr


class Run:
    """One run: the kills of a plan, under load, with a judgement after each."""

    def __init__(self, appliance: Appliance, seed: int) -> None:
        self.appliance = appliance
        self.load = Load(appliance, seed, CALLERS)
        self.log = invariants.LogWatch(appliance)
        self.deadlines = invariants.Deadlines(notary_since=time.time())

    def strike(self, kill: plan.Kill) -> None:
        """Wait, kill, and return when another process plays the role."""
        if kill.recovered:
            self.load.answered(ANSWERS, RECOVERED)
        time.sleep(kill.delay)
        victim = self._killed(kill.role)
        wait_until(
            lambda: any(p.pid != victim for p in self.appliance.processes(kill.role)),
            f"another {kill.role} after process {victim} was killed",
            REPLACED,
        )
        if kill.role == "notary":
            self.deadlines.notary_since = time.time()

    def _killed(self, role: str) -> int:
        """The process that was killed: one that has not ended by itself before."""
        victims: list[int] = []

        def struck() -> list[int]:
            with suppress(NotUp, psutil.NoSuchProcess):
                victims.append(self.appliance.kill(role))
            return victims

        wait_until(struck, f"a {role} runs", REPLACED)
        return victims[0]

    def judge(self) -> list[str]:
        """Every violation of P3 and P4 that shows now."""
        oldest, answers = self.load.oldest_call(), list(self.load.answers)
        events = invariants.rows(self.appliance)
        return [
            *invariants.gaps(events),
            *invariants.endings(events),
            *invariants.unrecorded(events, answers),
            *invariants.untrue(events, answers),
            *self.deadlines.late(events, oldest),
            *self.log.judge(),
            *self.load.surprises,
        ]

    def settle(self) -> None:
        """Stop the load and wait until everything admitted has ended and is in the log."""
        self.load.stop()
        wait_until(
            lambda: not invariants.open_requests(invariants.rows(self.appliance)),
            "every admitted request has ended",
            every=0.5,
        )
        wait_until(self._integrated, "the log holds every event", every=0.5)

    def _integrated(self) -> bool:
        with self.appliance.database() as connection:
            (left,) = connection.execute(
                "SELECT count(*) FROM compliance_event e WHERE NOT EXISTS"
                " (SELECT 1 FROM compliance_leaf l WHERE l.event_id = e.id)"
            ).fetchone()
        return bool(left == 0)


def survive(appliance: Appliance, seed: int, kills: int) -> Counter[str]:
    """Carry out the plan of `seed`; how the calls ended. Fails at the first violation."""
    unlimited(appliance)
    run = Run(appliance, seed)
    run.log.start()
    run.load.start()
    replay = f"replay with DOMICILE_SEED={seed} DOMICILE_KILLS={kills}"
    try:
        for number, kill in enumerate(plan.kills(seed, kills), start=1):
            run.strike(kill)
            violations = run.judge()
            assert not violations, f"after kill {number} ({kill.role}): {violations}; {replay}"
            if number % VERIFY_EVERY == 0 and number < kills:
                appliance.verify_log()
        wait_until(appliance.ready, "the appliance is ready again", every=0.2)
        run.settle()
    finally:
        run.load.stop()
        run.log.stop()
    violations = run.judge()
    assert not violations, f"at the end: {violations}; {replay}"
    appliance.verify_log()
    return Counter(answer.ended for answer in run.load.answers)


def works(appliance: Appliance) -> None:
    """One more request, which must be answered."""
    with appliance.client() as client:
        answer = client.chat.completions.create(
            model=appliance.model,
            messages=[{"role": "user", "content": "Say hello."}],
            max_tokens=4,
        )
    assert answer.choices[0].finish_reason in ("stop", "length")


def test_the_promises_hold_while_processes_are_killed_at_random(appliance: Appliance):
    seed, kills = plan.seed(), int(os.environ.get("DOMICILE_KILLS", plan.KILLS))
    print(f"\nDOMICILE_SEED={seed} DOMICILE_KILLS={kills}")  # noqa: T201 - it replays the run
    ends = survive(appliance, seed, kills)
    print(dict(ends))  # noqa: T201
    waited = ANSWERS * sum(kill.recovered for kill in plan.kills(seed, kills))
    assert ends["completed"] >= waited, f"too few answers to mean anything: {ends}"
    works(appliance)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_the_promises_hold_through_two_hundred_kills(appliance: Appliance):
    seed = plan.fresh_seed()
    kills = int(os.environ.get("DOMICILE_KILLS", plan.SOAK_KILLS))
    print(f"\nDOMICILE_SEED={seed} DOMICILE_KILLS={kills}")  # noqa: T201 - it replays the run
    ends = survive(appliance, seed, kills)
    print(dict(ends))  # noqa: T201
    works(appliance)


def test_only_a_long_run_draws_another_seed_each_time(monkeypatch):
    monkeypatch.delenv("DOMICILE_SEED", raising=False)
    assert plan.seed() == plan.seed()
    assert len({plan.fresh_seed() for _ in range(9)}) > 1
    monkeypatch.setenv("DOMICILE_SEED", "7")
    assert (plan.seed(), plan.fresh_seed()) == (7, 7)


def test_a_seed_always_gives_the_same_kills_and_calls():
    assert plan.kills(7, 50) == plan.kills(7, 50) != plan.kills(8, 50)
    assert {kill.role for kill in plan.kills(7, 6)} == set(plan.ROLES)
    one, other = plan.Calls(7, 0), plan.Calls(7, 0)
    assert [one.next() for _ in range(50)] == [other.next() for _ in range(50)]

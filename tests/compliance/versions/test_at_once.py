"""Two at once, a kill between any two steps, and processes that look on."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
from django.db import ProgrammingError, connection

from compliance.models import PolicySignature, PolicyVersion
from compliance.policy.rules import Condition, Rule
from compliance.versions import Refused, keys
from compliance.versions.approve import approve
from compliance.versions.propose import propose
from compliance.versions.tighten import tighten
from compliance.versions.watching import PolicyWatch
from compliance.vocabulary import Effect
from inference.snapshot import SnapshotKeeper, SnapshotStale
from tests.compliance.versions.people import (
    PASSWORD,
    approver,
    counting,
    draft,
    officer,
    proposed,
    rule,
    standing,
)
from tests.services.waiting import wait_until

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("appliance")]

BLOCK = Rule("stop", "Stop.", Condition(models=frozenset({"another"})), Effect.BLOCK)
FORBIDDEN = (
    "UPDATE compliance_policyversion SET document = '{}'",
    "DELETE FROM compliance_policyversion",
    "UPDATE compliance_policysignature SET signature = ''",
    "DELETE FROM compliance_policysignature",
    "DELETE FROM compliance_approvalkey",
)
ROLES = Path(__file__).parents[3] / "docker" / "postgres" / "roles.sql"


def at_once(*steps):
    """Each step in a thread of its own; how each ended: True, or the refusal's words."""
    ends: list[object] = [None] * len(steps)
    together = threading.Barrier(len(steps))

    def run(place, step):
        together.wait()
        try:
            step()
            ends[place] = True
        except Refused as refused:
            ends[place] = refused.message
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(steps)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return ends


def yes(version, who):
    return lambda: approve(version, who, PASSWORD, active_from=None, recall=False)


def test_of_two_versions_approved_at_once_exactly_one_counts():
    one, other, third = officer(), approver(), approver("lena")
    first, second = proposed(one, rule("a")), proposed(one, rule("b"))
    ends = at_once(yes(first, other), yes(second, third))
    assert ends.count(True) == 1, ends
    found = standing()
    assert found.faults == ()
    assert found.active.digest in {first.digest, second.digest}


def test_of_two_approvals_of_one_version_exactly_one_stands():
    one, other, third = officer(), approver(), approver("lena")
    version = proposed(one, rule("a"))
    ends = at_once(yes(version, other), yes(version, third))
    assert ends.count(True) == 1, ends
    assert standing().active.digest == version.digest


def test_an_approval_and_a_tightening_at_once_never_fork():
    one, other, third = officer(), approver(), approver("lena")
    version = proposed(one, rule("a"))

    def tightens():
        tighten([BLOCK], third, PASSWORD, reason="A leak.")

    ends = at_once(yes(version, other), tightens)
    found = standing()
    assert found.faults == ()
    assert ends[1] is True
    assert BLOCK in found.active.policy.rules, "what was tightened stays"


def killed_at(step, number):
    """Run `step` in a process that kills itself before its statement `number`; whether so."""
    connection.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks among threads
        child = os.fork()
    if not child:
        seen = 0

        def kill(execute, sql, parameters, many, context):
            nonlocal seen
            if not sql.lstrip().upper().startswith("SELECT"):
                seen += 1
                if seen == number:
                    os.kill(os.getpid(), signal.SIGKILL)
            return execute(sql, parameters, many, context)

        try:
            with connection.execute_wrapper(kill):
                step()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_a_kill_between_any_two_steps_leaves_nothing_half_activated(appliance):
    one, other = officer(), approver()
    version = proposed(one, rule("a"))
    watching = PolicyWatch(appliance)
    for step, before, after in (
        (yes(version, other), (1, None), (2, None)),
        (watching.look, (2, None), (2, 2)),
    ):
        number = 1
        while killed_at(step, number):
            assert seen() == before, f"killed at statement {number}"
            number += 1
        assert number > 3, "it was killed at some"
        assert seen() == after


def seen():
    """The version that counts, and the one that the notary noted after the first."""
    found = standing()
    assert found.faults == ()
    noted = PolicyVersion.objects.filter(activated__isnull=False, number__gt=1)
    return found.active.number, noted.values_list("number", flat=True).first()


def held(keeper):
    """What a request would be decided by now; None where it would get a 503."""
    try:
        return keeper.current()
    except SnapshotStale:
        return None


def current(keeper):
    """The version of it; 0 where there is none. A busy machine may be stale for a moment."""
    found = held(keeper)
    return found.policy.version if found else 0


def scheduled(version, who):
    """Approve it for a moment that is near; however slow this machine is. The moment."""
    ahead = dt.timedelta(seconds=1)
    while True:
        soon = dt.datetime.now(dt.UTC) + ahead
        try:
            approve(version, who, PASSWORD, active_from=soon, recall=False)
        except Refused as refused:
            if refused.field != "active_from":
                raise
            ahead *= 2
        else:
            return soon


def test_every_web_process_decides_by_the_new_version_and_none_by_two(appliance, capsys):
    one, other = officer(), approver()
    keepers = [SnapshotKeeper(data=appliance) for _ in range(2)]
    for keeper in keepers:
        keeper.start()
    try:
        wait_until(lambda: all(current(keeper) == 1 for keeper in keepers), "all have read")
        counting(one, other, rule("a"))
        committed = time.monotonic()
        wait_until(
            lambda: all(current(keeper) == 2 for keeper in keepers),
            "all decide by it",
            every=0.01,
        )
        took = time.monotonic() - committed
        soon = scheduled(proposed(one, rule("b")), other)
        wait_until(
            lambda: all(current(keeper) == 3 for keeper in keepers),
            "its time has come",
            every=0.01,
        )
        late = (dt.datetime.now(dt.UTC) - soon).total_seconds()
        taken = []

        def takes():
            taken.append(held(keepers[0]))
            return taken[-1]

        wait_until(takes, "one is taken")
        assert taken[-1].standing.active is not None
        assert taken[-1].policy is taken[-1].standing.active.policy
    finally:
        for keeper in keepers:
            keeper.stop()
    with capsys.disabled():
        sys.stdout.write(f"\na new version is seen after {took:.3f} s, ")
        sys.stdout.write(f"a scheduled one {late:.3f} s after its time\n")


def test_a_forged_version_ends_what_a_web_process_decides(appliance):
    keeper = SnapshotKeeper(data=appliance)
    keeper.start()
    try:
        wait_until(lambda: current(keeper) == 1, "it has read")
        PolicyVersion.objects.create(number=9, document="{}", digest="0" * 64)
        wait_until(lambda: current(keeper) == 0, "requests get a 503")
    finally:
        keeper.stop()


def test_each_database_role_may_do_its_part_and_no_other(appliance):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    with connection.cursor() as cursor:
        cursor.execute(ROLES.read_text())
        one, other = officer(key=False), approver(key=False)
        cursor.execute("SET ROLE domicile_web")
        keys.create(one, PASSWORD, "propose")
        keys.create(other, PASSWORD, "approve")
        version = counting(one, other, rule("a"))
        cursor.execute("SET ROLE domicile_notary")
        PolicyWatch(appliance).look()
        cursor.execute("SET ROLE domicile_records")
        assert standing().active.digest == version.digest
        for role in ("web", "notary", "records"):
            cursor.execute(f"SET ROLE domicile_{role}")
            for statement in FORBIDDEN:
                with pytest.raises(ProgrammingError, match="permission denied"):
                    cursor.execute(statement)
        cursor.execute("RESET ROLE")
    assert seen() == (2, 2)
    assert PolicySignature.objects.count() == 3


TABLES = ("compliance_policyversion", "compliance_policysignature", "compliance_approvalkey")


@pytest.mark.parametrize("table", TABLES)
def test_what_is_signed_while_somebody_reads_is_no_forgery(table):
    """Just before `table` is read, somebody proposes, and another process has seen it."""
    author = officer()
    written = draft(author, rule("a"))
    waiting = [written]

    def meanwhile(execute, sql, *rest):
        if sql.startswith("SELECT") and f'FROM "{table}"' in sql and waiting:
            propose(waiting.pop(), author, PASSWORD, note="Meanwhile.")
            assert standing(keep=True).faults == ()
        return execute(sql, *rest)

    assert standing(keep=True).faults == ()
    with connection.execute_wrapper(meanwhile):
        found = standing(keep=True)
    assert not waiting
    assert found.faults == ()
    assert standing(keep=True).faults == ()

"""Carries simulations out, in the worker `records`, a chunk of events at a time.

Each chunk's end is a row that was saved, together with what was found up to there: a run whose
process dies is taken up where it was saved last. Whoever is at work holds the row's `claim`;
one that was given up loses it, and with it the right to save.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Iterator

import django.db
import orjson
import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from compliance.audit.caretaker import SOURCE
from compliance.models import Event, Simulation
from compliance.policy import recorded
from compliance.policy.rules import PolicyRefused, parse
from compliance.policy.simulate import Tally
from compliance.simulation.runs import UNFINISHED, record
from compliance.vocabulary import Facts

CHUNK = 4_000  # ids looked at between two savings
UNSEEN = dt.timedelta(seconds=30)
"""A run that was not saved for so long has died with its process."""

DECIDED = ("request.admitted", "request.blocked", "request.held")
State = Simulation.State
log = structlog.get_logger(__name__)


def left() -> list[int]:
    """Runs that nobody seems to work at, oldest first."""
    waiting = Q(state=State.WAITING)
    silent = Q(state=State.RUNNING, seen__lt=timezone.now() - UNSEEN)
    return list(
        Simulation.objects.filter(waiting | silent).order_by("pk").values_list("pk", flat=True)
    )


def carry_out(pk: int, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Replay run `pk` to its end, unless it is ended or at work elsewhere."""
    run = _claimed(pk)
    if run is None:
        return
    try:
        _replay(run, stopping)
    except django.db.Error:
        raise  # taken up again once it is back
    except Exception as error:
        log.exception("simulation_failed", kind=type(error).__name__)
        words = f"It could not be carried out: {type(error).__name__}. See the log of records."
        _mine(run).update(state=State.FAILED, words=words, finished=timezone.now())


def _claimed(pk: int) -> Simulation | None:
    """The run, taken by this process; None if it is ended, or another has it."""
    run = Simulation.objects.filter(pk=pk, state__in=UNFINISHED).first()
    now = timezone.now()
    if run is None or (run.state == State.RUNNING and run.seen and run.seen > now - UNSEEN):
        return None
    known, run.claim = run.claim, secrets.token_hex(16)
    rows = Simulation.objects.filter(pk=pk, claim=known, state__in=UNFINISHED)
    taken = rows.update(claim=run.claim, state=State.RUNNING, seen=now)
    return run if taken else None


def _mine(run: Simulation) -> QuerySet[Simulation]:
    """The run's row, as long as it is this process that has it."""
    return Simulation.objects.filter(pk=run.pk, claim=run.claim, state=State.RUNNING)


def _replay(run: Simulation, stopping: Callable[[], bool]) -> None:
    try:
        before, after = parse(run.against), parse(run.document)
    except PolicyRefused as error:
        _mine(run).update(state=State.FAILED, words=str(error), finished=timezone.now())
        return
    tally = Tally.read(run.tally) if run.tally else Tally()
    since = run.asked - dt.timedelta(days=run.days)
    while run.cursor < run.last:
        if stopping():
            _mine(run).update(state=State.WAITING)
            return
        upto = min(run.cursor + CHUNK, run.last)
        for request, facts in _facts(run.cursor, upto, since):
            if facts is None:
                run.unreadable += 1
            else:
                tally.add(before, after, facts, request)
        run.cursor = upto
        saved = _mine(run).update(
            cursor=upto, unreadable=run.unreadable, tally=tally.written(), seen=timezone.now()
        )
        if not saved:
            return
    _finish(run, tally)


def _facts(begin: int, end: int, since: dt.datetime) -> Iterator[tuple[str, Facts | None]]:
    """Of each decided request with an id in `(begin, end]`, its id and its facts, if readable.

    An event of an earlier release, or one whose detail was removed, has none. A request that
    was held counts once, when it was held: what was admitted later, by the same request sent
    again, is left out.
    """
    rows = Event.objects.filter(id__gt=begin, id__lte=end, type__in=DECIDED, time__gte=since)
    for kind, request, detail in rows.order_by("id").values_list("type", "request", "detail"):
        known = orjson.loads(bytes(detail)) if detail else {}
        if kind == "request.admitted" and "hold" in known:
            continue
        told = known.get("facts")
        try:
            facts = recorded.read(told) if told is not None else None
        except (KeyError, TypeError, ValueError):
            facts = None
        yield request or "", facts


def _finish(run: Simulation, tally: Tally) -> None:
    with transaction.atomic():
        now = timezone.now()
        if _mine(run).update(state=State.DONE, tally=tally.written(), seen=now, finished=now):
            record(
                SOURCE,
                "records",
                "policy.simulated",
                {
                    "simulation": run.pk,
                    "digest": run.digest,
                    "days": run.days,
                    "requests": tally.seen,
                    "decided_otherwise": tally.changed,
                    "without_facts": run.unreadable,
                },
            )

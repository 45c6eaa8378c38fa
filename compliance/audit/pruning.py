"""Removes the details that a rule no longer lets be kept; the log's entries stay.

For each rule: (1) walk the log in its order and find the range that holds what is due; (2) in
one transaction, write the permit (`Pruning`) and the event `record.pruned` that tells everybody
of it; (3) remove the details that a permit covers, few at a time. Killed at any point, the next
run finds what is left: it is covered by a permit that stands, and is removed without another.

Everything is done in steps of some milliseconds, because SQLite has one write lock and the
notary other work.

Within a generation nothing that could ever go stands before the `begin` of a rule's newest
permit, so the next run begins there and not at entry 0.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.db import connection, models, transaction

from compliance.audit import due, journal, kept
from compliance.models import Pruning
from compliance.vocabulary import Event

CHUNK = 2_048  # entries looked at in one step
BATCH = 128  # details removed in one transaction
LOCK = 0x50_52_55_4E_45  # "PRUNE": PostgreSQL's advisory lock around a permit

_kept = lru_cache(maxsize=256)(kept.is_kept)


@dataclass(frozen=True, slots=True)
class Rule:
    """Details of events before `before` go: of `application`, or of no application (None).

    `before` is midnight UTC. `words` say which rule it is, for the record; `reason` is the
    legal one that an officer gave for less than the law's floor, or empty.
    """

    application: UUID | None
    before: dt.datetime
    words: str
    reason: str = ""


@dataclass(slots=True)
class Plan:
    """What of a generation a rule would remove now. `begin` and `end` are of `Leaf.index`.

    `permit` is the newest that stands. What it covers has been counted, and is `left` of a run
    that did not finish; `count` is what it does not cover.
    """

    rule: Rule
    span: due.Span
    permit: Pruning | None
    begin: int = -1  # the first that has a detail which will ever go; -1: there is none
    end: int = 0
    count: int = 0
    left: int = 0

    def covered(self, index: int, when: dt.datetime) -> bool:
        """Whether the permit that stands covers this event."""
        held = self.permit
        return held is not None and held.begin <= index < held.end and when < held.before


class Run:
    """One pass; `steps` does it. `clean` tells, per rule, below which index nothing is left.

    `clean` is what an earlier pass of this process learned, and may be empty.
    """

    def __init__(
        self, rules: Sequence[Rule], source: str, clean: dict[UUID | None, int] | None = None
    ) -> None:
        self.plans: list[Plan] = []
        self.made: list[Pruning] = []
        self.removed = 0
        self.clean = dict(clean or {})
        self._source = source
        self._rules = {rule.application: rule for rule in rules}
        self._young: dict[UUID | None, int] = {}

    def steps(self, *, dry: bool = False) -> Iterator[None]:
        """Find, permit and remove, a little at each step; `dry` only finds."""
        if not self._rules:
            return
        for span in due.spans():
            plans = self._begin(span)
            begin = min(self._start(plan) for plan in plans.values())
            end = due.end_of(span, begin, max(rule.before for rule in self._rules.values()))
            for low in range(begin, end, CHUNK):
                self._look(plans, low, min(low + CHUNK, end))
                yield
            found = [plan for plan in plans.values() if plan.count or plan.left]
            self.plans += found
            if not dry:
                yield from self._carry_out(found)
            self.clean |= {name: self._young.get(name, end) for name in self._rules}

    def _carry_out(self, found: Sequence[Plan]) -> Iterator[None]:
        for plan in found:
            if plan.count:
                self._permit(plan)
                yield
        held = {plan.rule.application: plan for plan in found if plan.permit}
        begin = min((plan.begin for plan in found), default=0)
        for low in range(begin, max((plan.end for plan in found), default=0), CHUNK):
            yield from self._remove(held, low, low + CHUNK)

    # --- finding --------------------------------------------------------------------------

    def _begin(self, span: due.Span) -> dict[UUID | None, Plan]:
        here = Pruning.objects.filter(begin__gte=span.first, begin__lt=span.end)
        newest = here.values("application").annotate(last=models.Max("id")).values("last")
        permits = {permit.application: permit for permit in here.filter(pk__in=newest)}
        return {name: Plan(rule, span, permits.get(name)) for name, rule in self._rules.items()}

    def _start(self, plan: Plan) -> int:
        begun = plan.permit.begin if plan.permit else plan.span.first
        return max(self.clean.get(plan.rule.application, 0), begun)

    def _look(self, plans: dict[UUID | None, Plan], low: int, high: int) -> None:
        for index, _row, application, when, kind in due.detailed(low, high):
            plan = plans.get(application)
            if plan is None or _kept(kind):
                continue
            if plan.begin < 0:
                plan.begin = index
            if when >= plan.rule.before:
                self._young.setdefault(application, index)
                continue
            plan.end = index + 1
            if plan.covered(index, when):
                plan.left += 1
            else:
                plan.count += 1

    # --- permitting -----------------------------------------------------------------------

    def _permit(self, plan: Plan) -> None:
        """Write permit and event, unless another run has written one since we looked."""
        rule, span = plan.rule, plan.span
        seen = plan.permit.pk if plan.permit else None
        with transaction.atomic():
            _lock()
            moment = time.time_ns() // 1000
            here = Pruning.objects.filter(begin__gte=span.first, begin__lt=span.end)
            newest = here.filter(application=rule.application).order_by("-id").first()
            if (newest.pk if newest else None) != seen:
                plan.permit = newest
                self._young[rule.application] = plan.begin  # to be looked at again
                return
            plan.permit = Pruning.objects.create(
                begin=plan.begin,
                end=plan.end,
                application=rule.application,
                before=rule.before,
                count=plan.count,
                pruned=dt.datetime.fromtimestamp(moment / 1_000_000, dt.UTC),
            )
            journal.record(self._source, [_event(plan, plan.permit, moment)])
        self.made.append(plan.permit)

    # --- removing -------------------------------------------------------------------------

    def _remove(self, held: dict[UUID | None, Plan], low: int, high: int) -> Iterator[None]:
        rows = [
            row
            for index, row, application, when, kind in due.detailed(low, high)
            if application in held
            and not _kept(kind)
            and held[application].covered(index, when)
        ]
        for first in range(0, len(rows), BATCH):
            self.removed += _clear(rows[first : first + BATCH])
            yield


def _event(plan: Plan, permit: Pruning, moment: int) -> Event:
    """`begin` and `end` count from entry 0 of the generation, as everywhere outside."""
    name, first = permit.application, plan.span.first
    return Event(
        type="record.pruned",
        time=moment,
        detail={
            "generation": plan.span.number,
            "begin": permit.begin - first,
            "end": permit.end - first,
            "application": str(name) if name else None,
            "before": permit.before.date().isoformat(),
            "count": permit.count,
            "rule": plan.rule.words,
            "reason": plan.rule.reason,
        },
        application=str(name) if name else None,
    )


def _lock() -> None:
    """Let one run at a time write a permit; SQLite's transactions begin so."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _clear(rows: Sequence[int]) -> int:
    """Remove the details of these events, durably; how many had one."""
    marks = ", ".join(["%s"] * len(rows))
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA secure_delete = ON")  # what was there is overwritten
        cursor.execute(_CLEAR.format(marks=marks), list(rows))
        return int(cursor.rowcount)


_CLEAR = """
    UPDATE compliance_event SET detail = NULL, detail_key = NULL
    WHERE id IN ({marks}) AND detail IS NOT NULL
"""

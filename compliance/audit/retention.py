"""How long details and contents are kept, and who sees to it that they go.

Three have a say: the application, the active policy, and the law. Of application and policy the
shorter period counts. The AI Act has the logs of high-risk systems kept for six months at least
(Regulation (EU) 2024/1689, Art. 19(1) and 26(6)); no rule goes below that, unless an officer
has recorded which other law demands less. The floor is of entries, which are kept for ever, and
of details; never of content.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from compliance.audit.pruning import Plan, Rule, Run
from compliance.models import Application, PolicyVersion, Pruning

SIX_MONTHS = 184  # days: the longest six months (Regulation 1182/71, Art. 3, counts by month)
FLOOR_LAW = "AI Act, Art. 19(1) and 26(6)"
SHARE = 100  # the notary gives one hundredth of its time
RETRY = 3_600.0  # seconds

_log = logging.getLogger(__name__)


class RetentionUnclear(Exception):
    """What the policy says of retention cannot be read; nothing is removed until it can."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the active policy lets be kept, in days; None leaves it open."""

    content_days: int | None = None
    details_days: int | None = None
    version: int = 0


_judges: list[Callable[[], str]] = []


def judge_by(judge: Callable[[], str]) -> None:
    """Ask `judge` what is wrong with the policy, empty if nothing; for an app's `ready`."""
    if judge not in _judges:
        _judges.append(judge)


def bounds() -> Bounds:
    """Of the active policy; raises `RetentionUnclear`.

    The document was checked when it was written (`policy.rules`), so this only looks again
    that days are days, and asks whether it is the one that people signed.
    """
    for judge in _judges:
        if words := judge():
            raise RetentionUnclear(f"{words} No detail is removed until then.")
    active = PolicyVersion.objects.filter(activated__isnull=False, retired=None).first()
    if active is None:
        return Bounds()
    try:
        said = json.loads(active.document).get("retention", {})
        days = [said.get(name) for name in ("content_days", "details_days")]
        sound = all(value is None or (type(value) is int and value >= 0) for value in days)
    except (ValueError, AttributeError):
        sound = False
    if not sound or days[1] == 0:
        raise RetentionUnclear(
            f"What policy version {active.number} says of retention cannot be read; restore "
            "the database from your backup. No detail is removed until then."
        )
    return Bounds(days[0], days[1], active.number)


def floor(application: Application) -> int | None:
    """The least days for which the details of this application must be kept; None: no floor."""
    exempt = application.retention_reason.strip()
    return SIX_MONTHS if application.high_risk and not exempt else None


def content_days(application: Application, policy: Bounds) -> int:
    """For how many days prompts and answers are kept; 0: not at all."""
    if policy.content_days is None:
        return application.content_days
    return min(application.content_days, policy.content_days)


def details_days(application: Application, policy: Bounds) -> int | None:
    """For how many days the details of its events are kept; None: for ever."""
    asked = _shorter(application.details_days, policy.details_days)
    return None if asked is None else max(asked, floor(application) or 0)


def details_days_of_none(policy: Bounds) -> int | None:
    """Likewise of events that belong to no application: machines, people, the log itself.

    Where an application is high-risk they are part of its system's logs.
    """
    if policy.details_days is None:
        return None
    held = any(floor(one) for one in Application.objects.filter(high_risk=True))
    return max(policy.details_days, SIX_MONTHS if held else 0)


def _shorter(first: int | None, second: int | None) -> int | None:
    return min((days for days in (first, second) if days is not None), default=None)


def details_rule(application: Application, policy: Bounds) -> str:
    """Which rule decides on its details, as a sentence of the record; empty: none does."""
    days = details_days(application, policy)
    if days is None:
        return ""
    asked = _shorter(application.details_days, policy.details_days)
    if asked != days:
        why = f"the floor of {FLOOR_LAW}"
    elif asked == application.details_days:
        why = "as registered for the application"
    else:
        why = f"policy version {policy.version}"
    return f"Details of {application.name} are kept for {days} days ({why})."


def before(now: dt.datetime, days: int) -> dt.datetime:
    """Midnight (UTC) of the day before which everything has been kept for `days` whole days."""
    today = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - dt.timedelta(days=days)


def rules(now: dt.datetime) -> list[Rule]:
    """The rules that hold now; raises `RetentionUnclear`."""
    policy = bounds()
    found = []
    for application in Application.objects.order_by("name"):
        days = details_days(application, policy)
        if days is not None:
            shortened = application.high_risk and days < SIX_MONTHS
            reason = application.retention_reason.strip() if shortened else ""
            words = details_rule(application, policy)
            found.append(Rule(application.pk, before(now, days), words, reason))
    days = details_days_of_none(policy)
    if days is not None:
        why = f"policy version {policy.version}"
        if days != policy.details_days:
            why = f"the floor of {FLOOR_LAW}"
        words = f"Details of events of no application are kept for {days} days ({why})."
        found.append(Rule(None, before(now, days), words))
    return found


def prune(now: dt.datetime, source: str = "command") -> list[Pruning]:
    """Remove every detail that is due at `now`; the permits that were written for it.

    Idempotent. Goes on where a run that was killed stopped. Raises `RetentionUnclear`.
    """
    return prune_run(now, source).made


def prune_run(now: dt.datetime, source: str = "command") -> Run:
    """As `prune`; with how many details it removed, those of a killed run among them.

    Between two steps it leaves SQLite's write lock to others for as long as it had it.
    """
    run = Run(rules(now), source)
    began = time.monotonic()
    for _ in run.steps():
        time.sleep(time.monotonic() - began)
        began = time.monotonic()
    return run


def due(now: dt.datetime) -> list[Plan]:
    """What `prune` would remove; nothing is changed."""
    run = Run(rules(now), "command")
    for _ in run.steps(dry=True):
        pass
    return run.plans


class Daily:
    """The notary's part: prunes at its start and after each midnight (UTC), a little at a time.

    Belongs to the notary's thread.
    """

    def __init__(self) -> None:
        self._day: dt.date | None = None
        self._run: Run | None = None
        self._steps: Iterator[None] = iter(())
        self._clean: dict[UUID | None, int] = {}
        self._next = 0.0  # monotonic

    def turn(self) -> None:
        """Do one step, if it is time for one. A failure is told and tried again later."""
        began = time.monotonic()
        if began < self._next:
            return
        now = dt.datetime.now(dt.UTC)
        if self._run is None and self._day == now.date():
            return
        try:
            self._step(now)
        except Exception as error:  # noqa: BLE001 - an error that got out would end the log
            said = str(error) if isinstance(error, RetentionUnclear) else type(error).__name__
            _log.error("Details that are due were not removed: %s", said)
            self._run, self._next = None, began + RETRY
        else:
            took = time.monotonic() - began
            self._next = began + SHARE * took

    def _step(self, now: dt.datetime) -> None:
        if self._run is None:
            self._run = Run(rules(now), "notary", self._clean)
            self._steps, self._day = self._run.steps(), now.date()
        try:
            next(self._steps)
        except StopIteration:
            if self._run.removed:
                _log.info("The details of %d events were removed by rule.", self._run.removed)
            self._clean, self._run = self._run.clean, None

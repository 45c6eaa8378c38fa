"""The front page: what an officer wants to know first."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from compliance.admin import (
    api_keys,
    generations,
    policy_shown,
    policy_signed,
    verification,
    window,
)
from compliance.admin.site import Panel, console
from compliance.models import APIKey, Application, Event, LogHead, Verification

DAY = dt.timedelta(hours=24)
SOON = dt.timedelta(days=30)
COUNTED = 20_000  # events at most that the chart looks at
KEEP = 10.0  # seconds for which a count serves
WAITING = 1_000  # newest events among which those that wait for the notary are counted
LISTED = 10  # keys that expire soon
BAR = 100  # units of a bar's full length


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the chart; `length` is of `BAR`."""

    name: str
    title: str
    count: int
    length: int


class _Counted:
    """The last count, for every reader of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._counts: Mapping[tuple[str, str | None], int] = {}

    def counts(self) -> Mapping[tuple[str, str | None], int]:
        with self._lock:
            if time.monotonic() > self._until:
                self._counts = window.decisions(timezone.now() - DAY, COUNTED)
                self._until = time.monotonic() + KEEP
            return self._counts

    def forget(self) -> None:
        """Count anew next time."""
        self._until = 0.0


counted = _Counted()

DECIDED = ("request.admitted", "request.blocked", "request.held")
TITLES = {
    "allow": "Allowed as it was",
    "pseudonymise": "Pseudonymised",
    "mask": "Masked",
    "hold": "Held for a person",
    "block": "Blocked by the policy",
    "refused": "Refused: could not be checked",
}


def bars(counts: Mapping[tuple[str, str | None], int]) -> list[Bar]:
    """Requests by decision, in the order of strictness."""
    found = dict.fromkeys(TITLES, 0)
    for (kind, decision), count in counts.items():
        if kind == "request.refused":
            found["refused"] += count
        elif kind in DECIDED and decision in found:
            found[decision] += count
    most = max(found.values()) or 1
    return [
        Bar(name, TITLES[name], count, max(1, count * BAR // most) if count else 0)
        for name, count in found.items()
    ]


@console.panel
def requests(request: HttpRequest) -> Panel | None:
    """Requests of the last day, by decision."""
    if not request.user.has_perm("compliance.view_event"):
        return None
    counts = counted.counts()
    chart = bars(counts)
    ends = {
        name: sum(count for (kind, _d), count in counts.items() if kind == f"request.{name}")
        for name in ("failed", "lost", "cancelled")
    }
    context = {
        "bars": chart,
        "total": sum(bar.count for bar in chart),
        "ends": [(name, count) for name, count in ends.items() if count],
        "capped": sum(counts.values()) >= COUNTED,
        "applications": Application.objects.filter(active=True).exists(),
        "keys": APIKey.objects.filter(revoked=None).exists(),
    }
    return Panel(10, "Requests in the last 24 hours", "admin/panels/requests.html", context)


@console.panel
def record(request: HttpRequest) -> Panel | None:
    """How the log stands."""
    if not request.user.has_perm("compliance.view_event"):
        return None
    newest = Event.objects.order_by("-id")[:WAITING].values_list("time", "leaf__index")
    waiting = [moment for moment, index in newest if index is None]
    last = Verification.objects.exclude(finished=None).first()
    signed = generations.signed()
    context = {
        "head": LogHead.objects.first(),
        "waiting": len(waiting),
        "more": len(waiting) == WAITING,
        "lag": (timezone.now() - min(waiting)).total_seconds() if waiting else 0,
        "checkpoint": signed.written if signed else None,
        "verified": last,
        "outcome": verification.outcome(last) if last else "",
    }
    return Panel(20, "The log", "admin/panels/log.html", context)


@console.panel
def policy(request: HttpRequest) -> Panel | None:
    """The active policy, and what of it is not enforced."""
    if not request.user.has_perm("compliance.view_policyversion"):
        return None
    standing = policy_signed.standing()
    row = policy_signed.active_row(standing)
    context: dict[str, Any] = {"row": row, "faults": standing.faults}
    if row is not None and standing.active is not None:
        rules = policy_shown.shown(standing.active.policy)
        context |= {
            "name": standing.active.policy.name,
            "since": policy_signed.moment(standing.active.since_us),
            "rules": rules,
            "idle": [shown for shown in rules if shown.enforced is False],
            "unknown": any(shown.enforced is None for shown in rules),
        }
    return Panel(40, "Policy", "admin/panels/policy.html", context)


@console.panel
def keys(request: HttpRequest) -> Panel | None:
    """Keys that will soon be refused."""
    if not request.user.has_perm("compliance.view_apikey"):
        return None
    now = timezone.now()
    working = api_keys.working(now)
    expiring = working.filter(expires__lte=now + SOON)
    context = {
        "expiring": expiring.select_related("application").order_by("expires")[:LISTED],
        "more": max(0, expiring.count() - LISTED),
        "working": working.count(),
        "applications": Application.objects.filter(active=True).count(),
        "may_add": request.user.has_perm("compliance.add_application"),
    }
    return Panel(50, "Applications and keys", "admin/panels/keys.html", context)

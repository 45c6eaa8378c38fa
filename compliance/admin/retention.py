"""What is kept of an application and how long, in words, and when the next details go."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils import timezone

from compliance.admin.site import Panel, console
from compliance.audit import retention
from compliance.audit.pruned import removal
from compliance.audit.retention import FLOOR_LAW, SIX_MONTHS, Bounds, RetentionUnclear
from compliance.models import Application, Event, Pruning

LISTED = 20  # applications in the panel


@dataclass(frozen=True, slots=True)
class Period:
    """Who says how long one thing is kept, in words, and what comes of it."""

    what: str
    allowed: str  # by the policy
    asked: str  # by the application
    demanded: str  # by the law
    applies: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Sentences about one application; `next` is empty where no detail will go."""

    name: str
    content: str
    details: str
    next: str
    lifted: str = ""  # the law's floor, and why
    periods: tuple[Period, ...] = ()


def kept(application: Application, policy: Bounds, now: dt.datetime) -> Kept:
    """What counts for `application` after policy and law have had their say."""
    days = retention.details_days(application, policy)
    reason = application.retention_reason.strip()
    lifted = application.high_risk and reason and days is not None and days < SIX_MONTHS
    return Kept(
        application.name,
        _content(application, policy),
        retention.details_rule(application, policy)
        or "Details of its events are kept for ever: neither the application nor the policy "
        "says how long.",
        _next(days, application.created, now),
        f"The floor of {SIX_MONTHS} days ({FLOOR_LAW}) is lifted: {reason}" if lifted else "",
        _periods(application, policy),
    )


def _periods(application: Application, policy: Bounds) -> tuple[Period, ...]:
    least, days = retention.floor(application), retention.details_days(application, policy)
    asked = application.details_days
    return (
        Period(
            "Prompts and answers",
            _at_most(policy.content_days),
            _days(application.content_days),
            "nothing",
            _days(retention.content_days(application, policy)),
        ),
        Period(
            "Details of events",
            _at_most(policy.details_days),
            "nothing" if asked is None else _days(asked),
            "nothing" if least is None else f"{_days(least)} at least",
            "for ever" if days is None else _days(days),
        ),
    )


def _days(days: int) -> str:
    return f"{days} day{'' if days == 1 else 's'}" if days else "not kept"


def _at_most(days: int | None) -> str:
    if days is None:
        return "no bound"
    return f"{_days(days)} at most" if days else "not kept"


def allowed(days: int | None, version: int, least: int = 0) -> str:
    """What the policy says of one period, as a sentence for whoever fills in the field.

    `least` is what the law demands in any case, in days.
    """
    if days is None:
        return "The active policy sets no bound."
    bound = _at_most(days) if days else "none to be kept"
    law = f"; the law demands {least} days here" if least > days else ""
    return f"Policy version {version} allows {bound}{law}."


def beyond(asked: int | None, days: int | None, version: int, least: int = 0) -> str:
    """Why `asked` days cannot be set, and what can; empty where they can. Days as above."""
    if asked is None or days is None or asked <= max(days, least):
        return ""
    return f"{allowed(days, version, least)} Enter {max(days, least)} or less."


def _content(application: Application, policy: Bounds) -> str:
    asked, days = application.content_days, retention.content_days(application, policy)
    less = f"policy version {policy.version} allows no more; the application asks for {asked}"
    if not days:
        return f"Prompts and answers are not kept{f' ({less} days)' if asked else ''}."
    bounded = f" ({less})" if days < asked else ""
    return f"Prompts and answers are kept, encrypted, for {days} days{bounded}."


def _next(days: int | None, since: dt.datetime, now: dt.datetime) -> str:
    """Which day's details go next, and when: after a midnight (UTC), when all days are over."""
    if days is None:
        return ""
    day = max(retention.before(now, days).date(), since.astimezone(dt.UTC).date())
    return f"Details of {day} go on {day + dt.timedelta(days=days + 1)}."


def of(application: Application) -> Kept | None:
    """For the application's page; None where the policy cannot be read."""
    try:
        return kept(application, retention.bounds(), timezone.now())
    except RetentionUnclear:
        return None


@console.panel
def panel(request: HttpRequest) -> Panel | None:
    """What of each application is kept how long."""
    if not request.user.has_perm("compliance.view_application"):
        return None
    context: dict[str, object] = {}
    try:
        policy = retention.bounds()
    except RetentionUnclear as error:
        context["fault"] = str(error)
    else:
        now = timezone.now()
        applications = Application.objects.order_by("-active", "name")
        days = retention.details_days_of_none(policy)
        context = {
            "rows": [(one, kept(one, policy, now)) for one in applications[:LISTED]],
            "more": max(0, applications.count() - LISTED),
            "none": days,
            "last": Pruning.objects.order_by("-id").first(),
        }
    return Panel(60, "Retention", "admin/panels/retention.html", context)


def gone(event: Event) -> dict[str, object]:
    """What a page says of details that are not there: when they went, and by which rule."""
    return {"gone": event.detail is None, "removal": removal(event)}

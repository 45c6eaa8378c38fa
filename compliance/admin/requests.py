"""Requests, put together from their events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import QuerySet

from compliance.admin.story import FIRST, Story, tell
from compliance.admin.window import Said
from compliance.models import Application, Event
from compliance.vocabulary import Effect

REVIEW = "review"
DECISIONS = (
    ("", "any"),
    *((effect.value, effect.value) for effect in Effect),
    ("refused", "refused (could not be checked)"),
    (REVIEW, "any whose answer a person must look at"),
)
NOT_ADMITTED = {
    "block": "request.blocked",
    "hold": "request.held",
    "refused": "request.refused",
}
ENDS = (
    ("", "any"),
    *((f"request.{word}", word) for word in ("completed", "failed", "cancelled", "lost")),
)
LONGEST = 1_000  # events of one story; attempts are few


@dataclass(frozen=True, slots=True)
class Row:
    """One request in the list."""

    story: Story
    application: str
    model: str


def application_names() -> dict[UUID | None, str]:
    """The applications' names by id."""
    return dict(Application.objects.values_list("id", "name"))


def anchors(decision: str, end: str) -> QuerySet[Event]:
    """The events that stand for the requests of a list: each request's first, or its last."""
    if end:
        events = Event.objects.filter(type=end)
        return events.none() if decision in NOT_ADMITTED else events
    if decision == "":
        return Event.objects.filter(type__in=FIRST)
    if decision in NOT_ADMITTED:
        return Event.objects.filter(type=NOT_ADMITTED[decision])
    admitted = Event.objects.filter(type="request.admitted")
    if decision == REVIEW:
        obliged = Said("detail", name="obligations.review")
        return admitted.annotate(said=obliged).filter(said__isnull=False)
    return admitted.annotate(said=Said("detail", name="decision")).filter(said=decision)


def rows(found: Sequence[Event]) -> list[Row]:
    """The requests that the events in `found` stand for, in their order."""
    stories: dict[str, list[Event]] = defaultdict(list)
    names = {event.request for event in found if event.request}
    for event in Event.objects.filter(request__in=names).order_by("id"):
        stories[str(event.request)].append(event)
    result = []
    for event in found:
        story = _told(stories[str(event.request)])
        result.append(
            Row(
                story,
                str(story.about.get("application", {}).get("name", "")),
                str(story.about.get("model", "")),
            )
        )
    return result


def story(request: str) -> Story | None:
    """The story of one request; None where the record knows none."""
    events = list(Event.objects.filter(request=request).order_by("id")[:LONGEST])
    return _told(events) if events else None


def _told(events: Sequence[Event]) -> Story:
    """Its story; where details were removed, the event itself still names the application."""
    told = tell(events)
    owner = events[0].application
    if told.about or owner is None:
        return told
    name = Application.objects.filter(pk=owner).values_list("name", flat=True).first()
    about = {"application": {"id": str(owner), "name": name or ""}}
    return replace(told, about=about)

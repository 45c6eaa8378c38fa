"""What is configured for an application, as far as the log says so.

The value is put together from the registration and the changes on record, and held against the
database. Where they differ, somebody changed the database without the record: then the field
says that, and not a value.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from compliance.audit import retention
from compliance.audit.retention import RetentionUnclear
from compliance.evidence.packs.fields import Cited
from compliance.evidence.packs.reading import Reading, Verified
from compliance.models import Application, PolicyVersion

DEFAULTS = {"content_days": 0, "details_days": None, "high_risk": False, "retention_reason": ""}
"""What a registration that does not speak of it means: the columns' defaults."""
REGISTERED, CHANGED = "application.registered", "application.changed"
ASKED = ("content_days", "details_days", "high_risk", "retention_reason")
"""What decides for how long an application's content and details are kept."""
OUTSIDE = (
    "The database says something else than the log does: it was changed outside of the record. "
    "Look for events change.unrecorded, and register the value in the console."
)


class Configured:
    """The configuration of every application, from entries that were each proven."""

    def __init__(self, reading: Reading) -> None:
        """Raises `PackImpossible`."""
        self._events: dict[str, list[Verified]] = defaultdict(list)
        for event in reading.of_types(REGISTERED, CHANGED):
            if event.application:
                self._events[event.application].append(event)
        self._activated = reading.of_types("policy.activated")

    def registered(self, application: Application) -> Verified | None:
        """The registration, if it is under the checkpoint."""
        events = self._events[str(application.pk)]
        return next((one for one in events if one.type == REGISTERED), None)

    def value(self, application: Application, name: str) -> tuple[Any, Cited, str]:
        """A column's value, the entries that show it, and what is wrong (else empty)."""
        registered = self.registered(application)
        if registered is None or registered.detail is None:
            return None, Cited(), "Its registration is not under the log's checkpoint yet."
        known, shown = DEFAULTS.get(name), registered
        if name in registered.detail:
            known = registered.detail[name]
        for event, to in self._changes(application, name):
            known, shown = to, event
        if known != getattr(application, name):
            return None, Cited(), OUTSIDE
        return known, Cited().add(shown), ""

    def since(self, application: Application, name: str) -> dt.datetime | None:
        """When the log says that a column got its value; None where nothing is registered."""
        found = self.registered(application)
        for event, _to in self._changes(application, name):
            found = event
        return found.time if found else None

    def _changes(self, application: Application, name: str) -> Iterator[tuple[Verified, Any]]:
        """Each change of a column, with the value that it got; oldest first."""
        for event in self._events[str(application.pk)]:
            change = (event.said("changes") or {}).get(name) if event.type == CHANGED else None
            if isinstance(change, dict):
                yield event, change.get("to")

    def values(
        self, application: Application, names: Iterable[str]
    ) -> tuple[dict[str, Any], Cited, str]:
        """Several columns at once; what is wrong with the first that is."""
        found, cited = {}, Cited()
        for name in names:
            value, entries, wrong = self.value(application, name)
            if wrong:
                return {}, Cited(), wrong
            found[name] = value
            cited.take(entries)
        return found, cited, ""

    def kept(self, application: Application) -> tuple[str, Cited, str, dict[str, Any]]:
        """How long its content and details are kept, in words; entries, what is wrong, data."""
        _, cited, wrong = self.values(application, ASKED)
        try:
            bounds = retention.bounds()
        except RetentionUnclear as error:
            return "", Cited(), str(error), {}
        if bounds.version:  # also where it leaves both open: the log has to say so
            activated = self._policy(bounds.version)
            if activated is None:
                wrong = wrong or f"Policy version {bounds.version} is not on record as active."
            else:
                cited.add(activated)
        if wrong:
            return "", Cited(), wrong, {}
        content = retention.content_days(application, bounds)
        details = retention.details_days(application, bounds)
        lines = (
            f"Prompts and answers: kept for {content} days, encrypted, then erased."
            if content
            else "Prompts and answers: not kept.",
            f"Details of events (who, what, why): removed after {details} days."
            if details is not None
            else "Details of events (who, what, why): no time limit is set.",
            "Entries of the log (no directly identifying data): no time limit.",
        )
        return "\n".join(lines), cited, "", {"content_days": content, "details_days": details}

    def _policy(self, version: int) -> Verified | None:
        """The last activation, if it is of this version and names this document."""
        row = PolicyVersion.objects.filter(number=version).first()
        digest = hashlib.sha256(row.document.encode()).hexdigest() if row else ""
        for event in self._activated[-1:]:
            said = event.said("policy") or {}
            if said.get("version") == version and said.get("digest") == digest:
                return event
        return None

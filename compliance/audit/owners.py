"""Whose each event is: labels, columns and registrations, held against each other.

The log commits to an event's application by a label, where it belongs to a request, and by
what its detail says, where an application was registered or got a key. The column `application`
is neither, and retention rules and the console go by it: so it must say the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from compliance.audit.entry import label, label_key_digest
from compliance.audit.ledger import LeafRow
from compliance.models import APIKey, Application

UNKNOWN_MAX = 50  # applications that the database does not know, told one by one


class Owners:
    """The applications as the database has them, for one pass over the log."""

    def __init__(self) -> None:
        self._keys: dict[str, bytes] = {}
        self._ids: dict[str, str] = {}  # by name, which is unique and never changes
        for identifier, name, key in Application.objects.values_list("id", "name", "label_key"):
            self._keys[str(identifier)] = bytes(key)
            self._ids[name] = str(identifier)
        common = Counter(self._keys.values()).items()
        self._common = {key for key, count in common if count > 1}
        issued = APIKey.objects.order_by().values_list("prefix", "application_id")
        self._issued = {prefix: str(application) for prefix, application in issued}
        self._unknown: Counter[str] = Counter()

    def problems(self, row: LeafRow, entry: Mapping[str, Any]) -> Iterator[str]:
        """What contradicts what about an event's application; how a sentence goes on."""
        if row.request is not None:
            yield from self._labelled(row, row.request, entry.get("application"))
            return
        detail = _object(row.detail)
        if row.application != self._named(row, detail):
            yield "its application in the database is not the one that it speaks of."
        if row.type == "application.registered" and row.detail is not None:
            yield from self._registered(detail)

    def unknown(self) -> Iterator[str]:
        """Which applications are missing from the database, once for all of their events."""
        for application, count in self._unknown.items():
            which = f"the application {application[:64]}" if application else "others"
            yield (
                f"{count} entries are of {which}, which the database does not know: their "
                "labels cannot be checked."
            )

    def _labelled(self, row: LeafRow, request: str, given: object) -> Iterator[str]:
        if row.application is None:
            if given is not None:
                yield "it is labelled as an application's, and the database does not say whose."
            return
        key = self._keys.get(row.application)
        if key is None:
            told = row.application in self._unknown or len(self._unknown) < UNKNOWN_MAX
            self._unknown[row.application if told else ""] += 1
        elif given != label(key, request):
            yield "it is labelled as another application's."
        elif key in self._common:
            yield "two applications have the key of its label, so it does not say whose it is."

    def _named(self, row: LeafRow, detail: Mapping[str, Any]) -> str | None:
        """The application that an event of no request speaks of.

        The row's own where that cannot be told here: its detail is missing, or of a name that
        the database does not know, which other sentences tell.
        """
        kind = row.type
        if not kind.startswith(("application.", "api_key.")) and kind != "record.pruned":
            return None
        if row.detail is None:
            return row.application
        if kind.startswith("application."):
            name = detail.get("name" if kind == "application.registered" else "application")
            return self._ids.get(str(name), row.application)
        if kind == "record.pruned":
            said = detail.get("application")
            return said if isinstance(said, str) else None
        return self._issued.get(str(detail.get("prefix")))

    def _registered(self, detail: Mapping[str, Any]) -> Iterator[str]:
        """Hold the application's label key against what was registered, by its name."""
        name, digest = detail.get("name"), detail.get("label_key_sha256")
        if not isinstance(name, str) or not isinstance(digest, str):
            yield "it does not say which application was registered with which key."
        elif name not in self._ids:
            yield f"the application {name} was registered and is not in the database."
        elif digest != label_key_digest(self._keys[self._ids[name]]):
            yield (
                f"the label key of the application {name} in the database is not the one that "
                "was registered; its entries cannot be told as its own."
            )


def _object(detail: bytes | None) -> Mapping[str, Any]:
    try:
        said = orjson.loads(detail or b"{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}

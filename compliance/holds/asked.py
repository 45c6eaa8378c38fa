"""What the record says of a held request: which one it was, and which rules held it.

The row of a hold says how it stands, and anybody who may write to that table can say otherwise.
What an approval is for, and what it satisfies, is therefore read from the events, which nothing
changes and which the log covers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from compliance.models import Event

HELD, APPROVED = "request.held", "hold.approved"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was held. `expires` is in microseconds since the Unix epoch."""

    binding: str  # see `binding`
    rules: Mapping[str, str]  # the rules that held it: id -> digest, see `said.rule_digests`
    expires: int


def asked(hold: str) -> Asked | None:
    """What was held under this id; None where the record does not say so, or no longer how."""
    row = Event.objects.filter(request=hold, type=HELD).order_by("id").first()
    said = json.loads(bytes(row.detail)) if row is not None and row.detail else {}
    if "binding" not in said:
        return None
    return Asked(said["binding"], said["rule_digests"], said["expires"])


def approved(hold: str) -> bool:
    """Whether the record says that a person approved it."""
    return Event.objects.filter(request=hold, type=APPROVED).exists()

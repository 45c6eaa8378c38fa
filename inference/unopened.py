"""Puts on the record what nodes say of tickets that did not open.

The refusals lie in the stream of statements, where whoever has the broker can put anything:
only what an enrolled node signed is recorded, and of a flood only how many there were.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import transaction

from compliance.audit import journal
from compliance.audit.entry import INTEGER_MAX
from compliance.vocabulary import Event
from inference.models import Node
from inference.refusals import decoded, read, verify
from inference.statements import StatementRefused

A_MINUTE = 10  # refusals that a process records
AGAIN = 60.0  # seconds until the same reason of the same node is recorded again
OLD = 600.0  # seconds after which a refusal is played back
FUTURE = 300.0  # seconds by which a node's clock may be ahead


class Unopened:
    """What one process has recorded lately. Used by one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock  # seconds
        self._said: dict[tuple[str, str], float] = {}
        self._newest: dict[str, int] = {}
        self._minute = 0
        self._count = 0
        self._missed = 0

    def record(self, said: bytes) -> None:
        """Record a refusal, unless many were recorded; raises `StatementRefused`."""
        signed = decoded(said)
        named = read(signed)
        node = Node.objects.select_related("site").filter(name=named.node).first()
        if node is None:
            raise StatementRefused("unknown_node", "No such node is enrolled.")
        refusal = verify(signed, bytes(node.public_key))
        if node.site.name != refusal.site:
            raise StatementRefused("wrong_site", "The node is enrolled at another site.")
        age = time.time() - refusal.time / 1e6
        if not -FUTURE <= age <= OLD or refusal.time <= self._newest.get(node.name, 0):
            raise StatementRefused("replayed", "A refusal was played back.")
        self._newest[node.name] = refusal.time
        if not self._may(node.name, refusal.reason):
            self._missed += 1 + refusal.not_said
            return
        detail = {
            "node": refusal.node,
            "site": refusal.site,
            "reason": refusal.reason,
            "not_recorded": min(self._missed + refusal.not_said, INTEGER_MAX),
            **signed,
        }
        with transaction.atomic():
            journal.record("console", [Event("ticket.refused", time.time_ns() // 1000, detail)])
        self._missed = 0

    def _may(self, node: str, reason: str) -> bool:
        """Whether one more is recorded; counts it then."""
        now = self._clock()
        self._said = {key: at for key, at in self._said.items() if now - at < AGAIN}
        if int(now // 60) != self._minute:
            self._minute, self._count = int(now // 60), 0
        if (node, reason) in self._said or self._count >= A_MINUTE:
            return False
        self._said[node, reason] = now
        self._count += 1
        return True

"""Puts on the record which models nodes refused to start, and raises an alarm.

What nodes say lies in the stream of statements, where whoever has the broker can put anything:
only what an enrolled node signed is recorded, and the same of the same node once an hour while
its alarm stands: what is so anew after the engine has started is said anew.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable

from django.db import transaction

from compliance.audit import alarms, journal
from compliance.vocabulary import Event
from inference.drift import read, verified
from inference.models import Node
from inference.statements import StatementRefused

A_MINUTE = 10  # of one node that a process records
SILENCE = 3_600.0  # seconds until the same of the same node is recorded again
SUBJECT, MARK = 64, 10  # characters of an alarm's subject, and of what tells cut ones apart
OLD = 600.0  # seconds after which one is played back
FUTURE = 300.0  # seconds by which a node's clock may be ahead
_WORDS = {
    "missing": "is missing",
    "changed": "is not as it was registered",
    "unlisted": "was not registered",
    "manifest": "cannot be believed",
    "other": "is that of another one than is registered",
}


def subject(model: str, node: str) -> str:
    """What the alarm about a model on a node is filed under: at most 64 characters."""
    name = f"{model} on {node}"
    if len(name) <= SUBJECT:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:MARK]
    return f"{name[: SUBJECT - MARK - 1]} {mark}"


class Drifted:
    """What one process has recorded lately. Used by one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock  # seconds
        self._said: dict[tuple[str, ...], float] = {}
        self._newest: dict[tuple[str, str], int] = {}
        self._minute = 0
        self._counts: Counter[str] = Counter()  # in this minute, by node
        self._missed: Counter[str] = Counter()  # since the last that was recorded, by node

    def record(self, said: bytes) -> None:
        """Record it, unless many were recorded; raises `StatementRefused`."""
        node = Node.objects.select_related("site").filter(name=read(said).node).first()
        if node is None:
            raise StatementRefused("unknown_node", "No such node is enrolled.")
        signed = verified(said, bytes(node.public_key))
        drift = read(said)
        if node.site.name != drift.site:
            raise StatementRefused("wrong_site", "The node is enrolled at another site.")
        age = time.time() - drift.time / 1e6
        whose = (node.name, drift.model)  # a node has a worker for each model, with a clock
        if not -FUTURE <= age <= OLD or drift.time <= self._newest.get(whose, 0):
            raise StatementRefused("replayed", "A drift was played back.")
        self._newest[whose] = drift.time
        about = subject(drift.model, node.name)
        what = (node.name, drift.model, drift.file, drift.reason)
        if not self._may(what, known=alarms.standing(alarms.DRIFT, about)):
            self._missed[node.name] += 1
            return
        detail = {
            "node": drift.node,
            "site": drift.site,
            "model": drift.model,
            "file": drift.file,
            "reason": drift.reason,
            "not_recorded": self._missed[node.name],
            **signed,
        }
        words = (
            f"{drift.model} does not run on {drift.node}: {drift.file or 'its manifest'} "
            f"{_WORDS[drift.reason]}. Restore it, or bring the model there again."
        )
        with transaction.atomic():
            alarms.raise_(alarms.DRIFT, about, words)
            journal.record("console", [Event("engine.refused", time.time_ns() // 1000, detail)])
        del self._missed[node.name]

    def _may(self, what: tuple[str, ...], *, known: bool) -> bool:
        """Whether one more is recorded; counts it then. `known`: an alarm stands about it."""
        now = self._clock()
        self._said = {key: at for key, at in self._said.items() if now - at < SILENCE}
        if int(now // 60) != self._minute:
            self._minute = int(now // 60)
            self._counts.clear()
        if (known and what in self._said) or self._counts[what[0]] >= A_MINUTE:
            return False
        self._said[what] = now
        self._counts[what[0]] += 1
        return True

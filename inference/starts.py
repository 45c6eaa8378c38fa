"""Puts engine starts on the record, from the statements that nodes leave in the broker.

Beside them lie refusals of tickets that did not open (`unopened`), and of engines that were
not started because their model's files had changed (`drifted`).

In the log a statement is once, also where it is dealt with twice (`listener`): the row of the
node and its model moves in the transaction of the event, and only forward.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import transaction

from compliance.audit import alarms, journal
from compliance.vocabulary import Event
from inference.drift import FIELD as DRIFT
from inference.drifted import Drifted, subject
from inference.listener import Fields, Listener
from inference.models import EngineStart, Model, Node
from inference.refusals import FIELD as REFUSED
from inference.statements import (
    FIELD,
    STREAM,
    Signed,
    Statement,
    StatementRefused,
    dealt_with,
    identity,
    read,
    verify,
)
from inference.unopened import Unopened

FUTURE = 300.0  # seconds by which a node's clock may be ahead
REFUSALS = 10  # refused statements that a process records a minute; others are counted
SILENCE = 3_600.0  # seconds until the same refusal of the same node is recorded again


class Starts(Listener):
    """The thread. `source` names the web process in the consumer group."""

    def __init__(self, broker_url: str, source: str) -> None:
        super().__init__(STREAM, broker_url, source)
        self._refusals = Refusals()
        self._unopened = Unopened()
        self._drifted = Drifted()

    def deal_with(self, broker: Any, fields: Fields) -> None:
        """Record a statement, or why it is not believed; answer it."""
        for field, record in ((REFUSED, self._unopened.record), (DRIFT, self._drifted.record)):
            if (said := fields.get(field.encode())) is not None:
                self._hear(said, record)
                return
        said = fields.get(FIELD.encode(), b"")
        try:
            statement = recorded(said)
        except StatementRefused as error:
            self._refusals.record(error.reason, said)
        else:
            broker.set(dealt_with(statement), identity(statement))

    def give_up(self) -> None:
        """See `Listener`."""
        self._refusals.record("malformed", b"")

    def _hear(self, said: bytes, record: Callable[[bytes], None]) -> None:
        """Record what a node refused, or why it is not believed."""
        try:
            record(said)
        except StatementRefused as error:
            self._refusals.record(error.reason, said)


def recorded(said: bytes) -> Statement:
    """The statement in `said`, on the record now or before; raises `StatementRefused`."""
    signed = read(said)
    statement = signed.statement
    node = Node.objects.select_related("site").filter(name=statement.node).first()
    if node is None:
        raise StatementRefused("unknown_node", "No such node is enrolled.")
    verify(signed, bytes(node.public_key))
    _believable(statement, node)
    _append(signed, node)
    return statement


def _believable(statement: Statement, node: Node) -> None:
    """Raise `StatementRefused` where an enrolled node says what must not be."""
    if not node.active:
        raise StatementRefused("inactive_node", "The node is switched off.")
    if node.site.name != statement.site:
        raise StatementRefused("wrong_site", "The node is enrolled at another site.")
    model = Model.objects.filter(name=statement.model).first()
    if model is None:
        raise StatementRefused("unknown_model", "No such model is registered.")
    if model.digest != statement.weights:
        raise StatementRefused("unregistered_weights", "Other weights are registered.")
    if statement.started > (time.time() + FUTURE) * 1_000_000:
        raise StatementRefused("in_the_future", "The engine has not started yet.")


def _append(signed: Signed, node: Node) -> None:
    statement, name = signed.statement, identity(signed.statement)
    now = datetime.now(UTC)
    with transaction.atomic():
        last, fresh = EngineStart.objects.select_for_update().get_or_create(
            node=node,
            model=statement.model,
            defaults={"statement": "", "started": 0, "recorded": now},
        )
        if last.statement == name:
            return
        if not fresh and statement.started <= last.started:
            raise StatementRefused("replayed", "A newer start of this engine is on record.")
        last.statement, last.started, last.recorded = name, statement.started, now
        last.weights, last.engine = (
            statement.weights,
            f"{statement.engine} {statement.version}"[:64],
        )
        last.save()
        detail = {
            "node": statement.node,
            "site": statement.site,
            "model": statement.model,
            "weights": statement.weights,
            "engine": last.engine,
            "statement": msgspec.to_builtins(statement),
            "signature": signed.signature,
        }
        journal.record("console", [Event("engine.started", _now(), detail)])
        alarms.end(alarms.DRIFT, subject(statement.model, node.name))


class Refusals:
    """Keeps a flood of statements that nobody believes from filling the record."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock  # seconds
        self._said: dict[tuple[str, str], float] = {}
        self._minute = 0
        self._count = 0
        self._missed = 0

    def record(self, reason: str, said: bytes) -> None:
        """Record a refusal, unless the same was recorded lately or too many were."""
        node, now = _named(said), self._clock()
        self._said = {key: at for key, at in self._said.items() if now - at < SILENCE}
        if int(now // 60) != self._minute:
            self._minute, self._count = int(now // 60), 0
        if (reason, node) in self._said or self._count >= REFUSALS:
            self._missed += 1
            return
        detail = {"reason": reason, "node": node, "not_recorded": self._missed}
        words = f"{node or 'An unnamed node'}: {reason.replace('_', ' ')}."
        with transaction.atomic():
            alarms.raise_(alarms.STATEMENT, node, words)
            journal.record("console", [Event("statement.refused", _now(), detail)])
        self._said[reason, node] = now
        self._count += 1
        self._missed = 0


def _named(said: bytes) -> str:
    """The node that a statement names, if it can be read."""
    try:
        return str(read(said).statement.node)[:64]
    except StatementRefused:
        return ""


def _now() -> int:
    return time.time_ns() // 1000

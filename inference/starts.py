"""Puts engine starts on the record, from the statements that nodes leave in the broker.

Beside them lie refusals of tickets that did not open (`unopened`).

A thread of each web process; a consumer group gives each statement to one of them. One that
died with a statement in hand leaves it to the others. In the log a statement is once: the row
of the node and its model moves in the transaction of the event, and only forward.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import redis
import structlog
from django.db import DatabaseError, connection, transaction

from compliance.audit import alarms, journal
from compliance.vocabulary import Event
from inference.models import EngineStart, Model, Node
from inference.refusals import FIELD as REFUSED
from inference.statements import (
    DEALT_WITH,
    FIELD,
    STREAM,
    Signed,
    Statement,
    StatementRefused,
    identity,
    read,
    verify,
)
from inference.unopened import Unopened

GROUP = "gateways"
WAIT = 1.0  # seconds for which one look waits; how long a stop may take
ABANDONED = 10.0  # seconds after which another process takes a statement over
AT_ONCE = 16
FUTURE = 300.0  # seconds by which a node's clock may be ahead
TIMEOUT = 5.0  # seconds for one command
REFUSALS = 10  # refused statements that a process records a minute; others are counted
SILENCE = 3_600.0  # seconds until the same refusal of the same node is recorded again

log = structlog.get_logger(__name__)


class Starts:
    """The thread. `source` names the web process in the consumer group."""

    def __init__(self, broker_url: str, source: str) -> None:
        self._url = broker_url.replace("redis+socket://", "unix://", 1)
        self._source = source
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="starts", daemon=True)
        self._refusals = Refusals()
        self._unopened = Unopened()

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End, after what is in hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * TIMEOUT)

    def _run(self) -> None:
        try:
            with redis.Redis.from_url(
                self._url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
            ) as broker:
                while not self._stop.is_set():
                    self._look(broker)
        finally:
            connection.close()

    def _look(self, broker: Any) -> None:
        """Deal with what waits; whatever fails is left for the next look."""
        try:
            for number, fields in waiting(broker, self._source):
                if (said := fields.get(REFUSED.encode())) is not None:
                    hear(broker, number, said, self._unopened, self._refusals)
                else:
                    said = fields.get(FIELD.encode(), b"")
                    deal_with(broker, number, said, self._refusals)
        except DatabaseError as error:
            log.warning("engine_start_unrecorded", error=type(error).__name__)
            connection.close()
            self._stop.wait(WAIT)
        except (redis.RedisError, OSError):
            self._stop.wait(WAIT)  # the broker is away, which others say
        except Exception:
            log.exception("statements_unread")
            connection.close()
            self._stop.wait(ABANDONED)


def waiting(broker: Any, source: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Statements that nobody has dealt with, at most `AT_ONCE`; waits for some."""
    try:
        broker.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    except redis.ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise
    left = broker.xautoclaim(STREAM, GROUP, source, int(ABANDONED * 1000), count=AT_ONCE)[1]
    found = [entry for entry in left if entry[1]]
    if not found:
        given = broker.xreadgroup(
            GROUP, source, {STREAM: ">"}, count=AT_ONCE, block=int(WAIT * 1000)
        )
        found = [entry for _stream, entries in given for entry in entries]
    return found


def deal_with(broker: Any, number: bytes, said: bytes, refusals: Refusals) -> None:
    """Record a statement, or why it is not believed; then take it from the stream."""
    try:
        statement = recorded(said)
    except StatementRefused as error:
        refusals.record(error.reason, said)
    else:
        broker.set(DEALT_WITH + statement.node, identity(statement))
    _done(broker, number)


def hear(
    broker: Any, number: bytes, said: bytes, unopened: Unopened, refusals: Refusals
) -> None:
    """Record that a node refused a ticket, or why it is not believed; then take it away."""
    try:
        unopened.record(said)
    except StatementRefused as error:
        refusals.record(error.reason, said)
    _done(broker, number)


def _done(broker: Any, number: bytes) -> None:
    broker.xack(STREAM, GROUP, number)
    broker.xdel(STREAM, number)


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


class Refusals:
    """Keeps a flood of statements that nobody believes from filling the record."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], float] = {}
        self._minute = 0
        self._count = 0
        self._missed = 0

    def record(self, reason: str, said: bytes) -> None:
        """Record a refusal, unless the same was recorded lately or too many were."""
        node, now = _named(said), time.monotonic()
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

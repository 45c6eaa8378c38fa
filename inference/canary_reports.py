"""Puts on the record what the canaries of nodes say, and closes the node of one that got out.

A thread of each web process; a consumer group gives each report to one of them, and one that
died with a report in hand leaves it to the others (as `starts` does with statements).

Each report moves what is known of its node. An event is made of each change, and of a node
that stays confined one an hour; changes that come fast wait for a minute, but for an escape. A
node that was opened again by an operator, and still says that it is closed, gets the gateway's
signed word for it.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import redis
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import DatabaseError, connection

from compliance.audit import alarms, changes, journal
from compliance.vocabulary import Event
from inference.canary_format import (
    FIELD,
    OPENED,
    STREAM,
    Opening,
    Report,
    ReportRefused,
    Signed,
    identity,
    open_again,
    read,
    verify,
)
from inference.models import Canary, Node
from inference.starts import ABANDONED, AT_ONCE, FUTURE, GROUP, TIMEOUT, WAIT, Refusals

HOUR = 3_600 * 1_000_000  # microseconds between events of a node that stays confined
CALM = 60 * 1_000_000  # microseconds that a change waits which follows an event
OPENING_LIFE = 3_600  # seconds for which an opening lies in the broker
SHOWN = 5  # ways out that an alarm names

log = structlog.get_logger(__name__)


class CanaryReports:
    """The thread. `source` names the web process in the consumer group."""

    def __init__(self, broker_url: str, source: str, gateway_key: Ed25519PrivateKey) -> None:
        self._url = broker_url.replace("redis+socket://", "unix://", 1)
        self._source, self._key = source, gateway_key
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="canaries", daemon=True)
        self._refusals = Refusals()

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
                said = fields.get(FIELD.encode(), b"")
                deal_with(broker, number, said, self._refusals, self._key)
        except DatabaseError as error:
            log.warning("canary_unrecorded", error=type(error).__name__)
            connection.close()
            self._stop.wait(WAIT)
        except (redis.RedisError, OSError):
            self._stop.wait(WAIT)  # the broker is away, which others say
        except Exception:
            log.exception("canaries_unread")
            connection.close()
            self._stop.wait(ABANDONED)


def waiting(broker: Any, source: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Reports that nobody has dealt with, at most `AT_ONCE`; waits for some."""
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


def deal_with(
    broker: Any, number: bytes, said: bytes, refusals: Refusals, key: Ed25519PrivateKey
) -> None:
    """Record a report, or why it is not believed; answer it; then take it from the stream."""
    try:
        report = recorded(said)
    except ReportRefused as error:
        refusals.record(error.reason, said)
    else:
        opening = opening_for(report)
        if opening is not None:
            broker.set(OPENED + report.node, open_again(opening, key), ex=OPENING_LIFE)
    broker.xack(STREAM, GROUP, number)
    broker.xdel(STREAM, number)


def recorded(said: bytes) -> Report:
    """The report in `said`, on the record now or before; raises `ReportRefused`."""
    signed = read(said)
    report = signed.report
    node = Node.objects.select_related("site").filter(name=report.node).first()
    if node is None:
        raise ReportRefused("unknown_node", "No such node is enrolled.")
    verify(signed, bytes(node.public_key))
    if node.site.name != report.site:
        raise ReportRefused("wrong_site", "The node is enrolled at another site.")
    if max(report.time, report.closed) > (time.time() + FUTURE) * 1_000_000:
        raise ReportRefused("in_the_future", "What it reports has not happened yet.")
    record(signed)
    return report


def record(signed: Signed) -> None:
    """Put a believed report on the record.

    One that is not newer than the last moves nothing: it was played back, or it waited with a
    gateway that died. Whether the node closed itself then, its later reports say too.
    """
    report = signed.report
    with changes.recorded():
        node = Node.objects.select_for_update().get(name=report.node)
        known, fresh = Canary.objects.select_for_update().get_or_create(
            node=node,
            defaults={"report": "", "time": 0, "tries": 0, "unanswered": 0, "recorded": 0},
        )
        if not fresh and report.time <= known.time:
            return
        escaped = report.verdict == "escaped" or report.closed > known.closed
        closes, before = escaped and node.closed is None, node.attested
        _know(known, report)
        if closes:
            node.closed = datetime.now(UTC)
            node.closed_reason = f"Its canary got out: {_named(report)}."
        if escaped:
            node.attested = None  # proofs of before are void
        elif report.verdict == "confined":
            node.attested = _moment(report.time)
        if closes or node.attested != before:  # each writing of it moves every process
            node.save(update_fields=["attested", "closed", "closed_reason"])
        _say(signed, node, known, closes=closes)


def _know(known: Canary, report: Report) -> None:
    known.report, known.time = identity(report), report.time
    known.verdict, known.layers = report.verdict, " ".join(report.layers)[:200]
    known.words, known.tries = report.words, len(report.tries)
    known.unanswered = sum(one.outcome == "unanswered" for one in report.tries)
    known.closed = max(known.closed, report.closed)


def _reached(report: Report) -> list[str]:
    now = [f"{one.how} {one.to}" for one in report.tries if one.outcome == "reached"]
    return now or list(report.escapes)


def _named(report: Report) -> str:
    """What got out, for people."""
    found = _reached(report)
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more if found else "it does not say by which way"


def _say(signed: Signed, node: Node, known: Canary, *, closes: bool) -> None:
    """Make the event that is due, if any is."""
    report, now = signed.report, time.time_ns() // 1000
    said = f"{report.verdict} {known.layers}".strip()
    since = now - known.recorded
    again = report.verdict != "unconfined" and since >= HOUR
    due = closes or again or (said != known.said and since >= CALM)
    if due:
        known.said, known.recorded = said, now
    known.save()
    if not due:
        return
    kind = f"canary.{'escaped' if closes else report.verdict}"
    if kind == alarms.CANARY:
        words = f"{_named(report)}. It takes no requests until an operator opens it again."
        alarms.raise_(kind, node.name, words)
    journal.record("console", [Event(kind, now, _detail(signed, kind))], about=[node])


def _detail(signed: Signed, kind: str) -> dict[str, Any]:
    report = signed.report
    detail: dict[str, Any] = {
        "node": report.node,
        "site": report.site,
        "layers": list(report.layers),
        "report": msgspec.to_builtins(report),
        "signature": signed.signature,
    }
    if kind == alarms.CANARY:
        detail["reached"] = _reached(report)
    else:
        detail["reason"] = report.words
    return detail


def opening_for(report: Report) -> Opening | None:
    """The gateway's word for a node that was opened, and says that it is closed; else None."""
    if not report.closed:
        return None
    node = Node.objects.filter(name=report.node).first()
    if node is None or node.closed is not None:
        return None
    return Opening(
        node=report.node, site=report.site, closed=report.closed, time=time.time_ns() // 1000
    )


def _moment(microseconds: int) -> datetime:
    """Of a report, and not after now: a node's clock may be ahead."""
    return min(datetime.fromtimestamp(microseconds / 1_000_000, UTC), datetime.now(UTC))

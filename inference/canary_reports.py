"""Puts on the record what the canaries of nodes say, and closes the node of one that got out.

Each report moves what is known of its node. An event is made of each change, and of a node
that stays confined one an hour; changes that come fast wait for a minute, but for an escape. A
node that was opened again by an operator, and still says that it is closed, gets the gateway's
signed word for it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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
from inference.listener import Fields, Listener
from inference.models import Canary, Node
from inference.starts import FUTURE, Refusals

HOUR = 3_600 * 1_000_000  # microseconds between events of a node that stays confined
CALM = 60 * 1_000_000  # microseconds that a change waits which follows an event
OPENING_LIFE = 3_600  # seconds for which an opening lies in the broker
SHOWN = 5  # ways out that an alarm names


class CanaryReports(Listener):
    """The thread. `source` names the web process in the consumer group."""

    def __init__(self, broker_url: str, source: str, gateway_key: Ed25519PrivateKey) -> None:
        super().__init__(STREAM, broker_url, source)
        self._key = gateway_key
        self._refusals = Refusals()

    def deal_with(self, broker: Any, fields: Fields) -> None:
        """Record a report, or why it is not believed; answer it."""
        said = fields.get(FIELD.encode(), b"")
        try:
            report = recorded(said)
        except ReportRefused as error:
            self._refusals.record(error.reason, said)
            return
        opening = opening_for(report)
        if opening is not None:
            broker.set(OPENED + report.node, open_again(opening, self._key), ex=OPENING_LIFE)

    def give_up(self) -> None:
        """See `Listener`."""
        self._refusals.record("malformed", b"")


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

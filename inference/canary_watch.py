"""Runs a node's canary at its start and from time to time, and closes the node if it got out.

First the node stops to take tickets, then it writes down that it is closed, then it says so.
What is written outlasts a restart. It opens again only when two things have come after the
closing: a run that was confined, and a gateway's signed word that an operator opened it.

A node may have several workers, each with a canary of its own. What one has written down, the
others find at their next run, and are closed by it; each opens by a confined run of its own.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from redis.exceptions import RedisError

from compliance.audit.keys import KeyUnusable
from inference import canary, canary_format
from inference.admission import public_keys
from inference.canary_format import FIELD, STREAM, STREAM_MAX, WORDS_MAX, Report, ReportRefused

INTERVAL = 300.0  # seconds
JITTER = 0.1  # of the interval, either way
WHILE_CLOSED = 15.0  # seconds at most between two runs of a closed node
LOOK = 0.5  # seconds between looks at whether this should end
AGAIN = 1.0  # seconds until a report that could not be left in the broker is tried again

_log = structlog.get_logger(__name__)
_chance = secrets.SystemRandom()


class Closing(msgspec.Struct, frozen=True):
    """That a node closed itself: when (microseconds since 1970), and what had got out."""

    closed: int
    escapes: tuple[str, ...] = ()


def closing_file(state: Path, node: str) -> Path:
    """Where a node keeps that it is closed."""
    return state / f"closed-{node}.json"


def newest_file(state: Path, node: str) -> Path:
    """Where a node keeps its newest report, for whoever looks on this machine."""
    return state / f"canary-{node}.json"


def closing(state: Path, node: str) -> Closing | None:
    """That the node is closed, as it wrote it down; None while it is open.

    One that cannot be read counts all the same: somebody or something damaged it.
    """
    path = closing_file(state, node)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Closing)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return Closing(_modified(path))


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns // 1000
    except OSError:
        return 1


@dataclass(frozen=True, slots=True)
class Post:
    """Who watches, and with what. `gateway` is the file with the gateways' public keys."""

    site: str
    node: str
    key: Ed25519PrivateKey
    state: Path
    gateway: Path
    interval: float = INTERVAL  # seconds; 0: never
    hosts: Sequence[canary.Host] = ()


class CanaryWatch:
    """The canary of one node. Belongs to one event loop; the tries run in threads."""

    def __init__(
        self,
        post: Post,
        redis: Any,
        attempt: Callable[[], canary.Outcome] | None = None,
    ) -> None:
        self._post, self._redis = post, redis
        self._follower: Callable[[bool], None] = lambda _closed: None
        self._attempt = attempt or (lambda: canary.run(post.hosts, canary.proxies()))
        self._closing = closing(post.state, post.node)
        self._unsaid: Report | None = None

    def follow(self, closed: Callable[[bool], None]) -> None:
        """Call `closed` now and whenever it has changed, before anything else is done."""
        self._follower = closed
        closed(self.closed)

    @property
    def closed(self) -> bool:
        """Whether this node has closed itself."""
        return self._closing is not None

    async def begin(self) -> None:
        """The first run, before the worker takes a ticket; none where no canary is wanted."""
        if self._post.interval:
            await self.look()

    async def look(self) -> Report:
        """Try to get out, once, and draw the consequence; the report of it, not yet said."""
        outcome = await asyncio.to_thread(self._attempt)
        now = time.time_ns() // 1000
        written = await self._heed()
        if outcome.verdict == "escaped" and not written:
            self._close(self._closing or Closing(now, tuple(outcome.reached)))
        elif outcome.verdict == "confined" and self._closing is not None:
            await self._open_again(self._closing)
        report = self._report(outcome, now)
        self._unsaid = report
        await asyncio.to_thread(self._keep, report)
        return report

    async def run(self, gone: Callable[[], bool] = lambda: False) -> None:
        """Say the newest report, look again after the interval; until `gone`, or cancelled.

        Without an interval it never looks, and a node that is closed stays so.
        """
        if not self._post.interval:
            return
        while not gone():
            await self._say()
            await self._rest(gone)
            if not gone():
                await self.look()

    async def _rest(self, gone: Callable[[], bool]) -> None:
        pause = self._post.interval * _chance.uniform(1 - JITTER, 1 + JITTER)
        until = time.monotonic() + (min(pause, WHILE_CLOSED) if self.closed else pause)
        again = time.monotonic() + AGAIN
        while not gone() and (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, LOOK))
            if self._unsaid is not None and time.monotonic() >= again:
                await self._say()
                again = time.monotonic() + AGAIN

    async def _say(self) -> None:
        report = self._unsaid
        if report is None:
            return
        said = canary_format.sign(report, self._post.key)
        try:
            await self._redis.xadd(STREAM, {FIELD: said}, maxlen=STREAM_MAX, approximate=False)
        except (RedisError, OSError) as error:
            _log.warning("canary_unsaid", error=type(error).__name__)
            return
        if self._unsaid is report:
            self._unsaid = None

    def _report(self, outcome: canary.Outcome, now: int) -> Report:
        closed = self._closing
        said: dict[str, Any] = {
            "node": self._post.node,
            "site": self._post.site,
            "time": now,
            "verdict": outcome.verdict,
            "layers": outcome.enclosure.layers,
            "words": outcome.enclosure.text[:WORDS_MAX],
            "tries": [asdict(one) for one in outcome.tries],
            "closed": closed.closed if closed else 0,
            "escapes": closed.escapes if closed else (),
        }
        return msgspec.convert(said, Report)

    async def _heed(self) -> bool:
        """Be closed by what a worker of this node wrote down; whether one did."""
        written = await asyncio.to_thread(closing, self._post.state, self._post.node)
        if written is not None and written != self._closing:
            before, self._closing = self._closing, written
            if before is None:
                self._follower(self.closed)
                _log.error("node_closed", node=self._post.node, count=len(written.escapes))
        return written is not None

    def _close(self, closing: Closing) -> None:
        before, self._closing = self._closing, closing
        if before is None:
            self._follower(self.closed)
            _log.error("node_closed", node=self._post.node, count=len(closing.escapes))
        path = closing_file(self._post.state, self._post.node)
        try:
            _write(path, msgspec.json.encode(closing))
        except OSError as error:  # closed all the same, until this process ends
            _log.error("closing_unwritten", error=error.strerror)

    async def _open_again(self, closing: Closing) -> None:
        """Open if an operator said so after this very closing."""
        try:
            said = await self._redis.get(canary_format.OPENED + self._post.node)
            if said is None:
                return
            keys = await asyncio.to_thread(public_keys, self._post.gateway)
            opening = canary_format.opened(said, keys)
            place = (opening.site, opening.node, opening.closed)
            if place != (self._post.site, self._post.node, closing.closed):
                return
            closing_file(self._post.state, self._post.node).unlink(missing_ok=True)
        except (RedisError, OSError, KeyUnusable, ReportRefused) as error:
            _log.warning("node_unopened", error=type(error).__name__)
            return
        self._closing = None
        self._follower(self.closed)
        _log.info("node_opened", node=self._post.node)

    def _keep(self, report: Report) -> None:
        path = newest_file(self._post.state, self._post.node)
        try:
            _write(path, msgspec.json.encode(report))
        except OSError as error:
            _log.warning("canary_unwritten", error=error.strerror)


def _write(path: Path, content: bytes) -> None:
    """Durable when this returns: the file, and its name in the folder."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

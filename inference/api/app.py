"""The data plane of one web process: an ASGI application for `/v1`, and what it stands on.

`appliance.front` builds it, calls `startup` and, after `drain`, `shutdown`, and sends it every
path below `/v1`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit.keys import read_key
from compliance.audit.writer import Writer
from compliance.detection.processes.pool import DetectorPool
from compliance.holds.desk import Desk
from compliance.vocabulary import Append, DetectionFailed
from inference.api import holds, models, scanning
from inference.api.body import CallerGone
from inference.api.callers import caller
from inference.api.ending import Endings
from inference.api.endpoints import PATHS, answer
from inference.api.errors import APIError, unavailable
from inference.api.http import Exchange, Receive, Scope, Send
from inference.api.limits import Limits
from inference.api.plane import Plane
from inference.api.rejections import Rejections
from inference.api.request_ids import RequestIds
from inference.canary_reports import CanaryReports
from inference.dispatch import Dispatcher
from inference.inventories import Inventories
from inference.inventory import Inventory
from inference.posting import Poster, current
from inference.publisher import Publisher, celery_send
from inference.relay import CancelSender, Receiver, connect
from inference.routing import Sign, Traffic
from inference.snapshot import Snapshot, SnapshotKeeper, SnapshotStale
from inference.starts import Starts

log = structlog.get_logger(__name__)

BROKER_TIMEOUT = 2.0  # seconds for one command
END_TIMEOUT = 5.0  # seconds to tell callers of those that did not end
LOADING = 20.0  # seconds that a start waits for a detector
MODEL_PREFIX = "/v1/models/"
HOLD_PREFIX = "/v1/holds/"
FENCED = 75  # exit status; EX_TEMPFAIL of sysexits.h: start me again

T = TypeVar("T")
P = ParamSpec("P")
FoundT = TypeVar("FoundT")
Probe = Callable[[], Awaitable[str | None]]


class AroundScan(Protocol):
    """Measures or guards whatever examines texts."""

    def __call__(
        self, scan: Callable[P, Awaitable[FoundT]], /
    ) -> Callable[P, Awaitable[FoundT]]: ...


def _end_process() -> None:
    """Another process has this one's place on the record: nothing more may happen here."""
    log.error("writer_fenced")
    os._exit(FENCED)


def _same(value: T) -> T:
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """How a data plane is built.

    `keys` is the folder of key files, `celery` the Celery application that publishes tickets.
    `around_append` and `around_scan` let the appliance measure and guard.
    """

    keys: Path
    broker_url: str
    source: str  # on the record: web-1, web-2, …
    celery: Any
    processes: int = 1  # web processes that share the queues' bounds
    detectors: int = 1
    detection_timeout: float = 10.0  # seconds
    may_write: Callable[[], bool] = lambda: True  # room on the disk for new requests
    around_append: Callable[[Append], Append] = _same
    around_scan: AroundScan = _same
    on_fenced: Callable[[], None] = _end_process


def build(configuration: Configuration) -> DataPlane:
    """A data plane that `startup` starts. Raises `KeyUnusable`."""
    return DataPlane(configuration)


class DataPlane:
    """The ASGI application for `/v1`. Belongs to one event loop."""

    def __init__(self, configuration: Configuration) -> None:
        keys = configuration.keys
        self.writer = Writer(
            configuration.source,
            on_fenced=configuration.on_fenced,
            may_write=configuration.may_write,
        )
        keeper = SnapshotKeeper(configuration.processes, keys.parent)
        self.detectors = DetectorPool(
            configuration.detectors,
            configuration.detection_timeout,
            lambda: _examined_by(keeper),
        )
        self._redis = connect(configuration.broker_url, within=BROKER_TIMEOUT)
        self._stream_redis = connect(configuration.broker_url)
        # New at each start, so that answers to a former life find nobody.
        stream = f"replies:{configuration.source}:{secrets.token_hex(8)}"
        self._receiver = Receiver(self._stream_redis, stream)
        append = configuration.around_append(self.writer.append)
        gateway_key = Ed25519PrivateKey.from_private_bytes(read_key(keys / "gateway.ed25519"))
        self._poster = Poster(self._redis, gateway_key, lambda: current(keeper))
        dispatcher = Dispatcher(
            gateway_key=gateway_key,
            publisher=Publisher(celery_send(configuration.celery)),
            receiver=self._receiver,
            canceller=CancelSender(self._redis),
            keeper=keeper,
            coverage=lambda: self.detectors.coverage,
        )
        self._plane = Plane(
            keeper=keeper,
            limits=Limits(self._redis),
            scan=configuration.around_scan(self.detectors.scan),
            examine=configuration.around_scan(self.detectors.examine),
            coverage=lambda: self.detectors.coverage,
            append=append,
            dispatcher=dispatcher,
            traffic=Traffic(),
            rejections=Rejections(append),
            endings=Endings(append),
            holds=Desk(subject_key := read_key(keys / "subject-index")),
            subject_key=subject_key,
        )
        where, who = configuration.broker_url, configuration.source
        self._starts = Starts(where, who)
        self._canaries = CanaryReports(where, who, gateway_key)
        self._inventories = Inventories(where, self._node_keys)
        self.draining = False  # refuses new requests
        self._running = 0
        self._ids = RequestIds()
        self._idle = asyncio.Event()
        self._idle.set()

    # --- Life ---

    async def startup(self) -> None:
        """Start everything; returns when texts can be checked.

        So callers of a process that starts wait for a few seconds, or are answered by another.
        Where the detector does not load in time, requests are refused until it has.
        """
        plane = self._plane
        await asyncio.to_thread(plane.keeper.start)
        await asyncio.to_thread(self.writer.start)
        await self.detectors.start()
        await self._receiver.start()
        self._poster.start()
        await plane.traffic.start(self._redis)
        self._starts.start()
        self._canaries.start()
        self._inventories.start()
        plane.dispatcher.start()
        with contextlib.suppress(DetectionFailed):
            await self.detectors.wait_ready(LOADING)

    def snapshot(self) -> Snapshot:
        """The configuration that requests are decided by now; raises `SnapshotStale`."""
        return self._plane.keeper.current()

    def nodes(self) -> Mapping[str, Sign]:
        """What the workers of nodes that the appliance knows, and that can answer, say.

        By `<node>/<model>`.
        """
        known = self._plane.keeper.known()
        enrolled = known[0].enrolled if known is not None else {}
        said = self._plane.traffic.nodes
        return {name: sign for name, sign in said.items() if name.partition("/")[0] in enrolled}

    def machines(self) -> Mapping[str, Inventory]:
        """What the nodes said lately of their machines, by name."""
        return self._inventories.known()

    def _node_keys(self) -> Mapping[str, bytes]:
        known = self._plane.keeper.known()
        nodes = known[0].enrolled if known is not None else {}
        return {name: node.public_key for name, node in nodes.items()}

    async def drain(self, seconds: float) -> None:
        """Refuse new requests and let running ones end for `seconds`.

        What still runs then fails, and its caller is told.
        """
        self.draining = True
        await self._until_idle(seconds)
        await self._receiver.stop()
        await self._until_idle(END_TIMEOUT)

    async def shutdown(self) -> None:
        """Stop everything; `drain` came before, or there is no time for it."""
        self.draining = True
        await self._receiver.stop()
        await self._until_idle(END_TIMEOUT)
        plane = self._plane
        await plane.dispatcher.stop()
        await plane.limits.stop()
        await plane.rejections.stop()
        await plane.endings.stop()
        await plane.holds.stop()
        await plane.traffic.stop()
        await self._poster.stop()
        await asyncio.to_thread(self._starts.stop)
        await asyncio.to_thread(self._canaries.stop)
        await asyncio.to_thread(self._inventories.stop)
        await self.detectors.stop()
        await asyncio.to_thread(self.writer.stop)
        await asyncio.to_thread(plane.keeper.stop)
        await self._redis.aclose()
        await self._stream_redis.aclose()

    async def _until_idle(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            log.warning("requests_still_running", count=self._running)

    # --- Health ---

    def probes(self) -> Mapping[str, Probe]:
        """What must be well for a request to be answered, by name; None is well."""

        async def configuration() -> str | None:
            try:
                self._plane.keeper.current()
            except SnapshotStale as error:
                return str(error)
            return None

        async def detection() -> str | None:
            return None if self.detectors.ready else "no detector is loaded"

        async def broker() -> str | None:
            try:
                await self._redis.ping()
            except Exception as error:  # noqa: BLE001 - whatever it is, the broker is away
                return f"does not answer ({type(error).__name__})"
            return None

        async def nodes() -> str | None:
            return None if self._plane.traffic.alive else "no node answers"

        return {
            "configuration": configuration,
            "detection": detection,
            "broker": broker,
            "nodes": nodes,
        }

    # --- Requests ---

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        exchange = Exchange(scope, receive, send, self._ids.new())
        self._running += 1
        self._idle.clear()
        try:
            await self._answered(exchange)
        except CallerGone:
            pass
        except Exception:
            log.exception("request_failed", request=exchange.request)
            if exchange.begun:
                raise  # the server closes the connection, which is all that can be told now
            await exchange.error(
                APIError(
                    500,
                    "internal_error",
                    "The appliance failed; see its log.",
                    kind="server_error",
                )
            )
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def _answered(self, exchange: Exchange) -> None:
        path, method = exchange.scope["path"], exchange.scope["method"]
        try:
            if self.draining:
                await exchange.error(_stopping())
            elif endpoint := PATHS.get(path):
                _allow(method, "POST")
                await answer(self._plane, exchange, endpoint)
            elif path == scanning.PATH:
                _allow(method, "POST")
                await scanning.answer(self._plane, exchange)
            elif path == "/v1/models" or path.startswith(MODEL_PREFIX):
                _allow(method, "GET")
                await self._models(exchange, path)
            elif path.startswith(HOLD_PREFIX):
                _allow(method, "GET")
                await self._hold(exchange, path.removeprefix(HOLD_PREFIX))
            else:
                await exchange.error(_no_such_endpoint(method))
        except APIError as error:
            await exchange.error(error)

    async def _hold(self, exchange: Exchange, hold: str) -> None:
        _, _, application = caller(self._plane, exchange)
        content = await holds.shown(self._plane.holds, hold, application.id)
        await exchange.body()
        await exchange.json(200, content)

    async def _models(self, exchange: Exchange, path: str) -> None:
        snapshot, _, application = caller(self._plane, exchange)
        name = path.removeprefix(MODEL_PREFIX)
        found = snapshot.models(application.id)
        content = models.listing(found) if name == path else models.one(found, name)
        await exchange.body()
        await exchange.json(200, content)


def _examined_by(keeper: SnapshotKeeper) -> str:
    """What decides how a text is examined: what was found before holds until it changes."""
    known = keeper.known()
    return known[0].policy.digest if known is not None else ""


def _stopping() -> APIError:
    error = unavailable("stopping", "The appliance is stopping; try again shortly.")
    error.headers["Connection"] = "close"
    return error


def _no_such_endpoint(method: str) -> APIError:
    return APIError(404, "not_found", f"There is no such endpoint for {method} here.")


def _allow(method: str, allowed: str) -> None:
    if method != allowed:
        raise APIError(
            405,
            "method_not_allowed",
            f"This endpoint answers {allowed} only.",
            headers={"Allow": allowed},
        )

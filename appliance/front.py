"""What callers meet: the data plane `/v1/`, the log `/log/`, the witness, and else Django.

Machines that are to become nodes meet `/enrolment`.

Three pages are for operators: `/livez`, `/readyz`, `/metrics`.

Its lifespan starts and stops the data plane. Django's views run in threads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import orjson
import structlog
from django.core.handlers.asgi import ASGIHandler
from django.db import DatabaseError, connection

from appliance import health, metrics, records
from appliance.celery import app as celery
from appliance.configured import values
from appliance.disk import DiskFloor
from appliance.enrolment_pages import PATH as ENROLMENT
from appliance.enrolment_pages import EnrolmentPages
from appliance.env import Environment
from appliance.exchange import JSON, Message, Receive, Scope, Send, respond
from appliance.log_pages import PREFIX, LogPages
from appliance.playground import bench_of
from appliance.witness_pages import PREFIX as WITNESS
from appliance.witness_pages import WitnessPages
from compliance import background
from compliance.admin import coverage, playground
from compliance.audit.configuration import loaded
from inference.api.app import Configuration, DataPlane, build
from inference.api.endpoints import PATHS

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ENDPOINTS = frozenset({*PATHS, "/v1/models"})
log = structlog.get_logger(__name__)


class Front:
    """What uvicorn serves. The data plane begins at the lifespan's start, in its event loop."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._floor = DiskFloor(environment.data, environment.disk_floor)
        self._console = ASGIHandler()
        self._log = LogPages(environment.data / "log", open_to_all=environment.serve_log)
        self._witness = WitnessPages(environment.data / "keys", environment.organisation)
        self._enrolment = EnrolmentPages(environment.data / "keys")
        self._plane: DataPlane
        self._readiness: health.Readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send one scope where it belongs."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        path = scope["path"]
        if path.startswith("/v1/"):
            await logged(self._plane, scope, receive, send)
        elif path == "/livez":
            await respond(send, 200, JSON, b'{"status":"ok"}')
        elif path == "/readyz":
            await self._readyz(send)
        elif path == "/metrics":
            kind, text = await asyncio.to_thread(metrics.exposition, self._gauges)
            await respond(send, 200, kind.encode(), text)
        elif path.startswith(PREFIX):
            await logged(self._log, scope, receive, send)
        elif path.startswith(WITNESS):
            await logged(self._witness, scope, receive, send)
        elif path == ENROLMENT:
            await logged(self._enrolment, scope, receive, send)
        else:
            await logged(self._console, scope, receive, send)

    async def drain(self) -> None:
        """Refuse new requests; return once the running ones have ended or were told to."""
        await self._plane.drain(self._environment.drain)

    async def _readyz(self, send: Send) -> None:
        well, checks = await self._readiness.ask()
        status = "ok" if well else "not ready"
        if self._plane.draining:
            well, status = False, "stopping"
        content = orjson.dumps({"status": status, "checks": checks})
        await respond(send, 200 if well else 503, JSON, content)

    def _gauges(self) -> None:
        metrics.WRITING.set(self._plane.writer.depth)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._start()
                except Exception:
                    log.exception("start_failed")
                    await send({"type": "lifespan.startup.failed", "message": "see the log"})
                    raise
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._plane.shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _start(self) -> None:
        environment = self._environment
        self._plane = build(
            Configuration(
                keys=environment.data / "keys",
                broker_url=environment.broker_url,
                source=environment.source,
                celery=celery,
                processes=environment.web_processes,
                detectors=environment.detectors,
                detection_timeout=environment.detection_timeout,
                may_write=self._floor.enough,
                around_append=metrics.measured_append,
                around_scan=metrics.measured_scan,
            )
        )
        background.provide(records.publish)
        coverage.provide(lambda: self._plane.detectors.coverage)
        playground.provide(bench_of(self._plane))
        metrics.NODES.provide(self._plane.nodes)
        metrics.MACHINES.provide(self._plane.machines)
        self._readiness = health.Readiness(
            {
                **self._plane.probes(),
                "record": health.record(self._plane.writer),
                "notary": health.notary(),
                "disk": health.disk(self._floor),
            }
        )
        await self._plane.startup()
        await asyncio.to_thread(_configured, environment)


def _configured(environment: Environment) -> None:
    """Put the configuration on the record, if it has changed since the last start."""
    try:
        loaded("console", "web", values(environment))
    except DatabaseError as error:  # requests are refused too; the next start says it
        log.warning("configuration_unrecorded", error=type(error).__name__)
    finally:
        connection.close()


async def logged(
    application: Callable[..., Awaitable[None]], scope: Scope, receive: Receive, send: Send
) -> None:
    """Call `application` and log the request: no query string, and of a path what is ours."""
    began = time.perf_counter()
    status = 0

    async def noted(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        await send(message)

    try:
        await application(scope, receive, noted)
    finally:
        log.info(
            "request",
            method=scope["method"] if scope["method"] in METHODS else "other",
            path=shown(scope["path"]),
            status=status,
            duration_ms=round((time.perf_counter() - began) * 1000, 1),
        )


def shown(path: str) -> str:
    """A path as the log may show it: of what is not an endpoint, the first part only."""
    if path in ENDPOINTS or path == ENROLMENT:
        return path
    first = path.split("/", 2)[1] if path.count("/") else ""
    return f"/{first}/…" if first in {"v1", "console", "static", "log", "witness"} else "other"

"""The process on a node that answers tickets: one loop, one engine, no database.

What becomes of a ticket is told in `inference.turns`. The loop's thread starts the engine's
process, which dies with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import threading
from collections.abc import Callable, Sequence
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit.keys import read_key
from inference import canary_watch, registry
from inference.admission import Admission
from inference.answer import Identity, Leave
from inference.bulletin import Bulletin
from inference.canary import Host
from inference.canary_watch import CanaryWatch, Post
from inference.engines.base import Engine, start_within
from inference.engines.llamacpp import LlamaCpp
from inference.engines.vllm import VLLM
from inference.refusals import Refuser
from inference.registry import ModelUnusable
from inference.relay import connect
from inference.sockets import engine_socket
from inference.turns import Answering

SLOTS = 4  # requests that llama.cpp answers at the same time, where nobody says otherwise
_TOLD = 3.0  # s in which Celery hears that it is to end; it looks once a second

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a worker is: where it stands, what it serves, where its files lie."""

    site: str
    node: str
    entry: registry.Entry
    keys: Path
    state: Path  # spent tickets, and what engines compile
    run: Path  # sockets
    broker_url: str
    slots: int  # requests at the same time; 0: as many as suit the engine
    threads: int
    vllm_python: Path = Path(".venv-vllm/bin/python")
    canary_interval: float = canary_watch.INTERVAL  # seconds; 0: never
    canary_hosts: tuple[Host, ...] = ()


class Worker:
    """Answers tickets in a thread of its own."""

    def __init__(
        self, configuration: Configuration, on_failure: Callable[[BaseException], None]
    ) -> None:
        """`on_failure` is given the error by which the loop ends once it has begun."""
        self._configuration = configuration
        self._on_failure = on_failure
        self._thread = threading.Thread(target=self._run, name="answers", daemon=True)
        self._begun = threading.Event()
        self._drained = threading.Event()
        self._over: futures.Future[None] = futures.Future()  # done when the loop has ended
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answering: Answering | None = None
        self._spoilt: ModelUnusable | None = None

    def start(self) -> None:
        """Return when the engine answers.

        Raises ModelUnusable, EngineFailed, KeyUnusable, BlockingIOError
        (another worker of this node serves the model) and ValueError (damaged state).
        """
        # One descriptor for each stream; the engine inherits the limit.
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        entry = self._configuration.entry
        within = 2 * start_within(entry.engine, entry.size)  # they are verified first
        self._thread.start()
        if not self._begun.wait(within):
            raise TimeoutError(f"The worker was not ready within {within:.0f} s.")
        if self._error is not None:
            raise self._error

    def accept(self, envelopes: Sequence[bytes]) -> None:
        """Take tickets; returns when each is refused or has a place.

        Where the loop has ended by an error it returns only once Celery has heard of it, which
        meanwhile takes no more from the queue.
        """
        if self._answering is None or self._loop is None:
            return
        coroutine = self._answering.accept(envelopes)
        try:
            accepted = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:  # the loop is closed
            coroutine.close()
        else:
            futures.wait([accepted, self._over], return_when=futures.FIRST_COMPLETED)
            if accepted.done() and not accepted.cancelled():
                accepted.result()
                return
        self._over.result()
        self._drained.wait(_TOLD)

    def drain(self) -> None:
        """Say that this node takes no more."""
        self._drained.set()
        if self._answering is not None and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._answering.leave)

    def stop(self) -> None:
        """Finish what runs, within 30 s, stop the engine and return."""
        self.drain()
        if self._answering is not None and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._answering.stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            uvloop.run(self._main())
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for this thread
            if self._begun.is_set():
                _log.exception("worker_failed", kind=type(error).__name__)
                self._on_failure(error)
            self._error = error
        finally:
            self._begun.set()
            self._over.set_result(None)

    async def _main(self) -> None:
        given = self._configuration
        await asyncio.to_thread(given.entry.check)
        identity = Identity(
            given.site,
            given.node,
            Ed25519PrivateKey.from_private_bytes(
                read_key(given.keys / f"node-{given.node}.ed25519")
            ),
            given.entry.digest,
            {adapter.name: adapter.digest for adapter in given.entry.adapters},
        )
        engine = _engine(given, self._check)
        async with contextlib.AsyncExitStack() as stack:
            redis = connect(given.broker_url)
            stack.push_async_callback(redis.aclose)
            refuser = Refuser(redis, given.site, given.node, identity.key)
            bulletin = Bulletin(
                redis,
                given.node,
                given.entry.name,
                given.keys / "gateway.pub",
                identity.digests(given.entry.name),
            )
            admission = Admission(
                site=given.site,
                node=given.node,
                model=given.entry.name,
                keys=given.keys,
                state=given.state,
                redis=redis,
                refuser=refuser,
                adapters=identity.adapters,
            )
            stack.callback(admission.close)
            watch = CanaryWatch(_post(given, identity.key), redis)
            await watch.begin()
            stack.push_async_callback(engine.stop)
            await engine.start()
            stack.push_async_callback(bulletin.stop)
            leave = Leave(bulletin, refuser)
            self._answering = Answering(
                given.entry.name, identity, engine, redis, admission, leave=leave, watch=watch
            )
            await bulletin.start(self._answering.news)
            self._loop = asyncio.get_running_loop()
            self._begun.set()
            await self._answering.run()
            if self._spoilt is not None:
                raise self._spoilt

    def _check(self) -> None:
        """Look at the model's files before the engine starts anew; called in any thread.

        Where they are others than those registered this worker ends, by that error: to look at
        all of them again and again would keep the disk busy, and only others help.
        """
        if self._spoilt is not None:
            raise self._spoilt
        try:
            self._configuration.entry.check()
        except ModelUnusable as error:
            self._spoilt = error
            if self._answering is not None and self._loop is not None:
                self._loop.call_soon_threadsafe(self._answering.abandon)
            raise


def _engine(given: Configuration, check: Callable[[], None]) -> Engine:
    """The engine that a model was imported for; raises `EngineFailed`, `WeightsMissing`."""
    entry, socket = given.entry, engine_socket(given.run, given.node, given.entry.name)
    if entry.engine == "vllm":
        return VLLM(
            entry,
            socket,
            python=given.vllm_python,
            cache=given.state / "vllm",
            slots=given.slots,
            threads=given.threads,
            start_within=start_within(entry.engine, entry.size),
            check=check,
        )
    return LlamaCpp(
        entry.name,
        entry.path,
        socket,
        context=entry.context_length,
        slots=given.slots or SLOTS,
        threads=given.threads,
        embeds=entry.task == "embeddings",
        start_within=start_within(entry.engine, entry.size),
        check=check,
    )


def _post(given: Configuration, key: Ed25519PrivateKey) -> Post:
    return Post(
        site=given.site,
        node=given.node,
        key=key,
        state=given.state,
        gateway=given.keys / "gateway.pub",
        interval=given.canary_interval,
        hosts=given.canary_hosts,
    )

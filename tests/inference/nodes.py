"""A real worker: Celery, its own keys and folders, the real engine; and a gateway for it."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from inference import in_force
from inference.clearance import Ticket
from inference.relay import Chunk, Failed, Frame, Receipted, Refused
from tests.inference.tickets import GATEWAY, NODE, SITE, listed, sealed
from tests.services.valkey import leash
from tests.services.waiting import PATIENCE, until

ROOT = Path(__file__).resolve().parents[2]
MODEL = "smollm2-135m-instruct"


def raw(key: Any) -> str:
    none = serialization.NoEncryption()
    return str(
        key.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, none
        ).hex()
    )


def data_folder(site_key: X25519PrivateKey = SITE) -> Path:
    """What set-up leaves for a worker; a short path, because sockets lie in it."""
    data = Path(tempfile.mkdtemp(prefix="dmn-"))
    keys = data / "keys"
    keys.mkdir(mode=0o700)
    for name, text in (
        ("site-home.x25519", raw(site_key)),
        ("node-node-1.ed25519", raw(NODE)),
        ("gateway.pub", GATEWAY.public_key().public_bytes_raw().hex()),
    ):
        (keys / name).write_text(text + "\n")
        (keys / name).chmod(0o600)
    return data


class Node:
    """A worker process. What it prints is in `log`."""

    def __init__(
        self, broker: str, data: Path, *, prefix: Sequence[str] = (), **environment: str
    ) -> None:
        """`prefix` is a command that becomes the worker's."""
        self.data = data
        self.log = data / f"worker-{secrets.token_hex(4)}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *prefix,
                    *(sys.executable, "-m", "celery", "-q", "-A", "appliance.celery", "worker"),
                    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
                ],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "DOMICILE_DATA": str(data),
                    "DOMICILE_BROKER_URL": broker,
                    "DOMICILE_ENGINE_THREADS": "1",
                    # This machine has a network; who gives a prefix has taken it away.
                    "DOMICILE_CANARY_INTERVAL": "300" if prefix else "0",
                    "PYTHONUNBUFFERED": "1",
                    **environment,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=leash(),  # noqa: PLW1509 - only a system call
            )

    def engine(self) -> psutil.Process:
        """The engine's process."""
        (child,) = psutil.Process(self.process.pid).children()
        return child

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, within: float = PATIENCE) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)


def sign_of(name: str = "node-1") -> str:
    """The key under which a node says that it lives and serves the model."""
    return f"node:{name}/{MODEL}"


async def appeared(redis: Any, name: str = "node-1") -> None:
    """Wait until the node says that it lives."""
    await until(lambda: redis.exists(sign_of(name)), f"{name} has appeared")


class Gateway:
    """Publishes tickets and gathers what comes back."""

    def __init__(self, receiver: Any, app: Any, redis: Any) -> None:
        self.receiver = receiver
        self._app = app
        self._redis = redis
        self.list: dict[str, Any] = {}  # what differs from the usual list

    async def post(self, key: Any = GATEWAY) -> None:
        """Put the list of versions in force, as it is now, into the broker."""
        await self._redis.set(in_force.KEY, in_force.sign(listed(**self.list), key))

    async def send(self, *tickets: Ticket, envelopes: list[bytes] | None = None) -> list[Any]:
        """Publish all in one message; an inbox for each."""
        await self.post()
        inboxes = [
            self.receiver.expect(ticket.handle, ticket.attempt, ticket.down_key)
            for ticket in tickets
        ]
        encoded = [
            base64.b64encode(envelope).decode()
            for envelope in envelopes or [sealed(ticket) for ticket in tickets]
        ]
        await asyncio.to_thread(
            self._app.send_task,
            "inference.tasks.answer",
            args=[encoded],
            queue=f"inference.home.{MODEL}",
            expires=60,
            ignore_result=True,
            retry=False,
        )
        return inboxes


async def frames(inbox: Any, within: float = PATIENCE) -> list[Frame]:
    """All frames up to the last."""
    got: list[Frame] = []
    while not got or not isinstance(got[-1], Receipted | Failed | Refused):
        got.append(await inbox.get(within))
    return got


async def first(inbox: Any, kind: type, within: float = PATIENCE) -> Any:
    """The next frame of this kind."""
    while True:
        frame = await inbox.get(within)
        if isinstance(frame, kind):
            return frame
        assert not isinstance(frame, Failed | Refused), frame


def chunks(got: list[Frame]) -> list[bytes]:
    return [chunk for frame in got if isinstance(frame, Chunk) for chunk in frame.chunks]

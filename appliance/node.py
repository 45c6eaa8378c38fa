"""The supervisor of a node: it runs a worker for each model that the gateway gives the node.

    manage.py node, which becomes    python -m appliance.node
    manage.py up, which starts       python -m appliance.node --begin MODEL=DIGEST --logs FOLDER

Which models those are, the gateway's signed list in force says (`inference.in_force`). From a
list that is older than half a minute nothing follows, nor from there being none: what runs goes
on, and each worker asks the list itself before it begins a ticket. `up` knows what the list
will say before a gateway runs that posts one, and names these models: they are served until a
list is followed. Started anew while a list is in force, the supervisor goes by that at once:
what `up` named may be of weeks ago. It has no database and no Django.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

import structlog

from appliance import confinement, logging
from appliance.env import ConfigurationError, Environment, read
from appliance.services import node_state
from appliance.services.folder import FolderRefused, private
from appliance.services.keeper import Program
from appliance.services.shares import Shares
from appliance.services.teller import Teller
from appliance.services.worker import DRAIN, answers, inherited, worker
from appliance.services.workers import Workers
from compliance.audit.keys import KeyUnusable
from inference.admission import public_keys
from inference.bulletin import Listing
from inference.canary_watch import closing
from inference.drift import Voice
from inference.in_force import AHEAD, STALE, InForce
from inference.registry import Entry, ModelUnusable, find
from inference.registry.names import parts
from inference.relay import connect
from inference.sockets import engine_socket

LOOK = 0.5  # seconds between looks at what there is to do
BROKER = 5.0  # seconds for one command
LOCK = "node.lock"

_log = structlog.get_logger(__name__)


class NodeRefused(Exception):
    """The supervisor cannot run here. The message says why and what to do."""


def served(
    listed: InForce | None, node: str, now: float, *, closed: bool = False
) -> Mapping[str, str] | None:
    """The models that `node` needs a worker for, with their digests (hex) as registered.

    None where nothing is known. `now` is in seconds. An adapter is served by its base's worker.
    A node that closed itself is on no list, which is then no reason to end its workers: they
    take no ticket, and go on trying whether there is still a way out.
    """
    if listed is None or not -AHEAD <= now - listed.moment / 1e6 <= STALE:
        return None
    if closed and node not in listed.nodes:
        return None
    there = listed.nodes.get(node, {})
    return {name: digest for name, digest in there.items() if not parts(name)[1]}


class Supervisor:
    """One node's. Belongs to the process's main thread and its loop.

    `begin` are the models, with their digests (hex), that it serves until it follows a list.
    `logs` is the folder of the workers' logs; without one they write where this process does.
    """

    def __init__(
        self, environment: Environment, begin: Mapping[str, str], logs: Path | None
    ) -> None:
        self._environment = environment
        self._begin: Mapping[str, str] | None = begin  # None once a list was followed
        self._keys = environment.data / "keys" / "gateway.pub"
        local = confinement.broker_is_local(environment)
        self._confine = confinement.available() if local else "no"
        self._workers = Workers(
            self._program, self._found, self._answers, logs=logs, changed=self._note
        )
        self._shares = Shares(environment.vllm_python, self._workers.running)
        self._voices: dict[str, Voice] = {}
        self._told = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT, which lets what runs be finished; a second ends all at once.

        Raises `KeyUnusable`: the node's own, or the gateway's.
        """
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._asked)
        redis = connect(self._environment.broker_url, within=BROKER)
        listing = Listing(redis, self._keys)
        teller = Teller(self._environment, self._workers.states)
        teller.start()
        await listing.start()
        try:
            while not self._told.is_set():
                models = self._served(listing.listed)
                if models is not None:
                    self._workers.follow(models)
                await self._rest()
        finally:
            await self._workers.stop()
            node_state.clear(self._environment.run)
            teller.stop()
            await listing.stop()
            await redis.aclose()

    def _served(self, listed: InForce | None) -> Mapping[str, str] | None:
        given = self._environment
        closed = closing(given.data / "state", given.node) is not None
        models = served(listed, given.node, time.time(), closed=closed)
        if models is None:
            return self._begin
        self._begin = None
        return models

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(LOOK):
                await self._told.wait()
        except TimeoutError:
            return

    def _asked(self) -> None:
        if self._told.is_set():
            self._workers.kill()
        self._told.set()

    def _note(self) -> None:
        node_state.write(self._environment.run, self._workers.kept())

    def _program(self, model: str, entry: Entry) -> Program:
        environment = self._environment
        variables = {
            **inherited(environment),
            **self._shares.given(model, entry),
            "DOMICILE_MODEL": model,
            "DOMICILE_SOURCE": f"worker-{environment.node}-{model}",
        }
        return worker(
            node_state.worker_name(model),
            variables,
            self._confine,
            drain=DRAIN,
            listens=self._socket(model),
        )

    def _socket(self, model: str) -> Path:
        return engine_socket(self._environment.run, self._environment.node, model)

    def _answers(self, model: str) -> bool:
        return answers(self._socket(model))

    def _found(self, model: str, registered: str) -> Entry:
        """What lies here of a model, which must be the one that is registered (a digest).

        That it is refused, is said to the gateway.
        """
        given = self._environment
        voice = self._voices.setdefault(
            model, Voice(given.site, given.node, model, self._keys.parent, given.broker_url)
        )
        with voice.telling():
            entry = find(model, given.data / "models", public_keys(self._keys))
            if entry.digest != registered:
                raise ModelUnusable(
                    f"What lies here as {model} has the digest {entry.digest}; registered is "
                    f"{registered}. Bring that one here with `models place`.",
                    reason="other",
                )
            return entry


def hold(environment: Environment) -> int:
    """The descriptor of a lock that only one supervisor of a folder has.

    Also makes the folders of sockets and state; what is created from now on is private. Raises
    `NodeRefused`, and `FolderRefused` where the folder of sockets is somebody else's.
    """
    os.umask(0o077)
    path = environment.run / LOCK
    try:
        private(environment.run)
        environment.data.joinpath("state").mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise NodeRefused(
            f"{error.filename} cannot be used: {error.strerror}. Mend its rights, or choose "
            "other folders with DOMICILE_DATA and DOMICILE_RUN."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise NodeRefused(
            f"Another supervisor holds {path}; stop it first, or give this one folders of its "
            "own."
        ) from None
    return descriptor


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m appliance.node")
    parser.add_argument(
        "--begin",
        action="append",
        default=[],
        metavar="MODEL=DIGEST",
        help="A model to serve until a list is followed, and its digest as registered.",
    )
    parser.add_argument("--logs", type=Path, help="Folder of the workers' logs.")
    return parser.parse_args()


def main() -> int:
    """Run the supervisor that the environment describes; its exit code."""
    given = _arguments()
    begin = dict(one.split("=", 1) for one in given.begin)
    try:
        environment = read()
        logging.configure(
            {"level": environment.log_level, "source": f"node-{environment.node}"}
        )
        hold(environment)
        asyncio.run(Supervisor(environment, begin, given.logs).run())
    except (ConfigurationError, FolderRefused, KeyUnusable, NodeRefused) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

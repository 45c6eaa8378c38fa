"""`manage.py up`: the whole appliance with one command."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from appliance import confinement
from appliance.env import Environment
from appliance.services import first_request, node_state, port
from appliance.services.broker import BrokerUnavailable
from appliance.services.child import die_with_parent
from appliance.services.folder import FolderRefused, claim, facts, note, now
from appliance.services.keeper import Keeper, StartFailed
from appliance.services.programs import metrics_folder, programs
from appliance.setup import SetUpRefused, set_up
from appliance.welcome import Credentials, write_welcome
from inference import registry
from inference.canary_watch import closing
from inference.engines.base import start_within
from inference.models import Model
from inference.registry.names import parts
from inference.snapshot import models_of

READY_WITHIN = 90.0  # seconds
ORPHANED = 4.0  # seconds for a graceful end once `make` has died
REFUSALS = (FolderRefused, SetUpRefused, port.PortTaken, StartFailed, BrokerUnavailable)


class Command(BaseCommand):
    """Sets up what is missing, starts every process, and keeps them until it is told to end."""

    help = "Set up what is missing, start the appliance and keep it running; Ctrl-C stops it."
    requires_system_checks: list[str] = []
    nodes_within, task = 0.0, "chat"  # of this machine's model
    models: Mapping[str, str] = MappingProxyType({})  # that its node is to serve; digests

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--parent` comes from the Makefile."""
        parser.add_argument(
            "--parent", type=int, help="Stop when this process, the parent, has ended."
        )

    def handle(self, *_arguments: Any, **options: Any) -> None:
        """Run until stopped."""
        if options["parent"]:
            die_with_parent(options["parent"], signal.SIGHUP)
        environment: Environment = settings.DOMICILE
        try:
            hold = claim(environment.data, environment.run)
            listening = port.take(environment.host, environment.port)
            began = time.monotonic()
            credentials = set_up(environment, self.say)
            self.learn(environment)
            note(environment.data, set_up=facts(environment.data)["set_up"] or now())
            asyncio.run(self.keep(environment, listening, credentials, began))
            hold.release()
        except REFUSALS as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped before it was up; run it again to go on.") from None

    def learn(self, environment: Environment) -> None:
        """What this machine's model is, and which its node is to serve."""
        try:
            self.nodes_within, self.task = kind_of(environment.model)
            self.models = bases_of(environment.node)
            if not self.models and closed_node(environment):  # its canary shall go on trying
                self.models = {
                    environment.model: Model.objects.get(name=environment.model).digest
                }
        finally:
            connection.close()

    def say(self, line: str) -> None:
        """Show progress; a terminal that went away must not end the appliance."""
        with suppress(OSError):
            self.stdout.write(line)
            self.stdout.flush()

    async def keep(
        self,
        environment: Environment,
        listening: socket.socket,
        credentials: Credentials | None,
        began: float,
    ) -> None:
        """Start the processes, ask the first question, and wait for a signal."""
        confine = confinement.available()
        if confine == "no":
            self.say("network: this machine allows no namespace; processes are NOT confined")
        figures = metrics_folder(environment)
        shutil.rmtree(figures, ignore_errors=True)
        figures.mkdir(mode=0o700)
        node_state.clear(environment.run)
        keeper = Keeper(
            programs(environment, listening.fileno(), confine, self.models),
            logs=environment.data / "logs",
            state=environment.run / "keeper.json",
            say=self.say,
        )
        ending = Ending(keeper, self.say)
        heralding = asyncio.create_task(self.herald(environment))
        starting = asyncio.create_task(self.start(environment, keeper, credentials, began))
        told = asyncio.create_task(ending.told.wait())
        try:
            await asyncio.wait([starting, told], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await told
        finally:
            for task in (starting, told, heralding):
                task.cancel()
            listening.close()
            await keeper.stop()
            self.say("stopped")

    async def herald(self, environment: Environment) -> None:
        """Say what becomes of the workers, which the node's supervisor keeps."""
        herald = node_state.Herald(environment.run, self.say)
        while True:
            herald.look()
            await asyncio.sleep(node_state.LOOK)

    async def start(
        self,
        environment: Environment,
        keeper: Keeper,
        credentials: Credentials | None,
        began: float,
    ) -> None:
        """Until everything answers; raises `StartFailed`."""
        base, near = address(environment), (host(environment), environment.port)
        self.say("starting")
        await keeper.start(READY_WITHIN)
        model = environment.model if environment.model in self.models else ""
        answering = await first_request.ready(
            near,
            READY_WITHIN,
            partial(broken, environment, keeper, model),
            self.say,
            partial(unanswered, environment, self.models),
            nodes_within=self.nodes_within,
            model=model,
        )
        if answering and not model:
            self.say(f"{environment.model} is not served: see Models in the console")
        if credentials is None:
            self.say(f"up after {time.monotonic() - began:.1f} s: {base}/console/")
            keeper.start_late()
            return
        asks = answering and bool(model) and self.task == "chat"
        first = asks and facts(environment.data)["answered"] is None
        if first:
            self.say("asking the first question")
            answer = await first_request.ask(near, credentials.api_key, credentials.model)
            self.say(f"answered: {answer}")
        write_welcome(environment.data, credentials, base)
        self.say(f"up after {time.monotonic() - began:.1f} s")
        self.say(welcome(environment, credentials, base, first=first))
        if asks:
            note(environment.data, answered=facts(environment.data)["answered"] or now())
        keeper.start_late()


def kind_of(model: str) -> tuple[float, str]:
    """How many seconds a node may need until it serves a registered model; what that does.

    The model that ships is small: it needs no more than all else does.
    """
    found = Model.objects.get(name=model)
    if model in registry.CATALOGUE:
        return 0.0, found.task
    return 2 * start_within(found.engine, found.size), found.task


def bases_of(node: str) -> Mapping[str, str]:
    """The models that a node is to serve, with digests; adapters go with their bases."""
    return {name: digest for name, digest in models_of(node).items() if not parts(name)[1]}


def broken(environment: Environment, keeper: Keeper, model: str) -> str:
    """Why it is in vain to wait for the appliance and for `model`, in words; or nothing."""
    for name in keeper.failing():
        return f"{name} does not stay up; read logs/{name}.jsonl in the data folder."
    return node_state.trouble(environment.run, model) if model else ""


class Ending:
    """The signals: the first asks all to finish their work, the second ends them at once."""

    def __init__(self, keeper: Keeper, say: first_request.Say) -> None:
        self.told = asyncio.Event()
        self._keeper, self._say = keeper, say
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, self._asked)
        loop.add_signal_handler(signal.SIGHUP, self._orphaned)

    def _asked(self) -> None:
        if self.told.is_set():
            self._keeper.kill()
            return
        self.told.set()
        self._say("\nstopping; requests in flight are finished first (Ctrl-C again: at once)")

    def _orphaned(self) -> None:
        self.told.set()
        asyncio.get_running_loop().call_later(ORPHANED, self._keeper.kill)


def unanswered(environment: Environment, models: Mapping[str, str]) -> str:
    """Why the console shall not wait for a node that answers, in words; or nothing.

    Either none will before somebody did something there, or it is other models that load, which
    may take long: this machine's own is not among `models`, those that its node is to serve.
    """
    if why := closed_node(environment):
        return why
    if environment.model in models:
        return ""
    if models:
        return (
            f"{environment.model} is not served here; {', '.join(sorted(models))} may still be"
            " loading. See Models and Deployments in the console"
        )
    return (
        f"{environment.node} has nothing to serve: no model whose licence was accepted is "
        "deployed there. See Models and Deployments in the console"
    )


def closed_node(environment: Environment) -> str:
    """That this machine's node closed itself, in words; empty where it is open."""
    if closing(environment.data / "state", environment.node) is None:
        return ""
    return (
        f"{environment.node} closed itself: it could get out of its confinement. Nothing is"
        " answered until it was opened in the console; see docs/confinement.md"
    )


def host(environment: Environment) -> str:
    """Where a caller on this machine finds the appliance."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
    given = environment.host.strip("[]")
    return everywhere.get(given, given)


def address(environment: Environment) -> str:
    """The same as a URL."""
    name = host(environment)
    return f"http://{f'[{name}]' if ':' in name else name}:{environment.port}"


def welcome(
    environment: Environment, credentials: Credentials, base: str, *, first: bool
) -> str:
    """What a newcomer wants to know; the credentials only the first time."""
    lines = ["", f"  Console    {base}/console/"]
    if not first:
        return "\n".join([*lines, f"  Account    in {environment.data}/welcome.json", ""])
    body = (
        f'{{"model": "{credentials.model}", "messages": '
        f'[{{"role": "user", "content": "{first_request.QUESTION}"}}]}}'
    )
    curl = (
        f"curl {base}/v1/chat/completions -H 'Authorization: Bearer {credentials.api_key}' "
        f"-H 'Content-Type: application/json' -d '{body}'"
    )
    lines += [
        f"  User       {credentials.admin}",
        f"  Password   {credentials.password}",
        f"  API key    {credentials.api_key}",
        "",
        f"  These are shown once; they also lie in {environment.data}/welcome.json",
        "  (readable by you alone): delete it once you have put them somewhere safe.",
        "",
        "  Try it:",
        "",
        curl,
        "",
        "  Ctrl-C stops it.",
        "",
    ]
    return "\n".join(lines)

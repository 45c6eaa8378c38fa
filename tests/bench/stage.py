"""The appliance around the paced engine: broker, notary, worker and one web process.

Each is the product's own, in a process of its own, with two differences: the worker serves a
model named `paced`, and without detection the web process is that of `gateway`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import httpx
import psutil

from appliance.services import broker
from tests.bench import cpu
from tests.bench.upstream import MODEL
from tests.bench.worker import DIGEST
from tests.services.appliance import BASE, free_port, variables
from tests.services.valkey import leash

READY = 60.0  # seconds until every part answers
STOP = 15.0  # seconds for a process to end by itself

# Adds the paced model to a fresh appliance, lifts every limit, and prints an API key.
PREPARE = f"""
from django.utils import timezone
from compliance.models import APIKey, Application
from inference.models import Deployment, Model, Node
node = Node.objects.get()
Application.objects.update(requests_per_minute=0, tokens_per_minute=0, concurrent_requests=0)
model = Model.objects.create(name="{MODEL}", engine="llamacpp", digest="{DIGEST}", size=1,
    licence="Apache-2.0", origin="bench", context_length=100_000,
    licence_accepted=timezone.now())
made = Deployment.objects.create(model=model, site=node.site, queue_limit=2048)
made.placements.create(node=node)
print(APIKey.issue(Application.objects.get(), note="bench")[1])
"""


class Stage:
    """`with Stage(detection=…) as stage`: everything is up, on a data folder of its own."""

    model = MODEL
    ready = READY
    worker: tuple[str, ...] = ("tests.bench.worker",)  # a module and its arguments

    def __init__(self, *, detection: bool) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="dmb-"))  # short: sockets lie below
        self._data = self._folder / "data"
        self._detection = detection
        self._processes: list[subprocess.Popen[bytes]] = []
        self.port = free_port()
        self._variables = variables(self._data, self.port, {"DOMICILE_LOG_LEVEL": "INFO"})
        self.key = ""

    @property
    def upstream(self) -> Path:
        """The socket of the paced engine."""
        return next(self._data.glob("run/engine-*.sock"))

    def __enter__(self) -> Self:
        try:
            self._prepare()
            web = ["-m", "tests.bench.gateway"] if not self._detection else ["manage.py", "web"]
            self._start(broker.command(self._data / "run"), cwd=self._data / "run")
            self._start([sys.executable, "manage.py", "notary"], DOMICILE_SOURCE="notary")
            self._start([sys.executable, "-m", *self.worker], DOMICILE_SOURCE="worker-1")
            self._start([sys.executable, *web], DOMICILE_SOURCE="web-1")
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def cpu(self) -> dict[str, float]:
        """Processor seconds of each role until now."""
        found: list[psutil.Process] = []
        for process in self._processes:
            with suppress(psutil.NoSuchProcess):
                top = psutil.Process(process.pid)
                found += [top, *top.children(recursive=True)]
        return cpu.seconds(found)

    def _prepare(self) -> None:
        self._manage("setup")
        self.key = self._manage("shell", "-v", "0", "-c", PREPARE).split()[-1]
        (self._data / "run").mkdir(mode=0o700, exist_ok=True)

    def _manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        result = subprocess.run(
            command, cwd=BASE, env=self._variables, capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            sys.exit(f"{arguments[0]} failed: {result.stderr}")
        return result.stdout

    def _start(self, command: Sequence[str], cwd: Path = BASE, **more: str) -> None:
        with (self._folder / "output").open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=self._variables | more,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=leash(),  # noqa: PLW1509 - one system call, bound before
            )
        self._processes.append(process)

    def _wait(self) -> None:
        deadline = time.monotonic() + self.ready
        state = "nothing answers"
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                answer = httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5)
                state = json.dumps(answer.json().get("checks"))
                if answer.status_code == httpx.codes.OK:
                    return
            time.sleep(0.1)
        tail = (self._folder / "output").read_text(errors="replace")[-2000:]
        sys.exit(f"The stage did not come up: {state}\n{tail}")

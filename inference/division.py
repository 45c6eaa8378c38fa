"""How the GPUs of one node are divided between the models that it serves.

A GPU belongs to one model: what runs keeps its own, and what is to start gets some that nobody
holds, those that it had before if it can. They are large enough by the arithmetic of placing
(`room`), and the smallest such: so all that placing finds room for can start, in any order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from inference.inventory import GPU
from inference.room import Need


def share(
    need: Need,
    there: Sequence[GPU],
    *,
    held: Collection[str],
    had: Sequence[str] = (),
    others: Collection[str] = (),
) -> tuple[str, ...] | None:
    """The GPUs (UUIDs) of a model that is to start; None where too few that will do are free.

    `there` are the node's, and `held` those of models that run. `had` are what the model was
    given before, and `others` what models that do not run were: so each finds its own again
    where it can, unless its memory is sick by now.
    """
    will_do = able(need, there)
    free = [gpu for gpu in will_do if gpu.uuid not in held]
    if len(had) == need.gpus and {*had} <= {gpu.uuid for gpu in free if not gpu.problems}:
        return tuple(had)
    if need.gpus > len(free):
        return None
    sign = 1 if all(gpu.memory >= need.each for gpu in will_do) else -1

    def rank(gpu: GPU) -> tuple[bool, int, bool, bool]:
        return bool(gpu.problems), sign * gpu.memory, gpu.uuid in others, gpu.uuid not in had

    taken = {gpu.uuid for gpu in sorted(free, key=rank)[: need.gpus]}
    return tuple(gpu.uuid for gpu in free if gpu.uuid in taken)


def able(need: Need, there: Sequence[GPU]) -> list[GPU]:
    """Those of a node's GPUs that are large enough for a model; all where these are too few.

    Then somebody chose the node for it, and may know better: weights of 32 bits, for one, take
    half as much as their files.
    """
    large = [gpu for gpu in there if gpu.memory >= need.each]
    return large if len(large) >= need.gpus else list(there)


def visible(gpus: Sequence[str], told: str | None) -> tuple[str, ...]:
    """Those of `gpus`, in the driver's order, that CUDA_VISIBLE_DEVICES names; None: all.

    As CUDA reads it: numbers or the beginnings of identifiers, up to the first that is none of
    them. https://docs.nvidia.com/cuda/cuda-programming-guide/ (environment variables)
    """
    if told is None:
        return tuple(gpus)
    found: list[str] = []
    for word in map(str.strip, told.split(",")):
        named = (
            [gpus[int(word)]]
            if word.isdecimal() and int(word) < len(gpus)
            else [gpu for gpu in gpus if word and gpu.startswith(word)]
        )
        if len(named) != 1 or named[0] in found:
            break
        found += named
    return tuple(found)

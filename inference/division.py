"""How the GPUs of one node are divided between the models that it serves.

A GPU belongs to one model: what runs keeps its own, and what is to start gets some that nobody
holds, those that it had before if it can.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from inference.registry import Entry

_ENGINE = "vllm"  # the one that runs on GPUs


def need(entry: Entry) -> int:
    """GPUs that an engine of a model takes on a node that has any.

    Tensor parallel ones share each layer, and there is such a group for each stage of a
    pipeline: https://docs.vllm.ai/en/stable/serving/parallelism_scaling/
    """
    if entry.engine != _ENGINE:
        return 0
    tensor, pipeline = (
        int(entry.options.get(name, 1)) for name in ("tensor_parallel", "pipeline_parallel")
    )
    return tensor * pipeline


def share(
    count: int,
    there: Sequence[str],
    *,
    held: Collection[str],
    had: Sequence[str] = (),
    others: Collection[str] = (),
) -> tuple[str, ...] | None:
    """The GPUs of a model that is to start with `count` of them; None where too few are free.

    `there` are the node's GPUs by what tells them apart, the best first, and `held` those of
    models that run. `had` are what the model was given before, and `others` what models that do
    not run were: so each finds its own again where it can.
    """
    free = [gpu for gpu in there if gpu not in held]
    if len(had) == count and {*had} <= {*free}:
        return tuple(had)
    if count > len(free):
        return None
    taken = sorted(free, key=lambda gpu: gpu in others)[:count]
    return tuple(sorted(taken, key=there.index))


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

"""The catalogue and the fit calculator in sentences, for the command and the console."""

from __future__ import annotations

from collections.abc import Mapping

from inference.catalogue.reading import Option, Published, Weights
from inference.fit import GIB, UTILISATION, Fit
from inference.shape import Shape

NOT_COMPARED = (
    "Nothing here was compared with the publisher's own files: read the licence and the "
    "config.json that come with the weights."
)
REMOTE_CODE = (
    "Its config.json names code to load (auto_map), and an import refuses that. vLLM has this "
    "architecture itself: remove the member auto_map and the Python files first. The weights "
    "stay as they are."
)
NO_RESTRICTION = "No restriction in the European Union is known beyond what holds for all."
_CHECKED = {
    "config": "Its sizes are those of a copy of the publisher's config.json.",
    "count": "Its sizes give the publisher's number of parameters to the last one.",
}


def billions(number: float) -> str:
    """As in 70.6 billion."""
    return f"{number / 1e9:,.{2 if number < 1e10 else 1}f} billion"  # noqa: PLR2004


def gib(size: int) -> str:
    """Bytes in GiB, as memory is counted."""
    return f"{size / GIB:.1f} GiB"


def gigabytes(size: int) -> str:
    """Bytes in GB, as files are counted."""
    return f"{size / 1e9:,.1f} GB"


def parameters(shape: Shape) -> str:
    """How many there are, and how many of them each token passes."""
    whole = shape.parameters()
    if not shape.experts:
        return billions(whole)
    return f"{billions(whole)}, of which each token passes {billions(shape.active())}"


def attention(shape: Shape) -> str:
    """What it keeps of earlier tokens."""
    if shape.encoder:
        return "Reads a whole text at once; keeps no cache."
    if shape.latent:
        held = shape.latent.key_value + shape.latent.rope
        said = f"{shape.heads} heads over one latent vector of {held} elements"
    elif shape.heads == shape.kv_heads:
        said = f"{shape.heads} heads of {shape.head_dim}, each with its own keys and values"
    else:
        said = (
            f"{shape.heads} heads of {shape.head_dim} share {shape.kv_heads} of keys and values"
        )
    if shape.window:
        said += (
            f"; {shape.window.layers} of {shape.layers} layers look back "
            f"{shape.window.tokens:,} tokens"
        )
    return f"{said}."


def kept(shape: Shape) -> str:
    """What one token takes in the cache of a request that is shorter than any window."""
    if shape.encoder:
        return "nothing"
    return f"{2 * shape.layers * shape.cached(1) / 1024:.0f} KiB for each token"


def checked(one: Published) -> list[str]:
    """What of its entry was compared with what."""
    said = [sentence for key, sentence in _CHECKED.items() if key in one.checked]
    return (
        [*said, "Context, engine arguments and licence were not compared with its files."]
        if (said)
        else [NOT_COMPARED]
    )


def licence(one: Published) -> str:
    """Its terms, and what they restrict in the European Union."""
    eu = one.eu or NO_RESTRICTION
    return f"{one.licence.title}. {one.licence.terms} {eu}"


def started_with(one: Published, weights: Weights, found: Fit) -> Mapping[str, Option]:
    """The engine arguments for an import, with those that the calculation took for granted."""
    setup = found.setup
    said: dict[str, Option] = {**one.arguments(weights), "max_model_len": setup.context}
    if setup.count > 1:
        said["tensor_parallel"] = setup.count
    if setup.cache_bytes == 1:
        said["kv_cache_dtype"] = "fp8"
    if setup.utilisation != UTILISATION:
        said["gpu_memory_utilization"] = f"{setup.utilisation:.2f}"
    return said


def written(arguments: Mapping[str, Option]) -> str:
    """Engine arguments as `manage.py models import` takes them."""
    return " ".join(f"--option {key}={value}" for key, value in sorted(arguments.items()))


def machines(found: Fit) -> str:
    """As in 4 x NVIDIA H100 80GB."""
    return f"{found.setup.count} x {found.setup.gpu.title}"


def outcome(found: Fit, shape: Shape) -> str:
    """What would run, in a sentence; or why nothing would."""
    if found.problem:
        return found.problem
    if shape.encoder:
        return f"It fits; up to {found.setup.sequences} texts at the same time."
    return (
        f"The cache holds {found.tokens:,} tokens: {found.requests:,.1f} requests of "
        f"{found.setup.context:,} tokens at the same time, more if they are shorter."
    )


def spent(found: Fit) -> str:
    """What each GPU's memory is used for."""
    parts = (("weights", found.weights), ("engine about", found.needs), ("cache", found.cache))
    return ", ".join(f"{name} {gib(size)}" for name, size in parts)

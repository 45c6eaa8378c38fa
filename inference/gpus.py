"""What the GPUs of this machine are and how they do, as NVIDIA's driver tells (NVML).

https://docs.nvidia.com/deploy/nvml-api/. Where there is no driver there are no GPUs. What a
GPU does not tell, as many do not count errors of their memory, is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pynvml

from inference.inventory import GPU, GPUS_MAX

T = TypeVar("T")
WORDS = 96  # characters of what a driver calls something


@dataclass(frozen=True, slots=True)
class Seen:
    """The driver's version, the newest CUDA that it supports, and the GPUs in its order.

    `lost` are the numbers that GPUs which cannot be asked have in that order. `failed`: the
    driver that is here did not answer, or not for one of its GPUs.
    """

    driver: str = ""
    cuda: str = ""
    gpus: tuple[GPU, ...] = ()
    lost: tuple[int, ...] = ()
    failed: bool = False


def look(nvml: Any = pynvml) -> Seen:
    """Ask the driver; takes some milliseconds for each GPU."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError_LibraryNotFound:  # no driver is installed
        return Seen()
    except nvml.NVMLError:  # one that is not loaded yet, or does not answer
        return Seen(failed=True)
    try:
        count = min(nvml.nvmlDeviceGetCount(), GPUS_MAX)
        driver = str(nvml.nvmlSystemGetDriverVersion())[:WORDS]
        cuda = _version(nvml.nvmlSystemGetCudaDriverVersion_v2())
        return _each(nvml, count, Seen(driver, cuda))
    except nvml.NVMLError:
        return Seen(failed=True)
    finally:
        nvml.nvmlShutdown()


def _each(nvml: Any, count: int, seen: Seen) -> Seen:
    """The GPUs one by one: one that fell off the bus hides no other."""
    found, lost, failed = [], [], False
    for number in range(count):
        try:
            found.append(_gpu(nvml, number))
        except nvml.NVMLError_NotSupported:  # its memory is the machine's: nothing to divide
            lost.append(number)
        except nvml.NVMLError:
            lost.append(number)
            failed = True
    return replace(seen, gpus=tuple(found), lost=tuple(lost), failed=failed)


def _version(number: int) -> str:
    """CUDA's 12040 is 12.4."""
    return f"{number // 1000}.{number % 1000 // 10}"


def _gpu(nvml: Any, number: int) -> GPU:
    handle = nvml.nvmlDeviceGetHandleByIndex(number)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    errors = _told(
        nvml,
        lambda: nvml.nvmlDeviceGetTotalEccErrors(
            handle, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC
        ),
    )
    return GPU(
        name=str(nvml.nvmlDeviceGetName(handle))[:WORDS],
        uuid=str(nvml.nvmlDeviceGetUUID(handle))[:WORDS],
        memory=int(memory.total),
        used=int(memory.used),
        temperature=_told(
            nvml, lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
        ),
        errors=errors,
        problems=_problems(nvml, handle),
    )


def _problems(nvml: Any, handle: Any) -> list[str]:
    """What a GPU's memory needs: rows of it are replaced, or pages retired, by generation."""
    rows = _told(nvml, lambda: nvml.nvmlDeviceGetRemappedRows(handle))
    retired = _told(nvml, lambda: nvml.nvmlDeviceGetRetiredPagesPendingStatus(handle))
    found = []
    if rows is not None and rows[3]:
        found.append("rows of its memory could not be replaced")
    if rows is not None and rows[2]:
        found.append("rows of its memory are replaced once it is reset")
    if retired:
        found.append("pages of its memory are retired once it is reset")
    return found


def _told(nvml: Any, ask: Callable[[], T]) -> T | None:
    """The answer; None where the GPU has none."""
    try:
        return ask()
    except nvml.NVMLError:
        return None

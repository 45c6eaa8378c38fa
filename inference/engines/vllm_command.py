"""The command that starts vLLM's server, and the environment that keeps it silent.

What a model's manifest says is turned into vLLM's own arguments (0.32). vLLM reads a great
many variables, some of which open doors; it is given those of the machine that it needs and
none that begin with its own name but the ones below.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from inference.engines.base import EngineFailed
from inference.registry import Entry

SLOTS, SLOTS_CPU = 256, 64  # requests that run at the same time, where nobody says otherwise
_CACHE_CPU = 1024**3  # bytes; vLLM would take most of the machine's memory for itself
_ADAPTERS_AT_ONCE = 8  # in one batch; each takes its share of the GPU's memory
_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # those that vLLM can be told of
_RANK = 16  # of an adapter that does not say
_LOGPROBS = 21  # OpenAI's 20, and the token that was taken
_LOOK = 60.0  # s for Python to say which vLLM it has

_FLAGS = {
    "tensor_parallel": "--tensor-parallel-size",
    "pipeline_parallel": "--pipeline-parallel-size",
    "gpu_memory_utilization": "--gpu-memory-utilization",
    "kv_cache_dtype": "--kv-cache-dtype",
    "kv_cache_bytes": "--kv-cache-memory-bytes",
    "quantization": "--quantization",
    "reasoning_parser": "--reasoning-parser",
    "tool_call_parser": "--tool-call-parser",
    "dtype": "--dtype",
}
_ALWAYS = (
    "--disable-uvicorn-access-log",
    "--disable-fastapi-docs",
    *("--uvicorn-log-level", "warning"),
    *("--fingerprint-mode", "none"),
    *("--load-format", "safetensors"),  # no pickle is opened, whatever lies in the folder
    "--no-enable-prefix-caching",
    *("--max-logprobs", str(_LOGPROBS)),
)
_SILENT = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_HOST_IP": "127.0.0.1",  # or it asks the way to 8.8.8.8 to learn its own address
    "GLOO_SOCKET_IFNAME": "lo",
    "NCCL_SOCKET_IFNAME": "lo",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # each process runs `vllm_server`, and is leashed
    "TQDM_DISABLE": "1",
    "LC_ALL": "C.UTF-8",
}
_ON_CPU = {
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "TORCH_COMPILE_DISABLE": "1",  # the first request with logprobs would wait for a compiler
}
_OF_THE_MACHINE = ("PATH", "LD_LIBRARY_PATH", "TZ", "TMPDIR")
_OF_THE_GPU = ("CUDA_", "NVIDIA_", "NCCL_")

_ASK = """
import importlib.metadata as m, json
for name in ("vllm", "vllm-cpu"):
    try:
        print(json.dumps([name, m.version(name)])); break
    except m.PackageNotFoundError:
        pass
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """The vLLM of an environment: `vllm` (CUDA) or `vllm-cpu`, and its version."""

    distribution: str
    version: str

    @property
    def on_cpu(self) -> bool:
        """Whether it runs on processors without a GPU."""
        return self.distribution == "vllm-cpu"

    def slots(self, entry: Entry) -> int:
        """Requests of `entry` that run at the same time, where nobody says otherwise."""
        return int(entry.options.get("max_num_seqs", SLOTS_CPU if self.on_cpu else SLOTS))


def installed(python: Path) -> Installed:
    """Which vLLM `python` has; raises `EngineFailed`. Takes some 0.1 s."""
    try:
        said = subprocess.run(  # noqa: S603 - the operator's own interpreter
            [str(python), "-I", "-c", _ASK],
            capture_output=True,
            check=True,
            text=True,
            timeout=_LOOK,
        ).stdout
        distribution, version = json.loads(said)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise EngineFailed(
            f"There is no vLLM at {python}. Install it with `bin/bootstrap vllm cuda` (or "
            "`cpu`), or name its Python in DOMICILE_VLLM_PYTHON."
        ) from error
    return Installed(distribution, version)


def arguments(entry: Entry, socket: Path, slots: int, found: Installed) -> list[str]:
    """What vLLM is told of `entry`, whose options have been checked (`registry.options`)."""
    options = entry.options
    given = {_FLAGS[key]: str(value) for key, value in options.items() if key in _FLAGS}
    if found.on_cpu:
        given.setdefault(_FLAGS["kv_cache_bytes"], str(_CACHE_CPU))
    if "chat_template" in options:
        given["--chat-template"] = str(entry.path / str(options["chat_template"]))
    if entry.task == "embeddings":
        given["--runner"] = "pooling"
    given |= {
        "--model": str(entry.path),
        "--served-model-name": entry.name,
        "--uds": str(socket),
        "--max-num-seqs": str(slots),
        "--max-model-len": str(options.get("max_model_len", entry.context_length)),
    }
    return [
        *(part for pair in given.items() for part in pair),
        *_ALWAYS,
        *(["--enable-auto-tool-choice"] if "tool_call_parser" in options else []),
        *(["--enforce-eager"] if found.on_cpu or options.get("enforce_eager") else []),
        *_adapters(entry),
    ]


def environment(found: Installed, cache: Path, threads: int) -> dict[str, str]:
    """All variables of the server's process; `cache` is a folder for what it compiles."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _OF_THE_MACHINE or name.startswith(_OF_THE_GPU)
    }
    bound = {"OMP_NUM_THREADS": str(threads)} | _ON_CPU
    return {**kept, **_SILENT, **_folders(cache), **(bound if found.on_cpu else {})}


def _folders(cache: Path) -> Mapping[str, str]:
    """Everything that is kept between starts lies below one folder."""
    return {
        "HOME": str(cache),
        "XDG_CACHE_HOME": str(cache),
        "XDG_CONFIG_HOME": str(cache),
        "VLLM_CACHE_ROOT": str(cache / "vllm"),
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "torch"),
        "TRITON_CACHE_DIR": str(cache / "triton"),
    }


def _adapters(entry: Entry) -> Iterator[str]:
    if entry.adapters:
        yield "--enable-lora"
        yield from ("--max-loras", str(min(len(entry.adapters), _ADAPTERS_AT_ONCE)))
        yield from ("--max-cpu-loras", str(len(entry.adapters)))
        yield from ("--max-lora-rank", str(_rank(entry)))
        yield "--lora-modules"
        yield from (f"{adapter.name}={adapter.path}" for adapter in entry.adapters)


def _rank(entry: Entry) -> int:
    """The least rank that vLLM can be told of and that holds every adapter."""
    told = [int(adapter.options.get("max_lora_rank", _RANK)) for adapter in entry.adapters]
    most = max(*told, int(entry.options.get("max_lora_rank", 1)))
    return next((rank for rank in _RANKS if rank >= most), _RANKS[-1])

"""Whether a vLLM that has requests gets on with them.

Its server answers /health as long as the engine's process is there, also where that process
waits for a GPU or for another process that never comes back. What its metrics count (0.32)
then stands still.
"""

from __future__ import annotations

from pathlib import Path

from inference.engines import wire

_RUNNING = "vllm:num_requests_running{"
_MOVES = (
    _RUNNING,
    "vllm:kv_cache_usage_perc{",  # grows while a long prompt is read
    "vllm:prompt_tokens_total{",
    "vllm:generation_tokens_total{",
    "vllm:iteration_tokens_total_count{",
)
_OK = 200


async def mark(socket: Path) -> tuple[str, ...] | None:
    """What is another one after each step; None where nothing runs, or it does not say."""
    try:
        async with wire.request(socket, "GET", "/metrics") as response:
            said = (await response.body()).decode("utf-8", "replace")
            if response.status != _OK:
                return None
    except wire.Broken:
        return None
    lines = tuple(line for line in said.splitlines() if line.startswith(_MOVES))
    running = [line.rpartition(" ")[2] for line in lines if line.startswith(_RUNNING)]
    return lines if any(float(count) for count in running) else None

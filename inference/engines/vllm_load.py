"""What a vLLM server has to do, as its own metrics tell it.

It writes them anew with each step of its scheduler, and they stand until the next. The names
are those of `vllm.v1.metrics.loggers` (0.32); a server that runs several engines tells of each.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from inference.engines import wire
from inference.engines.base import EngineFailed, Load

RUNNING = "vllm:num_requests_running"
WAITING = "vllm:num_requests_waiting"
CACHE = "vllm:kv_cache_usage_perc"  # a share from 0 to 1, whatever it is called
PREEMPTED = "vllm:num_preemptions_total"
_NEEDED = frozenset({RUNNING, WAITING, CACHE})
_NAMES = _NEEDED | {PREEMPTED}
_OK = 200
_INFO = "vllm:cache_config_info{"
# Tokens that the cache holds, and the number of the longest requests that fit in it.
_TOKENS = re.compile(r'\bkv_cache_size_tokens="(\d+)"')
_LONGEST = re.compile(r'\bkv_cache_max_concurrency="([\d.]+)"')


async def load(socket: Path) -> Load:
    """What the server on `socket` has to do now; raises `EngineFailed`.

    Of several engines the one with the fullest cache counts: requests are spread over them by
    turns, so the next may come to it.
    """
    try:
        async with wire.request(socket, "GET", "/metrics") as response:
            if response.status != _OK:
                raise EngineFailed("The engine gives no metrics.")
            said = (await response.body()).decode("utf-8", "replace")
    except wire.Broken as error:
        raise EngineFailed("The engine does not say what it has to do.") from error
    found = _samples(said)
    if missing := _NEEDED - found.keys():
        raise EngineFailed(f"The engine's metrics do not have {', '.join(sorted(missing))}.")
    tokens, context = _size(said)
    return Load(
        running=round(sum(found[RUNNING])),
        waiting=round(sum(found[WAITING])),
        cache=min(max(*found[CACHE], 0.0), 1.0),
        preempted=round(sum(found.get(PREEMPTED, ()))),
        tokens=tokens,
        context=context,
    )


def _size(said: str) -> tuple[int, int] | tuple[None, None]:
    """Tokens of the smallest cache, and of the longest request; it need not say."""
    info = "\n".join(line for line in said.splitlines() if line.startswith(_INFO))
    tokens, longest = _TOKENS.findall(info), _LONGEST.findall(info)
    if not tokens or len(tokens) != len(longest):
        return None, None
    try:
        least = min(map(int, tokens))
        return least, math.ceil(least / min(map(float, longest)))
    except (ValueError, ZeroDivisionError):
        return None, None


def _samples(said: str) -> dict[str, list[float]]:
    """The values by name. Only the lines that are wanted are parsed: there are thousands."""
    lines = [line for line in said.splitlines() if line.partition("{")[0] in _NAMES]
    found = defaultdict(list)
    try:
        for family in text_string_to_metric_families("\n".join(lines) + "\n"):
            for sample in family.samples:
                if math.isfinite(sample.value):
                    found[sample.name].append(sample.value)
    except (ValueError, LookupError) as error:
        raise EngineFailed("The engine's metrics cannot be read.") from error
    return dict(found)

"""What vLLM has to do is read from metrics as it writes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from inference.engines.base import EngineFailed, Load
from inference.engines.vllm_load import load

SAYS = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="m"} 2.0
# HELP vllm:num_requests_waiting_by_reason Number of waiting requests by reason.
# TYPE vllm:num_requests_waiting_by_reason gauge
vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 2.0
# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.4375
# HELP vllm:num_preemptions_total Cumulative number of preemption from the engine.
# TYPE vllm:num_preemptions_total counter
vllm:num_preemptions_total{engine="0",model_name="m"} 5.0
"""


@asynccontextmanager
async def server(socket: Path, said: str, status: str = "200 OK") -> AsyncIterator[None]:
    """Answers one request after the other with `said`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readuntil(b"\r\n")).startswith(b"GET /metrics ")
        body = said.encode()
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(answer, socket):
        yield


async def test_what_runs_waits_and_fills_the_cache_is_read(tmp_path):
    async with server(tmp_path / "s", SAYS):
        assert await load(tmp_path / "s") == Load(3, 2, 0.4375, preempted=5)


async def test_what_its_cache_holds_and_one_request_may_have_is_read(tmp_path):
    info = """\
# TYPE vllm:cache_config_info gauge
vllm:cache_config_info{block_size="128",engine="0",kv_cache_max_concurrency="22.75",\
kv_cache_memory_bytes="1073741824",kv_cache_size_tokens="46592"} 1.0
"""
    other = info.replace('"0"', '"1"').replace("22.75", "11.375").replace("46592", "23296")
    for said, held in ((info, 46592), (info + other.splitlines()[1], 23296)):
        async with server(tmp_path / "s", SAYS + said):
            assert await load(tmp_path / "s") == Load(3, 2, 0.4375, 5, held, context=2048)
    for unsaid in (info.replace('"46592"', '"None"'), info.replace("22.75", "0.0")):
        async with server(tmp_path / "s", SAYS + unsaid):
            assert await load(tmp_path / "s") == Load(3, 2, 0.4375, 5)


async def test_of_several_engines_the_requests_are_added_and_the_fullest_cache_counts(
    tmp_path,
):
    second = SAYS.replace('engine="0"', 'engine="1"').replace("0.4375", "0.9")
    rest = "".join(line + "\n" for line in second.splitlines() if not line.startswith("#"))
    async with server(tmp_path / "s", SAYS + rest):
        assert await load(tmp_path / "s") == Load(6, 4, 0.9, preempted=10)


async def test_an_engine_that_counts_no_preemptions_had_none(tmp_path):
    said = "".join(line + "\n" for line in SAYS.splitlines() if "preemptions" not in line)
    async with server(tmp_path / "s", said):
        assert await load(tmp_path / "s") == Load(3, 2, 0.4375)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (SAYS.replace("0.4375", "NaN"), "kv_cache_usage_perc"),
        (SAYS.replace("vllm:num_requests_waiting{", "vllm:queued{"), "num_requests_waiting"),
        (SAYS.replace("} 3.0", "} three"), "cannot be read"),
        ("", "num_requests_running"),
    ],
)
async def test_metrics_that_do_not_say_it_are_no_answer(tmp_path, said, words):
    async with server(tmp_path / "s", said):
        with pytest.raises(EngineFailed, match=words):
            await load(tmp_path / "s")


async def test_a_server_without_metrics_and_one_that_is_gone_say_nothing(tmp_path):
    async with server(tmp_path / "s", "", "404 Not Found"):
        with pytest.raises(EngineFailed, match="no metrics"):
            await load(tmp_path / "s")
    with pytest.raises(EngineFailed, match="does not say"):
        await load(tmp_path / "gone")

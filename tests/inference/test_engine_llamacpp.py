"""llama.cpp with real weights: every parameter has its effect, and nothing is listened to
but a Unix socket."""

from __future__ import annotations

import array
import asyncio
import base64
import contextlib
import json
import operator
import tempfile
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from compliance.vocabulary import Endpoint
from inference.engines import wire
from inference.engines.base import EngineFailed, EngineRefused
from inference.engines.llamacpp import LlamaCpp
from inference.engines.llamacpp_body import request
from inference.registry import CATALOGUE
from tests.services.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")
ENTRY = CATALOGUE["smollm2-135m-instruct"]
ASK = [{"role": "user", "content": "Tell me about the city of Paris."}]
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(scope="session")
def folder():
    with tempfile.TemporaryDirectory(prefix="dme-") as name:
        yield Path(name)


@contextlib.asynccontextmanager
async def running(folder, name, **options):
    given = {"context": 1024, "slots": 2, "threads": 1} | options
    engine = LlamaCpp(ENTRY.name, ENTRY.path, folder / name, **given)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine(folder):
    async with running(folder, "engine.sock", slots=4) as engine:
        yield engine


async def ask(engine, **body):
    """The chunks of an answer."""
    given = {"messages": ASK, "max_tokens": 12} | body
    return [json.loads(chunk) async for chunk in engine.stream(Endpoint.CHAT, given)]


def text(chunks, choice=0):
    return "".join(
        part["delta"].get("content") or ""
        for chunk in chunks
        for part in chunk["choices"]
        if part["index"] == choice
    )


def finish(chunks, choice=0):
    (reason,) = [
        part["finish_reason"]
        for chunk in chunks
        for part in chunk["choices"]
        if part["index"] == choice and part["finish_reason"]
    ]
    return reason


async def working(engine):
    """The slots that the engine itself says are working."""
    async with wire.request(engine.server.socket, "GET", "/slots") as response:
        return [slot for slot in json.loads(await response.body()) if slot["is_processing"]]


async def busy(engine):
    return len(await working(engine))


async def made_until_idle(engine):
    """How many tokens a slot has made at the most when nothing is asked for any more."""
    most = 0

    async def idle():
        nonlocal most
        slots = await working(engine)
        parts = [part["n_decoded"] for slot in slots for part in slot.get("next_token", ())]
        most = max([most, *parts])
        return not slots

    await until(idle, "the slots are free")
    return most


async def test_an_answer_is_chunks_in_openais_form_and_ends_with_its_usage(engine):
    chunks = await ask(engine)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert {chunk["model"] for chunk in chunks} == {ENTRY.name}
    assert set().union(*chunks) == {"id", "object", "created", "model", "choices", "usage"}
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [chunk for chunk in chunks if "usage" in chunk] == chunks[-1:]
    assert chunks[-1]["choices"] == []


async def test_usage_counts_exactly(engine):
    one = (await ask(engine, max_tokens=7))[-1]["usage"]
    assert one["completion_tokens"] == 7
    assert one["total_tokens"] == one["prompt_tokens"] + 7
    longer = [{"role": "user", "content": ASK[0]["content"] + " Paris"}]
    two = (await ask(engine, max_tokens=7, messages=longer))[-1]["usage"]
    assert two["prompt_tokens"] == one["prompt_tokens"] + 1


async def test_max_tokens_ends_an_answer_and_says_so(engine):
    chunks = await ask(engine, max_tokens=3)
    assert (finish(chunks), chunks[-1]["usage"]["completion_tokens"]) == ("length", 3)
    newer = await ask(engine, max_completion_tokens=2, max_tokens=9)
    assert newer[-1]["usage"]["completion_tokens"] == 2


async def test_the_same_seed_gives_the_same_text_and_another_does_not(engine):
    hot = {"temperature": 1.5, "max_tokens": 16}
    first = text(await ask(engine, seed=5, **hot))
    assert text(await ask(engine, seed=5, **hot)) == first
    assert text(await ask(engine, seed=6, **hot)) != first
    assert text(await ask(engine, seed=-1, **hot)) == text(await ask(engine, seed=-1, **hot))


async def test_temperature_zero_is_greedy_and_a_high_one_is_not(engine):
    greedy = {text(await ask(engine, temperature=0)) for _ in range(2)}
    hot = {text(await ask(engine, temperature=2, seed=seed)) for seed in range(2)}
    assert len(greedy) == 1
    assert len(hot) > 1


async def test_a_tiny_top_p_leaves_only_the_likeliest_word(engine):
    greedy = text(await ask(engine, temperature=0))
    narrow = {text(await ask(engine, temperature=2, top_p=0.0001, seed=s)) for s in range(2)}
    assert narrow == {greedy}


async def test_each_of_several_stops_ends_the_answer_and_is_not_part_of_it(engine):
    whole = text(await ask(engine, temperature=0, max_tokens=24))
    words = whole.split()
    early, late = words[2], words[4]
    for stop in ([early, "zzz"], ["zzz", early], [late, early], early):
        chunks = await ask(engine, temperature=0, max_tokens=24, stop=stop)
        assert text(chunks) == whole[: whole.index(early)]
        assert finish(chunks) == "stop"


async def test_several_choices_are_told_apart_and_all_their_tokens_are_counted(engine):
    chunks = await ask(engine, n=3, seed=1, temperature=1.5, max_tokens=5)
    texts = [text(chunks, choice) for choice in range(3)]
    assert len(set(texts)) > 1
    assert all(texts)
    assert [finish(chunks, choice) for choice in range(3)] == ["length"] * 3
    one = (await ask(engine, max_tokens=5))[-1]["usage"]
    usage = chunks[-1]["usage"]
    assert usage["completion_tokens"] == 15
    assert usage["prompt_tokens"] == one["prompt_tokens"]


async def test_logprobs_come_with_as_many_alternatives_as_asked_for(engine):
    def tokens(chunks):
        return [
            token
            for chunk in chunks
            for choice in chunk["choices"]
            for token in (choice.get("logprobs") or {}).get("content") or []
        ]

    for top in (0, 1, 3):
        chunks = await ask(engine, logprobs=True, top_logprobs=top, temperature=0, max_tokens=4)
        found = tokens(chunks)
        assert "".join(token["token"] for token in found) == text(chunks)
        assert len(found) == 4
        assert {len(token["top_logprobs"]) for token in found} == {top}
        assert all(
            set(token) == {"token", "bytes", "logprob", "top_logprobs"} for token in found
        )
        assert all(token["logprob"] <= 0 for token in found)
    assert tokens(await ask(engine, logprobs=False)) == []


async def test_a_json_schema_binds_the_answer(engine):
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Rome"]}, "old": {"type": "boolean"}},
        "required": ["city", "old"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema}}
    answer = json.loads(text(await ask(engine, response_format=form, max_tokens=60, seed=3)))
    assert set(answer) == {"city", "old"}
    assert answer["city"] in {"Paris", "Rome"}
    assert isinstance(answer["old"], bool)


async def test_json_object_makes_the_answer_an_object(engine):
    chunks = await ask(
        engine, response_format={"type": "json_object"}, max_tokens=30, temperature=0
    )
    assert text(chunks).lstrip().startswith("{")
    assert not text(await ask(engine, temperature=0)).lstrip().startswith("{")


@pytest.mark.parametrize("penalty", ["presence_penalty", "frequency_penalty"])
async def test_penalties_change_a_text_that_repeats_itself(engine, penalty):
    ask_again = [{"role": "user", "content": "Say the word dog again and again: dog dog dog"}]
    given = {"messages": ask_again, "temperature": 0, "max_tokens": 24}
    plain = text(await ask(engine, **given))
    assert text(await ask(engine, **given, **{penalty: 2.0})) != plain
    assert text(await ask(engine, **given, **{penalty: 0.0})) == plain


async def test_developer_messages_and_text_parts_are_read(engine):
    parts = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": part} for part in ("Hi", "you")]},
    ]
    plain = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi\nyou"}]
    one = await ask(engine, messages=parts, temperature=0)
    two = await ask(engine, messages=plain, temperature=0)
    assert (text(one), one[-1]["usage"]) == (text(two), two[-1]["usage"])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": [TOOL]}, "tools"),
        (
            {"messages": [*ASK, {"role": "tool", "tool_call_id": "x", "content": "y"}]},
            "messages",
        ),
        ({"messages": [{"role": "user", "content": "word " * 2000}]}, "messages"),
        ({"grammar": "root ::= [a-z]+"}, "grammar"),
        ({"cache_prompt": True}, "cache_prompt"),
        ({"logit_bias": {"1": 5}}, "logit_bias"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"schema": {"type": "no"}},
                }
            },
            "response_format",
        ),
    ],
)
async def test_what_the_engine_cannot_do_is_refused_with_the_parameters_name(
    engine, body, param
):
    with pytest.raises(EngineRefused) as refusal:
        await ask(engine, **body)
    assert refusal.value.param == param
    assert "word word" not in str(refusal.value)


async def test_who_the_caller_is_never_reaches_the_engine():
    body = {
        "messages": ASK,
        "user": "anna@example.org",
        "metadata": {"case": "7"},
        "store": False,
    }
    assert "anna" not in json.dumps(request(body, tools=False))


async def test_a_null_parameter_is_as_if_absent(engine):
    nulls = dict.fromkeys(("stop", "seed", "tools", "logprobs", "top_p", "n", "logit_bias"))
    chunks = await ask(engine, **nulls, temperature=0)
    assert text(chunks) == text(await ask(engine, temperature=0))


async def continued(engine, prompt, **body):
    """The chunks of continuations."""
    given = {"prompt": prompt, "max_tokens": 6, "temperature": 0} | body
    return [json.loads(chunk) async for chunk in engine.stream(Endpoint.COMPLETIONS, given)]


def written(chunks, index=0):
    parts = (choice for chunk in chunks for choice in chunk["choices"])
    return "".join(choice["text"] for choice in parts if choice["index"] == index)


async def test_a_completion_goes_on_where_the_prompt_ends(engine):
    chunks = await continued(engine, "1, 2, 3, 4, 5, 6,")
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}
    assert written(chunks).startswith(" 7, 8")
    assert {"text", "index", "logprobs", "finish_reason"} == {
        member for chunk in chunks for choice in chunk["choices"] for member in choice
    }
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 6


async def test_each_prompt_has_its_own_choices_and_its_tokens_count_once(engine):
    prompts = ["1, 2, 3, 4, 5, 6,", "Monday, Tuesday, Wednesday, Thursday,"]
    alone = [(await continued(engine, prompt))[-1]["usage"] for prompt in prompts]
    chunks = await continued(engine, prompts, n=2)
    texts = [written(chunks, index) for index in range(4)]
    assert texts[0] == texts[1] != texts[2] == texts[3]
    assert texts[0].startswith(" 7")
    assert texts[2].startswith(" Friday")
    usage = chunks[-1]["usage"]
    assert usage["prompt_tokens"] == sum(one["prompt_tokens"] for one in alone)
    assert usage["completion_tokens"] == 24
    assert usage["total_tokens"] == usage["prompt_tokens"] + 24


async def test_the_log_probabilities_of_a_completion_have_their_older_form(engine):
    for top in (0, 2):
        chunks = await continued(engine, "one two three", logprobs=top)
        told = [c["logprobs"] for chunk in chunks for c in chunk["choices"] if c["logprobs"]]
        tokens = [token for one in told for token in one["tokens"]]
        assert "".join(tokens) == written(chunks)
        assert [offset for one in told for offset in one["text_offset"]] == [
            sum(map(len, tokens[:count])) for count in range(len(tokens))
        ]
        assert {len(others) for one in told for others in one["top_logprobs"]} == {top}
        assert all(value <= 0 for one in told for value in one["token_logprobs"])
    assert (await continued(engine, "one"))[0]["choices"][0]["logprobs"] is None


async def test_a_prompt_that_is_too_long_is_refused_by_its_name(engine):
    with pytest.raises(EngineRefused) as refusal:
        await continued(engine, "word " * 2000)
    assert refusal.value.param == "prompt"


async def test_what_a_model_is_not_for_is_refused(engine):
    for endpoint, body in (
        (Endpoint.EMBEDDINGS, {"input": "one"}),
        (Endpoint.CHAT, {"messages": ASK, "model": f"{ENTRY.name}:law"}),
    ):
        with pytest.raises(EngineRefused) as refusal:
            _ = [chunk async for chunk in engine.stream(endpoint, body)]
        assert refusal.value.param == "model"


async def embedded(engine, *texts):
    """The answer, its vectors read."""
    body = {"input": list(texts)}
    (answer,) = [json.loads(part) async for part in engine.stream(Endpoint.EMBEDDINGS, body)]
    assert [one["index"] for one in answer["data"]] == list(range(len(texts)))
    return answer, [
        array.array("f", base64.b64decode(one["embedding"])) for one in answer["data"]
    ]


async def test_texts_become_vectors_and_like_texts_lie_near_each_other(folder):
    """SmolLM2 is no embedding model; the mean of what it makes of a text's tokens will do."""
    async with running(folder, "v.sock", embeds=True, pooling="mean") as engine:
        answer, (hund, dog, tax) = await embedded(
            engine, "A small dog barks.", "A little dog barks.", "Value-added tax, section 12."
        )
        assert {len(hund), len(dog), len(tax)} == {576}
        assert sum(map(operator.mul, hund, dog)) > sum(map(operator.mul, hund, tax))
        assert sum(value * value for value in dog) == pytest.approx(1, abs=1e-3)
        assert answer["usage"]["prompt_tokens"] == answer["usage"]["total_tokens"] > 10
        _, (alone,) = await embedded(engine, "A little dog barks.")
        assert sum(map(operator.mul, alone, dog)) == pytest.approx(1, abs=1e-2)
        with pytest.raises(EngineRefused) as refusal:
            await embedded(engine, "word " * 2000)
        assert refusal.value.param == "input"
        with pytest.raises(EngineRefused) as refusal:
            await ask(engine)
        assert refusal.value.param == "model"


async def test_closing_an_answer_frees_its_slot_at_once(engine):
    stream = engine.stream(Endpoint.CHAT, {"messages": ASK, "max_tokens": 1500, "n": 2})
    for _ in range(6):
        await anext(stream)
    assert await busy(engine) == 2
    await stream.aclose()
    assert await made_until_idle(engine) < 700, "it went on for a caller that was gone"


async def test_cancelling_a_request_whose_prompt_is_still_being_read_frees_its_slot(engine):
    prompt = [{"role": "user", "content": "word " * 600}]
    task = asyncio.create_task(ask(engine, messages=prompt, max_tokens=400))
    while not await busy(engine):
        assert not task.done()
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await made_until_idle(engine) < 300, "it went on for a caller that was gone"


async def test_more_requests_than_slots_are_all_answered_at_once(engine):
    answers = await asyncio.gather(*(ask(engine, seed=s, max_tokens=4) for s in range(9)))
    assert [answer[-1]["usage"]["completion_tokens"] for answer in answers] == [4] * 9


async def test_the_engine_opens_no_tcp_or_udp_port_and_its_socket_is_ours_alone(engine):
    child = psutil.Process(engine.server.pid)
    assert child.net_connections(kind="inet") == []
    assert engine.server.socket.stat().st_mode & 0o077 == 0
    assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)


async def test_a_tool_chosen_by_name_becomes_the_only_one_and_required():
    """What a model whose template has tools is asked; SmolLM2's has none."""
    other = {"type": "function", "function": {"name": "other", "parameters": {}}}
    named = {"type": "function", "function": {"name": "weather"}}
    body = {"messages": ASK, "tools": [other, TOOL], "tool_choice": named}
    asked = request(body, tools=True)
    assert (asked["tools"], asked["tool_choice"]) == ([TOOL], "required")
    assert request(body | {"tool_choice": "auto"}, tools=True)["tools"] == [other, TOOL]
    with pytest.raises(EngineRefused) as refusal:
        request(body | {"tool_choice": {"function": {"name": "nobody"}}}, tools=True)
    assert refusal.value.param == "tool_choice"


async def test_kill_9_of_the_engine_fails_its_streams_and_the_next_request_works(folder):
    async with running(folder, "k.sock") as engine:
        stream = engine.stream(Endpoint.CHAT, {"messages": ASK, "max_tokens": 900})
        await anext(stream)
        first = engine.server.pid
        psutil.Process(first).kill()
        with pytest.raises(EngineFailed, match="stopped before"):
            async for _ in stream:
                pass
        chunks = await ask(engine, max_tokens=3)
        assert finish(chunks) == "length"
        assert engine.healthy
        assert engine.server.starts == 2
        assert engine.server.pid != first
    assert not psutil.pid_exists(engine.server.pid or first)

"""A chat completion through the official client, over the real gateway, to a scripted node."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest

from tests.inference.api.laboratory import Laboratory, ask
from tests.inference.api.node import (
    MODEL,
    VECTORS,
    WEIGHTS,
    Attempt,
    Node,
    chunk,
    unlike,
)
from tests.services.waiting import PATIENCE, until


async def in_thread(call, *arguments, **named):
    return await asyncio.to_thread(call, *arguments, **named)


async def test_the_synchronous_client_gets_a_completion(lab: Laboratory, node: Node):
    with lab.client() as client:
        answer = await in_thread(client.chat.completions.create, **ask(unlike()))
    assert answer.choices[0].message.content == "Good day."
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (7, 3)
    assert answer.usage.total_tokens == 10
    assert (answer.model, answer.object) == (MODEL, "chat.completion")
    assert answer.system_fingerprint == f"fp_{WEIGHTS[:16]}"


async def test_the_asynchronous_client_gets_a_stream(lab: Laboratory, node: Node):
    async with lab.async_client() as client:
        stream = await client.chat.completions.create(**ask(unlike()), stream=True)
        chunks = [part async for part in stream]
    texts = [part.choices[0].delta.content for part in chunks if part.choices]
    assert [text for text in texts if text] == ["Good ", "day", "."]
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({part.id for part in chunks}) == 1
    assert {part.model for part in chunks} == {MODEL}
    assert all("timings" not in part.model_extra for part in chunks)


async def test_a_stream_counts_tokens_when_asked_to(lab: Laboratory, node: Node):
    async with lab.async_client() as client:
        stream = await client.chat.completions.create(
            **ask(unlike()), stream=True, stream_options={"include_usage": True}
        )
        chunks = [part async for part in stream]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == 10
    assert all(part.usage is None for part in chunks[:-1])


async def test_a_request_is_on_the_record_from_admission_to_its_receipt(
    lab: Laboratory, node: Node
):
    response = await in_thread(
        lab.post,
        ask("What colour is the sky on a clear day?", user="Anna"),
        headers=[("Domicile-Subject", "a@b.example"), ("Domicile-Subject", "patient 7")],
    )
    request = response.headers["domicile-request"]
    assert response.headers["x-request-id"] == request
    assert response.headers["domicile-decision"] == "allow"
    assert response.headers["domicile-site"] == "lab"
    assert response.json()["id"] == f"chatcmpl-{request}"
    admitted, completed = await in_thread(lab.story, request)
    assert (admitted.type, completed.type) == ("request.admitted", "request.completed")
    version = admitted.detail["policy"]["version"]
    assert response.headers["domicile-policy-version"] == str(version)
    assert len(admitted.detail["subjects"]) == 3
    assert "Anna" not in json.dumps(admitted.detail)
    receipt = completed.detail["receipt"]
    assert (receipt["request"], receipt["weights"]) == (request, WEIGHTS)
    assert (receipt["policy_digest"]) == admitted.detail["policy"]["digest"]
    assert completed.detail["signature"]


async def test_parameters_reach_the_engine_as_it_understands_them(lab: Laboratory, node: Node):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    body = {
        "model": MODEL,
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "two"}],
            },
            {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "annotations": [],
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "add", "arguments": '{"a": 1}'},
                    }
                ],
            },
            {"role": "tool", "content": "2", "tool_call_id": "call_1"},
        ],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_completion_tokens": 20,
        "stop": ["END"],
        "seed": 7,
        "n": 2,
        "logprobs": True,
        "top_logprobs": 3,
        "presence_penalty": 0.1,
        "frequency_penalty": -0.1,
        "tools": [{"type": "function", "function": {"name": "add", "parameters": schema}}],
        "tool_choice": {"type": "function", "function": {"name": "add"}},
        "parallel_tool_calls": False,
        # accepted, and not for the engine
        "user": "u-1",
        "safety_identifier": "s-1",
        "metadata": {"run": "7"},
        "prompt_cache_key": "k",
        "store": False,
        "service_tier": "auto",
        "logit_bias": {},
        "modalities": ["text"],
        "stream": False,
    }
    assert (await in_thread(lab.post, body)).status_code == 200
    given = node.attempts[0].ticket.body
    assert [message["role"] for message in given["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]
    assert given["messages"][1]["content"] == "One\ntwo"
    assert {name: given[name] for name in given if name not in ("messages", "tools")} == {
        "model": MODEL,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 20,
        "stop": ["END"],
        "seed": 7,
        "n": 2,
        "logprobs": True,
        "top_logprobs": 3,
        "presence_penalty": 0.1,
        "frequency_penalty": -0.1,
        "tool_choice": "required",
        "parallel_tool_calls": False,
    }


async def test_choices_are_told_apart(lab: Laboratory, node: Node):
    async def script(attempt: Attempt) -> None:
        attempt.text("one", index=1)
        attempt.text("nought", index=0)
        attempt.finish(index=0)
        attempt.finish("length", index=1)
        attempt.receipt()

    node.script = script
    with lab.client() as client:
        answer = await in_thread(client.chat.completions.create, **ask(unlike()), n=2)
    assert [c.message.content for c in answer.choices] == ["nought", "one"]
    assert [c.finish_reason for c in answer.choices] == ["stop", "length"]


async def test_tool_calls_are_gathered(lab: Laboratory, node: Node):
    async def script(attempt: Attempt) -> None:
        head = {"index": 0, "id": "call_1", "type": "function"}
        function = {"name": "add", "arguments": ""}
        attempt.chunks(
            chunk(role="assistant", content=None),
            chunk(tool_calls=[{**head, "function": function}]),
            chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a":'}}]),
            chunk(tool_calls=[{"index": 0, "function": {"arguments": "1}"}}]),
        )
        attempt.finish("tool_calls")
        attempt.receipt()

    node.script = script
    tools = [{"type": "function", "function": {"name": "add"}}]
    with lab.client() as client:
        answer = await in_thread(client.chat.completions.create, **ask(unlike()), tools=tools)
    (call,) = answer.choices[0].message.tool_calls
    assert answer.choices[0].message.content is None
    assert (call.id, call.function.name, call.function.arguments) == (
        "call_1",
        "add",
        '{"a":1}',
    )


async def test_logprobs_come_as_the_engine_wrote_them(lab: Laboratory, node: Node):
    entry = {"token": "Hi", "bytes": [72, 105], "logprob": -0.5, "top_logprobs": []}

    async def script(attempt: Attempt) -> None:
        part = json.loads(chunk(content="Hi"))
        part["choices"][0]["logprobs"] = {"content": [entry]}
        attempt.chunks(json.dumps(part).encode())
        attempt.finish()
        attempt.receipt()

    node.script = script
    with lab.client() as client:
        answer = await in_thread(client.chat.completions.create, **ask(unlike()), logprobs=True)
    assert [token.model_dump() for token in answer.choices[0].logprobs.content] == [entry]


async def test_what_the_engine_refuses_is_a_400_that_names_it(lab: Laboratory, node: Node):
    async def script(attempt: Attempt) -> None:
        attempt.fail("engine_refused", "the schema cannot be compiled", "response_format")

    node.script = script
    with lab.client() as client, pytest.raises(openai.BadRequestError) as raised:
        await in_thread(client.chat.completions.create, **ask(unlike()), stream=True)
    assert raised.value.param == "response_format"
    request = raised.value.response.headers["domicile-request"]
    *_, last = await in_thread(lab.story, request)
    assert (last.type, last.detail["reason"]) == ("request.failed", "engine_refused")


async def test_an_error_in_mid_stream_is_an_event_and_no_done(lab: Laboratory, node: Node):
    async def script(attempt: Attempt) -> None:
        attempt.text("Good ")
        await asyncio.sleep(0.05)
        attempt.fail("engine_failed", "the engine crashed")

    node.script = script
    response = await in_thread(lab.post, ask(unlike(), stream=True))
    assert response.status_code == 200
    events = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert events[-1] != "[DONE]"
    assert json.loads(events[-1])["error"]["code"] == "engine_failed"
    *_, last = await in_thread(lab.story, response.headers["domicile-request"])
    assert (last.type, last.detail["reason"]) == ("request.failed", "engine_failed")
    async with lab.async_client() as client:
        stream = await client.chat.completions.create(**ask(unlike()), stream=True)
        with pytest.raises(openai.APIError, match="crashed"):
            _ = [part async for part in stream]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_a_caller_that_goes_frees_the_engine(lab: Laboratory, node: Node, stream: bool):
    async def script(attempt: Attempt) -> None:
        attempt.text("Good ")
        await attempt.beats_until(attempt.cancelled)

    node.script = script
    async with lab.async_client() as client:
        create: Any = client.chat.completions.create
        call = asyncio.create_task(create(**ask(unlike()), stream=stream))
        if stream:
            async for part in await call:
                request = part.id.removeprefix("chatcmpl-")
                break
        else:
            await until(lambda: node.attempts, "the node is asked")
            request = node.attempts[0].ticket.request
            call.cancel()
        await call.result().close() if stream else None
    await asyncio.wait_for(node.attempts[0].cancelled.wait(), PATIENCE)
    *_, last = await in_thread(lab.story, request)
    assert (last.type, last.detail["reason"]) == ("request.cancelled", "caller_gone")


async def test_a_caller_that_reads_nothing_is_cancelled(lab: Laboratory, node: Node):
    """Its buffers fill, then the gateway's, which are bounded."""

    async def script(attempt: Attempt) -> None:
        for _ in range(400):
            if attempt.cancelled.is_set():
                return
            attempt.text("x" * 32_000)
            await asyncio.sleep(0.005)
        await attempt.cancelled.wait()

    node.script = script
    host, port = lab.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    body = json.dumps(ask(unlike(), stream=True)).encode()
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (lab.key.encode(), len(body), body)
    )
    await reader.readline()
    await asyncio.wait_for(node_cancelled(node), PATIENCE)
    writer.close()
    *_, last = await in_thread(lab.story, node.attempts[0].ticket.request)
    assert last.type == "request.cancelled"


async def node_cancelled(node: Node) -> None:
    await until(lambda: node.attempts, "the node is asked")
    await node.attempts[0].cancelled.wait()


async def test_models_are_listed_as_clients_expect(lab: Laboratory):
    def listed():
        with lab.client() as client:
            return [model.id for model in client.models.list()], client.models.retrieve(MODEL)

    names, model = await in_thread(listed)
    assert names == [MODEL, VECTORS]
    assert (model.id, model.object) == (MODEL, "model")
    with lab.client() as client, pytest.raises(openai.NotFoundError) as raised:
        await in_thread(client.models.retrieve, "nobody/nothing")
    assert raised.value.code == "model_not_found"


async def test_many_callers_at_once_each_get_their_own_answer(lab: Laboratory, node: Node):
    async def script(attempt: Attempt) -> None:
        for letter in attempt.said:
            attempt.text(letter)
            await asyncio.sleep(0)
        attempt.finish()
        attempt.receipt()

    node.script = script
    async with lab.async_client() as client:

        async def call(number: int) -> bool:
            text = f"The number is {number} and no more."
            answer = await client.chat.completions.create(**ask(text))
            return bool(answer.choices[0].message.content == text)

        assert all(await asyncio.gather(*(call(number) for number in range(24))))

"""What only the answer holds is masked or ends it, where the policy says so."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

import pytest

from tests.inference.api.laboratory import Laboratory, ask
from tests.inference.api.node import Attempt, Node, Script, chunk, unlike
from tests.inference.api.test_pseudonyms import TOKEN, letter

STREAMED = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


@pytest.fixture(scope="module")
def key(lab: Laboratory) -> str:
    """Of the application whose answers are looked at."""
    return lab.application(name="screened", content_days=1)


def says(*pieces: str) -> Script:
    async def script(attempt: Attempt) -> None:
        attempt.chunks(chunk(role="assistant", content=""))
        for piece in pieces:
            attempt.text(piece)
        attempt.finish()
        attempt.receipt()

    return script


def deltas(text: str) -> list[dict[str, Any]]:
    """Those of the first choice of a stream."""
    events = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert events.pop() == "[DONE]"
    return [json.loads(one)["choices"][0]["delta"] for one in events]


def said(text: str, *, stream: bool, member: str = "content") -> str:
    if stream:
        return "".join(delta.get(member) or "" for delta in deltas(text))
    return str(json.loads(text)["choices"][0]["message"][member])


def other() -> str:
    return f"bernd.{secrets.token_hex(4)}@example.net"


@STREAMED
async def test_another_s_address_is_masked_and_the_caller_s_own_is_not(
    lab: Laboratory, node: Node, key: str, stream: bool
):
    text, mine = letter()
    address = other()
    first, second = address[:9], address[9:]

    async def script(attempt: Attempt) -> None:
        (token,) = TOKEN.findall(attempt.said)
        await says(
            f"Not {token}, it is {first}",
            second,
            f" again. And {mine.upper()} too. ",
            "It ends",
        )(attempt)

    node.script = script
    response = await asyncio.to_thread(lab.post, ask(text, stream=stream), key=key)
    assert response.status_code == 200
    wanted = f"Not {mine}, it is [EMAIL_ADDRESS] again. And {mine.upper()} too. It ends"
    assert said(response.text, stream=stream) == wanted
    admitted, ended = await asyncio.to_thread(lab.story, response.headers["domicile-request"])
    assert admitted.detail["obligations"]["mask_answers"] == ["payment", "personal"]
    assert ended.type == "request.completed"
    assert ended.detail["answer_findings"] == {"EMAIL_ADDRESS": 1}
    assert address not in json.dumps(ended.detail)


async def test_a_stream_gives_a_chunk_for_each_and_a_sentence_as_soon_as_it_ends(
    lab: Laboratory, node: Node, key: str
):
    node.script = says("Good ", "day. ", "How ", "are ", "you?")
    response = await asyncio.to_thread(lab.post, ask(unlike(), stream=True), key=key)
    texts = [delta.get("content") for delta in deltas(response.text)]
    assert texts == ["", "", "Good day. ", "", "", "", "How are you?"]


@STREAMED
async def test_a_credential_ends_the_answer(
    lab: Laboratory, node: Node, key: str, stream: bool
):
    node.script = says("The first line.\n", "The key is AKIAQ3EGRX", "VTZH2B5KLM.\n", "More.")
    response = await asyncio.to_thread(lab.post, ask(unlike(), stream=stream), key=key)
    assert "AKIA" not in response.text
    assert "More." not in response.text
    if stream:
        last = response.text.strip().split("\n\n")[-1].removeprefix("data: ")
        error = json.loads(last)["error"]
    else:
        assert response.status_code == 403
        error = response.json()["error"]
    assert (error["code"], error["type"]) == ("output_blocked", "policy_violation")
    _, ended = await asyncio.to_thread(lab.story, response.headers["domicile-request"])
    assert (ended.type, ended.detail["reason"]) == ("request.failed", "output_blocked")
    assert sum(ended.detail["answer_findings"].values()) == 1


@STREAMED
async def test_the_arguments_of_a_tool_call_stay_json(
    lab: Laboratory, node: Node, key: str, stream: bool
):
    arguments = json.dumps({"to": other(), "card": 4111111111111111, "n": 3, "text": "ä\n"})

    async def script(attempt: Attempt) -> None:
        head = {"index": 0, "id": "c", "type": "function"}
        attempt.chunks(chunk(tool_calls=[{**head, "function": {"name": "send"}}]))
        for place in range(0, len(arguments), 7):
            piece = {"index": 0, "function": {"arguments": arguments[place : place + 7]}}
            attempt.chunks(chunk(tool_calls=[piece]))
        attempt.finish("tool_calls")
        attempt.receipt()

    node.script = script
    tools = [{"type": "function", "function": {"name": "send"}}]
    body = ask(unlike(), tools=tools, stream=stream)
    response = await asyncio.to_thread(lab.post, body, key=key)
    if stream:
        calls = [
            call for delta in deltas(response.text) for call in delta.get("tool_calls", ())
        ]
        given = "".join(call["function"].get("arguments") or "" for call in calls)
    else:
        (call,) = response.json()["choices"][0]["message"]["tool_calls"]
        given = call["function"]["arguments"]
    assert json.loads(given) == {
        "to": "[EMAIL_ADDRESS]",
        "card": "[CREDIT_CARD]",
        "n": 3,
        "text": "ä\n",
    }


@STREAMED
async def test_reasoning_is_looked_at_too_and_stays_before_the_answer(
    lab: Laboratory, node: Node, key: str, stream: bool
):
    async def script(attempt: Attempt) -> None:
        attempt.chunks(chunk(reasoning_content=f"It is {other()}"))
        attempt.text("I know it", ".")
        attempt.finish()
        attempt.receipt()

    node.script = script
    body = ask(unlike(), stream=stream, logprobs=True)
    response = await asyncio.to_thread(lab.post, body, key=key)
    reasoning = said(response.text, stream=stream, member="reasoning_content")
    assert reasoning == "It is [EMAIL_ADDRESS]"
    assert said(response.text, stream=stream) == "I know it."
    if stream:
        kinds = [name for delta in deltas(response.text) for name in delta if delta[name]]
        assert kinds == ["reasoning_content", "content"]


async def test_what_is_kept_of_an_answer_is_what_its_caller_got(
    lab: Laboratory, node: Node, key: str
):
    """Completions are looked at as chats are."""
    address = other()

    async def script(attempt: Attempt) -> None:
        choice = {"index": 0, "text": f"Ask {address}.", "finish_reason": "stop"}
        attempt.chunks(json.dumps({"choices": [choice]}).encode())
        attempt.receipt()

    node.script = script
    body = {"model": "scripted", "prompt": unlike()}
    response = await asyncio.to_thread(lab.post, body, key=key, path="/v1/completions")
    assert response.json()["choices"][0]["text"] == "Ask [EMAIL_ADDRESS]."


async def test_other_applications_get_what_the_model_said_as_it_said_it(
    lab: Laboratory, node: Node
):
    address = other()
    node.script = says(f"Ask {address}", ".")
    response = await asyncio.to_thread(lab.post, ask(unlike(), stream=True))
    assert [d.get("content") for d in deltas(response.text)] == [
        "",
        f"Ask {address}",
        ".",
        None,
    ]

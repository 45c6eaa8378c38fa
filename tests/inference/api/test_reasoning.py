"""What a model writes before its answer: apart from it, restored like it, and withheld."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.inference.api.laboratory import Laboratory, ask
from tests.inference.api.node import MODEL, Attempt, Node, chunk, unlike
from tests.inference.api.test_pseudonyms import TOKEN, letter

LIKELY = {"content": [{"token": "Hm", "logprob": -0.5, "bytes": [72, 109], "top_logprobs": []}]}


def with_logprobs(part: bytes) -> bytes:
    written = json.loads(part)
    written["choices"][0]["logprobs"] = LIKELY
    return json.dumps(written).encode()


async def thinks(attempt: Attempt) -> None:
    token = (TOKEN.findall(attempt.said) or ["nobody"])[0]
    attempt.chunks(chunk(role="assistant", content=""))
    attempt.chunks(with_logprobs(chunk(reasoning_content=f"Is {token[:5]}")))
    attempt.chunks(chunk(reasoning_content=f"{token[5:]} it?", content=None))
    attempt.chunks(with_logprobs(chunk(reasoning_content="Yes.", content="It is ")))
    attempt.text(token, ".")
    attempt.finish()
    attempt.receipt()


@pytest.fixture(scope="module")
def quiet(lab: Laboratory) -> str:
    """The key of an application that gets no reasoning."""
    return lab.application(name="quiet", content_days=1)


async def test_reasoning_comes_apart_from_the_answer_and_restored(lab: Laboratory, node: Node):
    node.script = thinks
    text, address = letter()
    response = await asyncio.to_thread(lab.post, ask(text, logprobs=True))
    (choice,) = response.json()["choices"]
    assert choice["message"]["reasoning_content"] == f"Is {address} it?Yes."
    assert choice["message"]["content"] == f"It is {address}."
    assert choice["logprobs"]["content"] == LIKELY["content"] * 2
    async with lab.async_client() as client:
        stream = await client.chat.completions.create(**ask(text), stream=True)
        deltas = [part.choices[0].delta async for part in stream]
    reasoning = [getattr(delta, "reasoning_content", None) or "" for delta in deltas]
    assert "".join(reasoning) == f"Is {address} it?Yes."
    assert "".join(delta.content or "" for delta in deltas) == f"It is {address}."


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_where_the_policy_says_so_no_reasoning_leaves_nor_what_repeats_it(
    lab: Laboratory, node: Node, quiet: str, stream: bool
):
    node.script = thinks
    body = ask(unlike(), logprobs=True, stream=stream)
    response = await asyncio.to_thread(lab.post, body, key=quiet)
    assert response.status_code == 200
    for secret in ("reasoning", "Is nobo", "Yes.", "Hm"):
        assert secret not in response.text
    assert "nobody" in response.text
    if stream:
        events = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
        deltas = [json.loads(one)["choices"][0]["delta"] for one in events[:-1]]
        assert [delta.get("content") for delta in deltas] == ["", "It is ", "nobody", ".", None]
    admitted, ended = await asyncio.to_thread(lab.story, response.headers["domicile-request"])
    assert admitted.detail["obligations"] == {"withhold_reasoning": True}
    assert ended.type == "request.completed"


async def test_reasoning_that_a_client_sends_back_is_not_read_again(
    lab: Laboratory, node: Node
):
    history = [
        {"role": "user", "content": unlike()},
        {"role": "assistant", "content": "So.", "reasoning_content": "AKIAQ3EGRXVTZH2B5KLM"},
        {"role": "user", "content": unlike()},
    ]
    response = await asyncio.to_thread(lab.post, ask("") | {"messages": history})
    assert response.status_code == 200
    assert "AKIA" not in json.dumps(node.attempts[0].ticket.body)


async def test_where_it_cannot_be_told_apart_nothing_is_answered(
    lab: Laboratory, node: Node, quiet: str
):
    """After a prompt, engines give reasoning as a part of the text."""
    body, path = {"model": MODEL, "prompt": unlike(), "logprobs": 1}, "/v1/completions"
    response = await asyncio.to_thread(lab.post, body, key=quiet, path=path)
    assert response.status_code == 403
    error = response.json()["error"]
    assert error["code"].endswith("_blocked")
    assert "told apart" in error["message"]
    assert not node.attempts

"""POST /v1/completions: the official client, the real gateway, a scripted node."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest

from tests.inference.api.laboratory import Laboratory
from tests.inference.api.node import MODEL, VECTORS, Attempt, Node, unlike
from tests.inference.api.test_pseudonyms import TOKEN, letter

PATH = "/v1/completions"


def piece(text: str, index: int = 0, finish: str | None = None, **more: Any) -> bytes:
    """A chunk as engines write it."""
    choice = {"index": index, "text": text, "finish_reason": finish, **more}
    return json.dumps({"object": "text_completion", "choices": [choice]}).encode()


async def goes_on(attempt: Attempt) -> None:
    attempt.chunks(piece("and "), piece("so "))
    attempt.chunks(piece("on."), piece("", finish="stop"))
    attempt.receipt()


def call(lab: Laboratory, **body: Any) -> Any:
    with lab.client() as client:
        return client.completions.create(**{"model": MODEL, "prompt": unlike()} | body)


async def test_the_official_client_gets_a_completion(lab: Laboratory, node: Node):
    node.script = goes_on
    answer = await asyncio.to_thread(call, lab, prompt=(prompt := unlike()))
    (choice,) = answer.choices
    assert (choice.text, choice.finish_reason) == ("and so on.", "stop")
    assert (answer.object, answer.model) == ("text_completion", MODEL)
    assert answer.id.startswith("cmpl-")
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (7, 3, 10)
    ticket = node.attempts[0].ticket
    assert ticket.endpoint == "completions"
    assert ticket.body == {
        "model": MODEL,
        "prompt": prompt,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 16,  # OpenAI's default
    }
    admitted, ended = await asyncio.to_thread(
        lab.story, answer.id.removeprefix("cmpl-"), ends=True
    )
    assert (admitted.detail["endpoint"], ended.type) == ("completions", "request.completed")


async def test_a_node_tells_applications_apart_and_learns_who_may_wait(
    lab: Laboratory, node: Node
):
    """Turns at a node are fair among applications, which it does not know."""
    node.script = goes_on
    other = await asyncio.to_thread(lab.application)
    for key, tier in ((None, None), (None, "flex"), (other, "auto")):
        body = {"model": MODEL, "prompt": unlike(), "service_tier": tier}
        response = await asyncio.to_thread(lab.post, body, path=PATH, key=key)
        assert response.status_code == 200
    first, second, third = (attempt.ticket for attempt in node.attempts)
    assert first.share == second.share != third.share
    assert {len(ticket.share) for ticket in (first, third)} == {16}
    assert [ticket.batch for ticket in (first, second, third)] == [False, True, False]


async def test_it_streams_and_counts_tokens_at_its_end(lab: Laboratory, node: Node):
    node.script = goes_on
    async with lab.async_client() as client:
        stream = await client.completions.create(
            model=MODEL, prompt=unlike(), stream=True, stream_options={"include_usage": True}
        )
        chunks = [part async for part in stream]
    *parts, last = chunks
    assert [part.choices[0].text for part in parts] == ["and ", "so ", "on.", ""]
    assert parts[-1].choices[0].finish_reason == "stop"
    assert last.usage is not None
    assert (last.choices, last.usage.total_tokens) == ([], 10)


async def test_pseudonyms_of_prompts_are_put_back_where_they_are_split(
    lab: Laboratory, node: Node
):
    text, address = letter()

    async def script(attempt: Attempt) -> None:
        _, prompt = attempt.ticket.body["prompt"]
        (token,) = TOKEN.findall(prompt)
        for part in (token[:4], token[4:], " it is"):
            attempt.chunks(piece(part, index=1))
        attempt.chunks(piece("", index=1, finish="stop"), piece(token, index=0, finish="stop"))
        attempt.receipt()

    node.script = script
    answer = await asyncio.to_thread(call, lab, prompt=[unlike(), text])
    assert address not in json.dumps(node.attempts[0].ticket.body)
    assert [choice.text for choice in answer.choices] == [address, f"{address} it is"]


async def test_parameters_reach_the_engine_and_log_probabilities_the_caller(
    lab: Laboratory, node: Node
):
    told = {"tokens": ["a"], "token_logprobs": [-0.5], "top_logprobs": [{}], "text_offset": [0]}

    async def script(attempt: Attempt) -> None:
        attempt.chunks(piece("a", logprobs=told))
        attempt.chunks(piece("a", logprobs=told | {"text_offset": [1]}, finish="length"))
        attempt.receipt()

    node.script = script
    given: dict[str, Any] = {
        "temperature": 0.5, "top_p": 0.9, "max_tokens": 20, "stop": ["END"], "seed": 7, "n": 2,
        "logprobs": 3, "presence_penalty": 0.1, "frequency_penalty": -0.1,
    }  # fmt: skip
    neutral: dict[str, Any] = {
        "echo": False, "best_of": 1, "suffix": None, "logit_bias": {}, "user": "u-1",
    }  # fmt: skip
    answer = await asyncio.to_thread(call, lab, **given, **neutral)
    body = node.attempts[0].ticket.body
    assert {name: body[name] for name in given} == given
    assert not set(neutral) & set(body)
    found = answer.choices[0].logprobs
    assert (found.tokens, found.text_offset) == (["a", "a"], [0, 1])


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"prompt": [1, 2, 3]}, "prompt[0]", "unsupported_value"),
        ({"prompt": [[1, 2], [3]]}, "prompt[0]", "unsupported_value"),
        ({"prompt": 7}, "prompt", "unsupported_value"),
        ({"prompt": ""}, "prompt", "invalid_request_error"),
        ({"prompt": []}, "prompt", "invalid_request_error"),
        ({"prompt": ["a"] * 9, "n": 2}, "n", "invalid_request_error"),
        ({"echo": True}, "echo", "unsupported_value"),
        ({"suffix": "end"}, "suffix", "unsupported_value"),
        ({"best_of": 2}, "best_of", "unsupported_value"),
        ({"logprobs": 6}, "logprobs", "invalid_request_error"),
        ({"messages": []}, "messages", "unknown_parameter"),
        ({"max_tokens": 4096}, "max_tokens", "invalid_request_error"),
        (
            {"stream_options": {"include_usage": True}},
            "stream_options",
            "invalid_request_error",
        ),
        ({"model": VECTORS}, "model", "unsupported_model"),
        ({"model": "nobody"}, "model", "model_not_found"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_its_name(
    lab: Laboratory, body: dict[str, Any], param: str, code: str
):
    response = lab.post({"model": MODEL, "prompt": "x"} | body, path=PATH)
    error = response.json()["error"]
    assert (error["param"], error["code"]) == (param, code)
    assert response.status_code == (404 if code == "model_not_found" else 400)


def test_a_missing_prompt_and_a_blocked_one_are_told_as_in_chat(lab: Laboratory):
    with lab.client() as client:
        with pytest.raises(openai.BadRequestError) as missing:
            client.post("/completions", body={"model": MODEL}, cast_to=object)
        assert missing.value.code == "missing_required_parameter"
        with pytest.raises(openai.PermissionDeniedError) as blocked:
            client.completions.create(model=MODEL, prompt="key AKIAQ3EGRXVTZH2B5KLM, please")
        assert blocked.value.code == "personal_data_blocked"

"""Personal data is hidden from the node and restored for the caller, chunk for chunk."""

from __future__ import annotations

import asyncio
import json
import re
import secrets

import pytest

from tests.inference.api.laboratory import Laboratory, ask
from tests.inference.api.node import Attempt, Node, chunk

TOKEN = re.compile(r"\[[A-Z_]+_[0-9]+\]")


def letter() -> tuple[str, str]:
    """A text with an e-mail address that nobody has seen before."""
    address = f"anna.{secrets.token_hex(4)}@example.org"
    return f"Please write to {address} about the invoice.", address


async def test_a_pseudonym_split_over_chunks_is_restored_chunk_for_chunk(
    lab: Laboratory, node: Node
):
    text, address = letter()
    pieces = 0

    async def script(attempt: Attempt) -> None:
        nonlocal pieces
        (token,) = TOKEN.findall(attempt.said)
        parts = ["I wrote to ", *token, " and to ", token[:3], token[3:], ".", " [EMAIL"]
        pieces = len(parts)
        for part in parts:
            attempt.text(part)
            await asyncio.sleep(0.012)  # more than the relay gathers: a frame each
        attempt.finish()
        attempt.receipt()

    node.script = script
    async with lab.async_client() as client:
        stream = await client.chat.completions.create(**ask(text), stream=True)
        chunks = [part async for part in stream]
    assert address not in json.dumps(node.attempts[0].ticket.body)
    content = [part.choices[0].delta.content for part in chunks]
    assert "".join(filter(None, content)) == f"I wrote to {address} and to {address}. [EMAIL"
    assert len(chunks) == pieces + 1, "as many chunks out as came in"
    assert [part.choices[0].finish_reason for part in chunks] == [None] * pieces + ["stop"]


async def test_each_choice_is_restored_by_itself(lab: Laboratory, node: Node):
    text, address = letter()

    async def script(attempt: Attempt) -> None:
        (token,) = TOKEN.findall(attempt.said)
        for character in token:
            attempt.text(character, index=0)
            attempt.text(character.lower(), index=1)
        attempt.finish(index=0)
        attempt.finish(index=1)
        attempt.receipt()

    node.script = script
    response = await asyncio.to_thread(lab.post, ask(text, n=2))
    first, second = (c["message"]["content"] for c in response.json()["choices"])
    assert first == address
    assert TOKEN.fullmatch(second.upper())


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_the_arguments_of_a_tool_call_stay_valid_json(
    lab: Laboratory, node: Node, stream: bool
):
    address = f"anna.{secrets.token_hex(4)}@example.org"
    text = f"Send the invoice to {address} now."

    async def script(attempt: Attempt) -> None:
        (token,) = TOKEN.findall(attempt.said)
        head = {"index": 0, "id": "c", "type": "function"}
        attempt.chunks(chunk(tool_calls=[{**head, "function": {"name": "send"}}]))
        for part in ('{"to":"', token[:4], token[4:], '"}'):
            attempt.chunks(chunk(tool_calls=[{"index": 0, "function": {"arguments": part}}]))
        attempt.finish("tool_calls")
        attempt.receipt()

    node.script = script
    tools = [{"type": "function", "function": {"name": "send"}}]
    response = await asyncio.to_thread(lab.post, ask(text, tools=tools, stream=stream))
    if stream:
        events = [
            json.loads(line.removeprefix("data: "))
            for line in response.text.split("\n\n")
            if line.startswith("data: {")
        ]
        calls = [c for e in events for c in e["choices"][0]["delta"].get("tool_calls", [])]
        assert len(calls) == 5
        arguments = "".join(call["function"].get("arguments", "") for call in calls)
    else:
        (call,) = response.json()["choices"][0]["message"]["tool_calls"]
        arguments = call["function"]["arguments"]
    assert json.loads(arguments) == {"to": address}


async def test_log_probabilities_keep_the_pseudonym(lab: Laboratory, node: Node):
    """They describe what the model wrote; nothing in them is the caller's data."""
    text, address = letter()

    async def script(attempt: Attempt) -> None:
        (token,) = TOKEN.findall(attempt.said)
        part = json.loads(chunk(content=token))
        part["choices"][0]["logprobs"] = {"content": [{"token": token, "logprob": -1.0}]}
        attempt.chunks(json.dumps(part).encode())
        attempt.finish()
        attempt.receipt()

    node.script = script
    response = await asyncio.to_thread(lab.post, ask(text, logprobs=True))
    (choice,) = response.json()["choices"]
    assert choice["message"]["content"] == address
    assert TOKEN.fullmatch(choice["logprobs"]["content"][0]["token"])


@pytest.fixture(scope="module")
def letters(lab: Laboratory) -> str:
    """Key of the application for which names stand for names."""
    return lab.application(name="letters")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_another_name_stands_for_a_name_where_the_policy_says_so(
    lab: Laboratory, node: Node, letters: str, stream: bool
):
    address = f"anna.{secrets.token_hex(4)}@klinik.eu"
    text = f"Bitte schreiben Sie einen Brief an Anna Weber ({address}) wegen der Rechnung."
    sent = re.compile(r"einen Brief an (\w+) (\w+) \((\S+@example\.\w+)\) wegen")

    async def script(attempt: Attempt) -> None:
        found = sent.search(attempt.said)
        assert found is not None, attempt.said
        given, family, other = found.groups()
        for character in f"Frau {given} {family}, {family}s Konto, {other}, {family}x":
            attempt.text(character)
        attempt.finish()
        attempt.receipt()

    node.script = script
    response = await asyncio.to_thread(lab.post, ask(text, stream=stream), key=letters)
    told = json.dumps(node.attempts[0].ticket.body)
    family = sent.search(node.attempts[0].said)
    assert family is not None
    assert not {"Anna", "Weber", address} & set(re.split(r"[^\w@.]+", told))
    whole = f"Frau Anna Weber, Weber Konto, {address}, {family[2]}x"
    if stream:
        events = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
        deltas = [json.loads(one)["choices"][0]["delta"] for one in events[:-1]]
        assert "".join(delta.get("content") or "" for delta in deltas) == whole
    else:
        assert response.json()["choices"][0]["message"]["content"] == whole
    request = response.headers["domicile-request"]
    admitted = (await asyncio.to_thread(lab.events, request=request))[0]
    assert admitted.detail["obligations"] == {"realistic_pseudonyms": True}


async def test_a_credential_blocks_the_request_and_says_why(lab: Laboratory, node: Node):
    key = "AKIA" + "Q3EGRXVTZH2B5KLM"
    response = await asyncio.to_thread(lab.post, ask(f"Use the key {key} to sign in."))
    error = response.json()["error"]
    assert response.status_code == 403
    assert (error["code"], error["type"]) == ("personal_data_blocked", "policy_violation")
    assert key not in response.text
    assert response.headers["domicile-decision"] == "block"
    request = response.headers["domicile-request"]
    (blocked,) = await asyncio.to_thread(lab.events, request=request)
    assert blocked.type == "request.blocked"
    assert "credentials" in blocked.detail["rules"]
    assert node.attempts == []

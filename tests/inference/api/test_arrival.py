"""How a body comes, over HTTP: a long one is read like any other, a halting one is given up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from inference.api.endpoints import LONG
from tests.inference.api.hasty import SECONDS
from tests.inference.api.laboratory import Gateway, Laboratory, ask
from tests.inference.api.node import Attempt, Node
from tests.inference.api.test_pseudonyms import TOKEN, letter
from tests.services.waiting import PATIENCE

JSON = {"Content-Type": "application/json"}


def long(content: bytes) -> bytes:
    """The same value in more than `LONG` bytes: JSON allows blanks between its parts."""
    assert content.startswith(b"{")
    return b"{" + b" " * LONG + content[1:]


async def post(lab: Laboratory, content: bytes) -> httpx.Response:
    return await asyncio.to_thread(lab.post, content=content, headers=JSON)


async def repeats(attempt: Attempt) -> None:
    attempt.text("You wrote: ", attempt.said)
    attempt.finish()
    attempt.receipt()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_long_body_is_treated_and_answered_as_the_same_value_in_a_short_one(
    lab: Laboratory, node: Node, stream: bool
):
    node.script = repeats
    text, address = letter()
    content = json.dumps(ask(text, stream=stream, user=address, seed=7)).encode()
    short, lengthy = await post(lab, content), await post(lab, long(content))
    assert [short.status_code, lengthy.status_code] == [200, 200]
    first, second = node.attempts
    assert first.ticket.body == second.ticket.body
    assert address not in json.dumps(second.ticket.body)
    assert TOKEN.search(second.said)
    assert words(lengthy) == words(short) == f"You wrote: {text}"
    for response in (short, lengthy):
        assert response.headers["domicile-decision"] == "pseudonymise"


def words(response: httpx.Response) -> str:
    """What was answered, streamed or not."""
    if response.headers["content-type"] == "application/json":
        return str(response.json()["choices"][0]["message"]["content"])
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n")]
    chunks = [json.loads(line) for line in lines if line.startswith("{")]
    return "".join(
        choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]
    )


async def test_personal_data_anywhere_in_a_long_text_is_hidden_and_comes_back(
    lab: Laboratory, node: Node
):
    node.script = repeats
    addresses = [f"anna.{secrets.token_hex(4)}@example.org" for _ in range(3)]
    filler = "and so on " * (LONG // 20)
    text = f"{addresses[0]} {filler}{addresses[1]} {filler}{addresses[2]}"
    content = json.dumps(ask(text)).encode()
    assert len(content) > LONG
    response = await post(lab, content)
    assert response.status_code == 200, response.text[:300]
    (attempt,) = node.attempts
    assert "example.org" not in attempt.said
    assert len(set(TOKEN.findall(attempt.said))) == 3
    assert words(response) == f"You wrote: {text}"


async def test_a_secret_in_a_long_body_is_blocked(lab: Laboratory, node: Node):
    key = (
        f"AKIA{''.join(secrets.choice('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567') for _ in range(16))}"
    )
    content = json.dumps(ask(f"Sign in with {key} and go on.")).encode()
    short, lengthy = await post(lab, content), await post(lab, long(content))
    assert short.status_code == 403
    assert (lengthy.status_code, lengthy.json()) == (short.status_code, short.json())
    assert node.attempts == []


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ask("x", mood="good")).encode(),
        json.dumps(ask("x", model="none")).encode(),
        json.dumps(ask("a \0 b")).encode(),
        b'{"messages": [{"content": "\\ud800"}]}',
        b'{"messages": ' + b"[" * 70 + b"]" * 70 + b"}",
        b'{"model": 1',
    ],
    ids=["unknown", "model", "NUL", "surrogate", "deep", "cut"],
)
def test_a_long_body_is_refused_in_the_same_words_as_a_short_one(
    lab: Laboratory, content: bytes
):
    short = lab.post(content=content, headers=JSON)
    lengthy = lab.post(content=long(content), headers=JSON)
    assert short.status_code in (400, 404)
    assert lengthy.status_code == short.status_code
    told = short.json()["error"]
    if "at character" in told["message"]:  # which is another one
        assert "not valid JSON" in lengthy.json()["error"]["message"]
    else:
        assert lengthy.json()["error"] == told


# --- A body that stops


@pytest.fixture(scope="module")
def hasty(lab: Laboratory) -> Iterator[Gateway]:
    gateway = lab.gateway("web-8", "-m", "tests.inference.api.hasty")
    yield gateway
    gateway.stop(signal.SIGKILL)
    lab.gateways.remove(gateway)


def head(lab: Laboratory, *more: str) -> bytes:
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {lab.key}",
        "Content-Type: application/json",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def answer(connection: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of the response."""
    with connection.makefile("rb") as reader:
        status = int(reader.readline().split()[1])
        headers: dict[str, str] = {}
        while line := reader.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, json.loads(reader.read(int(headers["content-length"])))


HALTING = {
    "after its head": (("Content-Length: 400",), b""),
    "in the middle": (("Content-Length: 400",), b'{"model": '),
    "above 64 kB": (("Content-Length: 100000",), b"{" + b" " * 80_000),
    "between chunks": (("Transfer-Encoding: chunked",), b"5\r\n{    \r\n"),
}


@pytest.mark.parametrize("where", HALTING)
def test_a_body_that_stops_coming_is_given_up_in_openai_s_shape(
    lab: Laboratory, hasty: Gateway, where: str
):
    lines, begun = HALTING[where]
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=PATIENCE) as connection:
        sent = time.monotonic()
        connection.sendall(head(lab, *lines) + begun)
        status, headers, told = answer(connection)
        assert time.monotonic() - sent > SECONDS - 0.1
        assert status == 408
        assert headers["connection"] == "close"
        assert headers["content-type"] == "application/json"
        assert headers["domicile-request"]
        assert told == {
            "error": {
                "message": f"The request's body did not arrive within {SECONDS:g} s; "
                "send it in one go.",
                "type": "invalid_request_error",
                "param": None,
                "code": "request_timeout",
            }
        }
        assert connection.recv(1) == b"", "the connection ends"


def test_a_body_that_trickles_is_given_up_just_so(lab: Laboratory, hasty: Gateway):
    """The deadline is for the whole body: a byte now and then does not move it."""
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=PATIENCE) as connection:
        sent = time.monotonic()
        connection.sendall(head(lab, "Content-Length: 400"))
        connection.settimeout(0.1)
        while time.monotonic() - sent < PATIENCE:
            connection.sendall(b" ")
            with contextlib.suppress(TimeoutError):
                if connection.recv(1, socket.MSG_PEEK):
                    break
        connection.settimeout(PATIENCE)
        assert answer(connection)[0] == 408
        assert SECONDS - 0.1 < time.monotonic() - sent < PATIENCE


async def test_a_process_that_gave_bodies_up_still_answers_and_has_counted_them(
    lab: Laboratory, node: Node, hasty: Gateway
):
    """Keep it last: it ends the process, which then writes its counts."""
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=PATIENCE) as connection:
        connection.sendall(head(lab, "Content-Length: 400"))
        assert (await asyncio.to_thread(answer, connection))[0] == 408
    response = await asyncio.to_thread(lab.post, ask("Good day."), url=hasty.url)
    assert response.status_code == 200
    await asyncio.to_thread(hasty.stop)
    counted = lab.events(source=hasty.source, type="rejections")
    assert {(event.detail["api_key"], event.detail["reason"]) for event in counted} == {
        (lab.key[4:16], "request_timeout")
    }

"""What an exchange does when its caller leaves, or stays and takes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from inference.api import http
from inference.api.body import CallerGone
from inference.api.http import Exchange, Message, Receive
from tests.services.waiting import PATIENCE


async def never() -> Message:
    """A caller that says nothing."""
    await asyncio.Event().wait()
    raise AssertionError


async def left() -> Message:
    """A caller that closed the connection."""
    return {"type": "http.disconnect"}


def request_of(content: bytes) -> Receive:
    """A caller that sends a body, and says nothing more."""
    messages = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else await never()

    return receive


async def taken(_message: Message) -> None:
    """A caller that takes what it gets."""


async def stuck(message: Message) -> None:
    """A caller that takes the head and nothing after it."""
    if message["type"] == "http.response.body":
        await asyncio.Event().wait()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody waits for seconds."""
    monkeypatch.setattr(http, "SEND_TIMEOUT", 0.1)
    monkeypatch.setattr(http, "LOOK", 0.02)


@pytest.mark.usefixtures("hasty")
async def test_a_caller_that_takes_nothing_more_ends_its_stream():
    exchange = Exchange({"headers": []}, never, stuck, "r")

    async def stream() -> None:
        async with exchange.while_caller_waits():
            await exchange.begin_stream()
            await exchange.write(b"chunk")

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(CallerGone, match="too slowly"):
            await stream()


@pytest.mark.usefixtures("hasty")
async def test_a_caller_that_takes_nothing_of_an_error_is_given_up_too():
    exchange = Exchange({"headers": []}, never, stuck, "r")
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(CallerGone, match="too slowly"):
            await exchange.end(b"{}")


@pytest.mark.usefixtures("hasty")
async def test_an_engine_that_thinks_for_long_is_not_a_slow_caller():
    exchange = Exchange({"headers": []}, never, taken, "r")
    async with exchange.while_caller_waits():
        await exchange.begin_stream()
        await exchange.write(b"chunk")
        await asyncio.sleep(0.3)
        await exchange.end(b"rest")


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("lazily", [False, True], ids=["whole", "in parts"])
async def test_of_a_long_answer_no_more_is_handed_over_than_the_caller_takes(lazily: bool):
    handed: list[int] = []
    made: list[int] = []

    async def slowly(message: Message) -> None:
        if message["type"] == "http.response.body":
            handed.append(len(message["body"]))
            if len(handed) == 2:
                await asyncio.Event().wait()

    def parts() -> Iterator[bytes]:
        for number in range(100):
            made.append(number)
            yield b"x" * http.PIECE

    async def answer() -> None:
        async with exchange.while_caller_waits():
            if lazily:
                await exchange.json_in_parts(parts())
            else:
                await exchange.json(200, b"x" * (100 * http.PIECE))

    exchange = Exchange({"headers": []}, request_of(b"{}"), slowly, "r")
    await exchange.body()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(CallerGone, match="too slowly"):
            await answer()
    assert handed == [http.PIECE] * 2
    assert len(made) == (2 if lazily else 0)


async def test_a_caller_that_leaves_ends_the_block():
    exchange = Exchange({"headers": []}, left, taken, "r")
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(CallerGone, match="closed the connection"):
            async with exchange.while_caller_waits():
                await asyncio.Event().wait()


async def test_a_block_that_was_cancelled_by_somebody_else_stays_cancelled():
    exchange = Exchange({"headers": []}, never, taken, "r")

    async def answer() -> None:
        async with exchange.while_caller_waits():
            await asyncio.Event().wait()

    task = asyncio.create_task(answer())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

"""Tickets leave at once, in as few messages as possible, and a broker that is away is told."""

from __future__ import annotations

import asyncio
import threading

from inference.publisher import MESSAGE_BYTES_MAX, MESSAGE_TICKETS_MAX, Publisher
from tests.services.waiting import PATIENCE


class Queues:
    """What was sent, a message an entry; the first message waits for `go`."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, list[bytes]]] = []
        self.begun = threading.Event()
        self.go = threading.Event()
        self.error: Exception | None = None

    def send(self, queue: str, envelopes: list[bytes]) -> None:
        self.messages.append((queue, envelopes))
        self.begun.set()
        self.go.wait(PATIENCE)
        if self.error is not None:
            raise self.error


async def published(queues: Queues, *items: tuple[str, bytes]) -> list[BaseException | None]:
    publisher = Publisher(queues.send)
    publisher.start()
    tasks = [asyncio.create_task(publisher.publish(*items[0]))]
    await asyncio.to_thread(queues.begun.wait, PATIENCE)
    tasks += [asyncio.create_task(publisher.publish(*item)) for item in items[1:]]
    await asyncio.sleep(0.01)
    queues.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await publisher.stop()
    return results


async def test_what_waits_for_a_queue_travels_together_in_order():
    queues = Queues()
    items = [("a", b"0"), *((name, b"%d" % n) for n in range(1, 6) for name in ("a", "b"))]
    assert await published(queues, *items) == [None] * 11
    assert queues.messages == [
        ("a", [b"0"]),
        ("a", [b"1", b"2", b"3", b"4", b"5"]),
        ("b", [b"1", b"2", b"3", b"4", b"5"]),
    ]


async def test_the_tickets_of_one_turn_of_the_event_loop_travel_together():
    queues = Queues()
    queues.go.set()
    publisher = Publisher(queues.send)
    publisher.start()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(publisher.publish("a", b"%d" % n) for n in range(3)))
        await publisher.publish("a", b"3")
    await publisher.stop()
    assert queues.messages == [("a", [b"0", b"1", b"2"]), ("a", [b"3"])]


async def test_no_message_is_too_large():
    queues = Queues()
    count = MESSAGE_TICKETS_MAX * 2 + 1
    await published(queues, *(("a", b"x") for _ in range(count)))
    assert [len(envelopes) for _, envelopes in queues.messages] == [1, 64, 64]
    queues = Queues()
    large = b"x" * (MESSAGE_BYTES_MAX // 2 + 1)
    await published(queues, *(("a", large) for _ in range(3)))
    assert [len(envelopes) for _, envelopes in queues.messages] == [1, 1, 1]


async def test_an_error_reaches_everyone_who_waited_and_nobody_after():
    queues = Queues()
    queues.error = OSError("away")
    results = await published(queues, ("a", b"1"), ("a", b"2"), ("b", b"3"))
    assert [type(result) for result in results] == [OSError] * 3
    queues.error = None
    assert await published(queues, ("a", b"4")) == [None]


async def test_a_stopping_publisher_sends_what_waits():
    queues = Queues()
    publisher = Publisher(queues.send)
    publisher.start()
    task = asyncio.create_task(publisher.publish("a", b"1"))
    await asyncio.sleep(0)
    queues.go.set()
    await publisher.stop()
    await asyncio.wait_for(task, PATIENCE)


async def test_a_caller_that_left_does_not_disturb_the_others():
    queues = Queues()
    publisher = Publisher(queues.send)
    publisher.start()
    first = asyncio.create_task(publisher.publish("a", b"1"))
    await asyncio.to_thread(queues.begun.wait, PATIENCE)
    second = asyncio.create_task(publisher.publish("a", b"2"))
    await asyncio.sleep(0.01)
    first.cancel()
    queues.go.set()
    await asyncio.wait_for(second, PATIENCE)
    await publisher.stop()

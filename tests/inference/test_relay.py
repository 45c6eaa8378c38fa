"""Frames arrive in order or fail loudly; nobody without the ticket's keys can add or read."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from inference import relay
from inference.relay import (
    Cancellations,
    CancelSender,
    Chunk,
    Failed,
    FrameGap,
    Heartbeat,
    InboxClosed,
    Outbox,
    Receipted,
    Receiver,
    SlowReader,
    Started,
    connect,
    outbox,
    receiver,
)
from inference.relay.frames import FrameSealer, is_cancel, seal_cancel
from tests.services.waiting import PATIENCE, until

KEY = secrets.token_bytes(32)


@pytest.fixture
async def stream(redis):
    """A started receiver on a stream of its own."""
    reading = Receiver(redis, f"reply:{secrets.token_hex(8)}")
    await reading.start()
    yield reading
    await reading.stop()


def written(*frames, handle=1, attempt=1, key=KEY):
    """The frames as an Outbox would put them on the stream."""
    sealer = FrameSealer(handle, attempt, key)
    return [sealer.seal(frame) for frame in frames]


async def put(redis, stream, sealed):
    await redis.xadd(stream.stream, {b"f": outbox._encode(sealed)})


async def test_frames_arrive_in_order_and_neighbouring_chunks_are_joined(redis, stream):
    box = Outbox(redis)
    line, inbox = box.line(stream.stream, 7, 1, KEY), stream.expect(7, 1, KEY)
    line.put(Started("node-1"))
    line.put(Chunk([b"a"]))
    line.put(Chunk([b"b", b"c"]))
    line.put(Receipted({"receipt": {"n": 1}, "signature": "00"}))
    assert await inbox.get(PATIENCE) == Started("node-1")
    assert await inbox.get(PATIENCE) == Chunk([b"a", b"b", b"c"])
    assert await inbox.get(PATIENCE) == Receipted({"receipt": {"n": 1}, "signature": "00"})
    await box.close()


async def test_the_frames_of_many_requests_share_one_write(redis, stream):
    box = Outbox(redis)
    lines = [box.line(stream.stream, handle, 1, KEY) for handle in range(50)]
    inboxes = [stream.expect(handle, 1, KEY) for handle in range(50)]
    for line in lines:
        line.put(Chunk([b"x"]))
    assert [await inbox.get(PATIENCE) for inbox in inboxes] == [Chunk([b"x"])] * 50
    await box.close()
    assert box.entries == 1


async def test_a_lone_frame_is_not_held_back_and_a_flood_is_gathered(redis, stream):
    box = Outbox(redis)
    line, inbox = box.line(stream.stream, 1, 1, KEY), stream.expect(1, 1, KEY)
    for _ in range(3):
        line.put(Chunk([b"x"]))
        assert await inbox.get(PATIENCE) == Chunk([b"x"])
    await until(lambda: box.entries == 3, "each went alone")
    for _ in range(100):
        line.put(Chunk([b"x"]))
    got = 0
    while got < 100:
        frame = await inbox.get(PATIENCE)
        assert isinstance(frame, Chunk)
        got += len(frame.chunks)
    await box.close()
    assert box.entries <= 5


async def test_much_text_does_not_wait_for_the_timer(redis, stream):
    box = Outbox(redis)
    line, inbox = box.line(stream.stream, 1, 1, KEY), stream.expect(1, 1, KEY)
    for _ in range(10):
        line.put(Chunk([bytes(outbox.BATCH)]))
    assert box._outgoing  # handed to the writer before the loop ran once
    for _ in range(10):
        assert len((await inbox.get(PATIENCE)).chunks) == 1


async def test_a_missing_frame_fails_the_request_after_what_came_before_it(redis, stream):
    inbox = stream.expect(1, 1, KEY)
    first, _, third = written(Chunk([b"1"]), Chunk([b"2"]), Chunk([b"3"]))
    await put(redis, stream, [first, third])
    assert await inbox.get(PATIENCE) == Chunk([b"1"])
    with pytest.raises(FrameGap):
        await inbox.get(PATIENCE)


async def test_a_frame_written_twice_is_read_once(redis, stream):
    inbox = stream.expect(1, 1, KEY)
    first, second = written(Chunk([b"1"]), Chunk([b"2"]))
    await put(redis, stream, [first])
    await put(redis, stream, [first, second])
    assert [await inbox.get(PATIENCE) for _ in range(2)] == [
        Chunk([b"1"]),
        Chunk([b"2"]),
    ]


async def test_forged_frames_are_neither_read_nor_able_to_fail_a_request(redis, stream):
    inbox = stream.expect(1, 1, KEY)
    first, second = written(Chunk([b"1"]), Chunk([b"2"]))
    forged = written(Failed("x", "forged"), key=secrets.token_bytes(32))[0]
    swapped = (1, 1, 0, second[3])  # a true frame under another counter
    other = written(Chunk([b"z"]), handle=2)[0]  # a true frame of another handle
    far = (1, 1, 2**40, forged[3])
    await put(redis, stream, [forged, swapped, (1, 1, 0, other[3]), far, (1, 1, 0, b"")])
    await put(redis, stream, [first, second])
    assert [await inbox.get(PATIENCE) for _ in range(2)] == [
        Chunk([b"1"]),
        Chunk([b"2"]),
    ]


async def test_two_who_answer_one_ticket_share_no_nonce_and_the_first_is_heard(redis, stream):
    inbox = stream.expect(1, 1, KEY)
    first, second = written(Chunk([b"a"]), Chunk([b"b"])), written(Chunk([b"x"]), Chunk([b"y"]))
    assert first[0][3][:16] != second[0][3][:16]
    await put(redis, stream, [first[0], second[0], second[1], first[1]])
    assert [await inbox.get(PATIENCE) for _ in range(2)] == [
        Chunk([b"a"]),
        Chunk([b"b"]),
    ]


async def test_what_is_no_frame_at_all_does_not_stop_the_reader(redis, stream):
    inbox = stream.expect(1, 1, KEY)
    for junk in (b"", b"\xff", b"\x91\x01", b"{}"):
        await redis.xadd(stream.stream, {b"f": junk})
    await redis.xadd(stream.stream, {b"g": b"x"})
    await redis.xadd(stream.stream, {b"f": outbox._encode([(-1, -1, -1, b"")])})
    await put(redis, stream, written(Heartbeat()))
    assert await inbox.get(PATIENCE) == Heartbeat()


async def test_frames_of_an_earlier_attempt_or_an_unknown_handle_are_ignored(redis, stream):
    inbox = stream.expect(1, 2, KEY)
    await put(redis, stream, written(Chunk([b"old"])))
    await put(redis, stream, written(Chunk([b"else"]), handle=99))
    await put(redis, stream, written(Chunk([b"new"]), attempt=2))
    assert await inbox.get(PATIENCE) == Chunk([b"new"])


async def test_a_reader_that_does_not_read_fails_alone(redis, stream):
    slow, quick = stream.expect(1, 1, KEY), stream.expect(2, 1, KEY)
    big = bytes(200_000)
    for sealed in written(*[Chunk([big])] * 8):
        await put(redis, stream, [sealed])
    await put(redis, stream, written(Chunk([b"q"]), handle=2))
    assert await quick.get(PATIENCE) == Chunk([b"q"])
    with pytest.raises(SlowReader):
        await slow.get(PATIENCE)
    assert slow._bytes <= receiver.INBOX_LIMIT + 2 * len(big)
    assert not slow._frames


async def test_silence_times_out_and_a_closed_inbox_says_so(stream):
    inbox = stream.expect(1, 1, KEY)
    with pytest.raises(TimeoutError):
        await inbox.get(0.05)
    inbox.close()
    with pytest.raises(InboxClosed):
        await inbox.get(PATIENCE)
    assert not stream._inboxes


async def test_stopping_a_receiver_wakes_who_waits_and_removes_its_stream(redis):
    reading = Receiver(redis, "reply:stopping")
    await reading.start()
    waiting = asyncio.create_task(reading.expect(1, 1, KEY).get(PATIENCE))
    await put(redis, reading, written(Heartbeat(), handle=5))
    await asyncio.sleep(0.05)
    await reading.stop()
    with pytest.raises(InboxClosed):
        await waiting
    assert not await redis.exists("reply:stopping")


async def test_a_stopped_receiver_gives_closed_inboxes_only(redis):
    """A request that was admitted while its process stopped is told so at once."""
    reading = Receiver(redis, "reply:stopped")
    await reading.start()
    await reading.stop()
    inbox = reading.expect(1, 1, KEY)
    with pytest.raises(InboxClosed):  # not: TimeoutError
        await inbox.get(PATIENCE)
    inbox.close()
    assert not reading._inboxes


async def test_the_broker_keeps_little_and_not_for_ever(redis, stream, monkeypatch):
    monkeypatch.setattr(outbox, "STREAM_LENGTH", 10)
    box = Outbox(redis)
    line = box.line("reply:dead", 1, 1, KEY)
    for _ in range(30):
        line.put(Chunk([bytes(outbox.BATCH)]))
    await box.close()
    assert await redis.xlen("reply:dead") <= 10
    assert 0 < await redis.ttl("reply:dead") <= outbox.STREAM_LIFE
    for number in range(20):
        await put(redis, stream, written(Heartbeat(), handle=number))

    async def trimmed():
        return await redis.xlen(stream.stream) < 20

    await until(trimmed, "what was read is trimmed")


async def test_what_is_written_after_its_reader_has_left_does_not_stay_in_the_broker(redis):
    reading, box = Receiver(redis, f"reply:{secrets.token_hex(8)}"), Outbox(redis)
    line = box.line(reading.stream, 1, 1, KEY)
    line.put(Chunk([b"x"]))
    await until(lambda: box.entries == 1, "it is written")
    await reading.stop()
    line.put(Chunk([b"late"]))
    await box.close()
    assert 0 < await redis.ttl(reading.stream) <= outbox.STREAM_LIFE


def vectors(count):
    return [Chunk([bytes(1024 * 1024)]) for _ in range(count)]


async def test_what_nobody_reads_does_not_fill_the_broker_and_holds_nobody_else_up(
    redis, stream, monkeypatch
):
    monkeypatch.setattr(outbox, "STREAM_BYTES", 5 * 512 * 1024)  # two and a half
    monkeypatch.setattr(outbox, "OUTBOX_PATIENCE", 0.2)
    box = Outbox(redis)
    deaf = box.line("reply:deaf", 1, 1, KEY)
    for frame in vectors(5):
        deaf.put(frame)
    line, inbox = box.line(stream.stream, 1, 1, KEY), stream.expect(1, 1, KEY)
    await until(lambda: box.entries >= 2, "as much as there is room for is written")
    line.put(Chunk([b"x"]))
    assert await inbox.get(PATIENCE) == Chunk([b"x"])
    await box.close()
    assert await redis.memory_usage("reply:deaf", samples=0) <= outbox.STREAM_BYTES
    assert (await redis.xlen("reply:deaf"), box.dropped) == (2, 3)
    assert not box._waiting


async def test_a_web_process_that_is_gone_takes_no_room_from_the_others_at_a_worker(
    redis, stream, monkeypatch
):
    monkeypatch.setattr(outbox, "STREAM_BYTES", 0)
    monkeypatch.setattr(outbox, "OUTBOX_LIMIT", 2 * 1024 * 1024)
    monkeypatch.setattr(outbox, "OUTBOX_PATIENCE", PATIENCE)
    box = Outbox(redis)
    gone = box.line("reply:gone", 1, 1, KEY)
    for frame in vectors(2):
        gone.put(frame)
    with pytest.raises(outbox.OutboxFull):
        gone.put(Heartbeat())
    line, inbox = box.line(stream.stream, 1, 1, KEY), stream.expect(1, 1, KEY)
    line.put(Chunk([b"x"]))
    assert await inbox.get(PATIENCE) == Chunk([b"x"])
    monkeypatch.setattr(outbox, "OUTBOX_TOTAL", 2 * 1024 * 1024)
    with pytest.raises(outbox.OutboxFull):
        line.put(Chunk([b"y"]))
    monkeypatch.setattr(outbox, "OUTBOX_PATIENCE", 0)
    await box.close()
    assert (box.dropped, box._waiting) == (2, {})


async def test_large_answers_wait_for_their_reader_and_none_is_lost(redis, monkeypatch):
    monkeypatch.setattr(outbox, "STREAM_BYTES", 5 * 512 * 1024)  # two and a half
    monkeypatch.setattr(outbox, "OUTBOX_PATIENCE", PATIENCE)
    monkeypatch.setattr(receiver, "_TRIM_BYTES", 1024 * 1024)
    box, name = Outbox(redis), f"reply:{secrets.token_hex(8)}"
    reading = Receiver(redis, name)
    line, inbox = box.line(name, 1, 1, KEY), reading.expect(1, 1, KEY, 2**30)
    for frame in vectors(6):
        line.put(frame)
    line.put(Receipted({}))
    await until(lambda: box.entries == 2, "the first are written")
    await reading.start()
    got = [await inbox.get(PATIENCE) for _ in range(7)]
    assert [type(frame) for frame in got] == [Chunk] * 6 + [Receipted]
    await box.close()
    assert box.dropped == 0
    await reading.stop()


async def test_a_broker_restart_loses_nothing_that_the_worker_still_has(redis, valkey, stream):
    box = Outbox(redis)
    line, inbox = box.line(stream.stream, 1, 1, KEY), stream.expect(1, 1, KEY)
    line.put(Chunk([b"before"]))
    assert await inbox.get(PATIENCE) == Chunk([b"before"])
    valkey.kill()
    line.put(Chunk([b"meanwhile"]))
    await asyncio.sleep(0.2)
    valkey.restart()
    line.put(Chunk([b"after"]))
    got: list[bytes] = []
    while b"after" not in got:
        got += (await inbox.get(PATIENCE)).chunks
    assert got == [b"meanwhile", b"after"]
    await box.close()


async def test_a_worker_does_not_hoard_for_a_dead_broker(redis, valkey, monkeypatch):
    monkeypatch.setattr(outbox, "OUTBOX_LIMIT", 1024 * 1024)
    monkeypatch.setattr(outbox, "OUTBOX_PATIENCE", 0.2)
    box = Outbox(redis)
    line = box.line("reply:x", 1, 1, KEY)
    valkey.kill()
    try:
        while box._waiting["reply:x"] <= outbox.OUTBOX_LIMIT:
            line.put(Chunk([bytes(outbox.BATCH)]))
        with pytest.raises(outbox.OutboxFull):
            line.put(Chunk([b"x"]))
        await box.close()
        assert box.dropped > 0
        assert not box._waiting
    finally:
        valkey.restart()


async def test_the_stream_shows_nothing_of_the_answer(redis, stream):
    box = Outbox(redis)
    box.line("reply:shown", 1, 1, KEY).put(Chunk([b"canary-4419"]))
    await box.close()
    entries = await redis.xrange("reply:shown")
    assert entries
    assert b"canary-4419" not in repr(entries).encode()


# --- cancellation


async def watched(redis, site="home"):
    cancelled: list[str] = []
    hearing = Cancellations(redis, site)
    await hearing.start()
    return hearing, cancelled


async def test_a_cancellation_reaches_the_node_that_runs_the_ticket(redis):
    hearing, cancelled = await watched(redis)
    hearing.watch("t1", KEY, lambda: cancelled.append("t1"))
    hearing.watch("t2", KEY, lambda: cancelled.append("t2"))
    await CancelSender(redis).cancel("home", "t1", KEY)
    await until(lambda: cancelled, "it is heard")
    assert cancelled == ["t1"]
    await hearing.stop()


async def test_a_cancellation_waits_for_a_ticket_that_nobody_has_taken(redis):
    await CancelSender(redis).cancel("home", "t1", KEY)
    proof = await redis.get("cancelled:t1")
    assert is_cancel(proof, "t1", KEY)
    assert 0 < await redis.ttl("cancelled:t1") <= 120


async def test_nobody_without_the_tickets_key_can_cancel_it(redis):
    hearing, cancelled = await watched(redis)
    hearing.watch("t1", KEY, lambda: cancelled.append("t1"))
    await CancelSender(redis).cancel("home", "t1", secrets.token_bytes(32))
    await redis.xadd("cancel:home", {b"t": b"t1", b"p": seal_cancel("t2", KEY)})
    await redis.xadd("cancel:home", {b"x": b"\xff"})
    await redis.xadd("cancel:home", {b"t": b"\xff", b"p": b""})
    await asyncio.sleep(0.1)
    assert not cancelled
    await CancelSender(redis).cancel("home", "t1", KEY)
    await until(lambda: cancelled == ["t1"], "the right one is heard")
    await hearing.stop()


async def test_cancellations_are_heard_again_after_a_broker_restart(redis, valkey):
    hearing, cancelled = await watched(redis)
    hearing.watch("t1", KEY, lambda: cancelled.append("t1"))
    await asyncio.sleep(0.05)
    valkey.restart()
    client = connect(valkey.url)
    await CancelSender(client).cancel("home", "t1", KEY)
    await until(lambda: cancelled == ["t1"], "it is heard")
    await hearing.stop()
    await client.aclose()


async def test_when_hundreds_of_callers_leave_at_once_each_cancellation_is_sent(
    redis, valkey, monkeypatch
):
    monkeypatch.setattr(relay, "TURN", PATIENCE)  # a busy machine sends fewer in two seconds
    client = connect(valkey.url)
    sender = CancelSender(client)
    tickets = [secrets.token_hex(16) for _ in range(500)]
    await asyncio.gather(*(sender.cancel("home", ticket, KEY) for ticket in tickets))
    await client.aclose()
    assert await redis.exists(*(f"cancelled:{ticket}" for ticket in tickets)) == len(tickets)

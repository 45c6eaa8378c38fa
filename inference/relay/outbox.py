"""The worker's side: frames are gathered for at most 10 ms, then written in one go."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from inference.relay.frames import (
    FIELD,
    Chunk,
    Frame,
    FrameSealer,
    Heartbeat,
    Sealed,
    Started,
)

GATHER = 0.010  # s; how long an Outbox may hold a frame back
BATCH = 64 * 1024  # bytes of answer after which it does not wait
STREAM_LENGTH = 8192  # entries; beyond, the oldest go and their readers see a gap
STREAM_BYTES = 64 * 1024 * 1024  # unread; beyond, large entries wait, and what follows them
LARGE = 256 * 1024  # bytes of an entry; of smaller ones `STREAM_LENGTH` are no burden
STREAM_LIFE = 120  # s; a stream whose process died goes by itself
OUTBOX_LIMIT = 64 * 1024 * 1024  # bytes kept for one stream that takes nothing
OUTBOX_TOTAL = 256 * 1024 * 1024  # bytes kept for all of them, or for a broker that is gone
PAUSE = 0.05  # s; between attempts, at first
OUTBOX_PATIENCE = 10.0  # s; then its frames are dropped: their readers have given up

_encode = msgspec.msgpack.Encoder().encode


class OutboxFull(Exception):
    """The broker, or one stream, takes no frames, and what waits has reached its limit."""


class Line:
    """The way back for one attempt. Made by `Outbox.line`; used by one task."""

    def __init__(self, outbox: Outbox, stream: str, sealer: FrameSealer) -> None:
        self._outbox = outbox
        self._sealer = sealer
        self.stream = stream
        self.pending: list[Frame] = []
        self.begun = False  # whether the engine was said to have started

    def put(self, frame: Frame) -> None:
        """Send `frame` soon, after all before it; raises `OutboxFull`."""
        self._outbox.put(self, frame)
        self.begun = self.begun or isinstance(frame, Started)

    def sealed(self) -> list[Sealed]:
        """What is pending, neighbouring chunks joined, encrypted."""
        frames: list[Frame] = []
        for frame in self.pending:
            last = frames[-1] if frames else None
            if isinstance(frame, Chunk) and isinstance(last, Chunk):
                frames[-1] = Chunk([*last.chunks, *frame.chunks])
            else:
                frames.append(frame)
        self.pending.clear()
        return [self._sealer.seal(frame) for frame in frames]


class Outbox:
    """Gathers the frames of all lines of a worker. Belongs to one event loop."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._gathering: dict[str, dict[Line, None]] = {}  # stream -> lines, in order
        self._gathered = 0  # bytes, roughly
        self._timer: asyncio.Handle | None = None
        self._due = 0.0  # when the timer goes off
        self._flushed = 0.0
        self._outgoing: deque[tuple[str, bytes]] = deque()
        self._waiting: Counter[str] = Counter()  # stream -> bytes of it that are outgoing
        self._sending: asyncio.Task[None] | None = None
        self.entries = 0  # XADDs done
        self.dropped = 0  # entries given up

    def line(self, stream: str, handle: int, attempt: int, down_key: bytes) -> Line:
        """A way back to whoever expects (`handle`, `attempt`) on `stream`."""
        return Line(self, stream, FrameSealer(handle, attempt, down_key))

    def put(self, line: Line, frame: Frame) -> None:
        """Queue `frame`: at once if nothing went for 10 ms, else with its neighbours.

        A sign of life always waits its 10 ms: if it went alone, the first words that follow it
        would have to wait in its stead. A stream that nobody reads uses up its own room, not
        that of the others.
        """
        if self._waiting[line.stream] > OUTBOX_LIMIT:
            raise OutboxFull("The stream of this answer has not taken frames for too long.")
        if self._waiting.total() > OUTBOX_TOTAL:
            raise OutboxFull("The broker has not taken frames for too long.")
        line.pending.append(frame)
        self._gathering.setdefault(line.stream, {})[line] = None
        if isinstance(frame, Chunk):
            self._gathered += sum(map(len, frame.chunks))
        if self._gathered >= BATCH:
            self._flush()
        else:
            self._flush_by(patient=isinstance(frame, Started | Heartbeat))

    def _flush_by(self, *, patient: bool) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        due = now + GATHER if patient else max(now, self._flushed + GATHER)
        if self._timer is None or due < self._due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._due = loop.call_at(due, self._flush), due

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._flushed = loop.time()
        for stream, lines in self._gathering.items():
            payload = _encode([sealed for line in lines for sealed in line.sealed()])
            self._outgoing.append((stream, payload))
            self._waiting[stream] += len(payload)
        self._gathering.clear()
        self._gathered = 0
        if self._outgoing and (self._sending is None or self._sending.done()):
            self._sending = loop.create_task(self._send())

    async def _send(self) -> None:
        """Write all that is outgoing, in order, each entry until the broker took it.

        A stream that takes nothing for `OUTBOX_PATIENCE` loses what waits for it.
        """
        loop = asyncio.get_running_loop()
        pause = PAUSE
        since: dict[str, float] = {}  # from when a stream takes nothing
        while self._outgoing:
            waiting = list(self._outgoing)
            sent = await self._written(waiting)
            failed, sent = sent is None, sent or [False] * len(waiting)
            moved, stuck = _streams(waiting, sent, True), _streams(waiting, sent, False)
            now = loop.time()
            since = {name: now if name in moved else since.get(name, now) for name in stuck}
            lost = {name for name, begun in since.items() if now - begun >= OUTBOX_PATIENCE}
            self._remove(sent, lost)
            if stuck - lost:
                await asyncio.sleep(pause if failed else GATHER)
            pause = min(2 * pause, 1.0) if failed and not lost else PAUSE

    async def _written(self, waiting: list[tuple[str, bytes]]) -> list[bool] | None:
        """Which of the entries were written; None if the broker does not answer."""
        try:
            fits = await self._fitting(waiting)
            async with self._redis.pipeline(transaction=False) as pipe:
                for (stream, payload), fit in zip(waiting, fits, strict=True):
                    if fit:
                        pipe.xadd(stream, {FIELD: payload}, maxlen=STREAM_LENGTH)
                        # With each: a web process that stopped has deleted its stream, and
                        # then this entry has made it anew.
                        pipe.expire(stream, STREAM_LIFE)
                await pipe.execute()
        except (RedisError, OSError):
            # Sent again as the same bytes: the reader knows a counter it has seen.
            return None
        return fits

    async def _fitting(self, waiting: list[tuple[str, bytes]]) -> list[bool]:
        """Which of the entries have room in their streams.

        A large one waits where nobody reads, and what comes after it: otherwise one reader that
        is behind would fill the broker for all.
        """
        unread: dict[str, int] = {}
        for stream in {stream for stream, payload in waiting if len(payload) >= LARGE}:
            unread[stream] = await self._redis.memory_usage(stream, samples=0) or 0
        fits = []
        full: set[str] = set()
        for stream, payload in waiting:
            if stream in unread:
                unread[stream] += len(payload)
                if unread[stream] > STREAM_BYTES:
                    full.add(stream)
            fits.append(stream not in full)
        return fits

    def _remove(self, sent: list[bool], lost: set[str]) -> None:
        """Forget which of the first entries were sent, and those of streams given up."""
        kept: deque[tuple[str, bytes]] = deque()
        waiting: Counter[str] = Counter()
        for place, (stream, payload) in enumerate(self._outgoing):
            looked_at = place < len(sent)
            if looked_at and (sent[place] or stream in lost):
                self.entries += sent[place]
                self.dropped += not sent[place]
            else:
                kept.append((stream, payload))
                waiting[stream] += len(payload)
        self._outgoing, self._waiting = kept, waiting

    async def close(self) -> None:
        """Write what is left."""
        self._flush()
        if self._sending is not None:
            await self._sending


def _streams(entries: list[tuple[str, bytes]], sent: list[bool], wanted: bool) -> set[str]:
    """The streams of those entries that were sent, or of those that were not."""
    return {stream for (stream, _), done in zip(entries, sent, strict=True) if done is wanted}

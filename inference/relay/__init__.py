"""Frames from workers to waiting clients, over one bounded Redis stream per web process.

frames        what is said, and its encryption; a `Frame` is one of six structs
outbox        worker: gathers for at most 10 ms or 64 KiB, then one XADD per stream
receiver      gateway: one reading loop per process, an `Inbox` per expected attempt
cancellation  the other way: a gateway's wish that a ticket be stopped

A large answer waits at its worker while its reader is behind, and is given up in time. A frame
that is missing fails its request (`FrameGap`, or silence), never without a word. A reader that
does not keep up fails alone (`SlowReader`). Frames that nobody expects are ignored, and so is
what the ticket's key does not open.
"""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from inference.relay.cancellation import Cancellations, CancelSender
from inference.relay.frames import (
    Chunk,
    Failed,
    Frame,
    Heartbeat,
    Receipted,
    Refused,
    Started,
)
from inference.relay.outbox import Line, Outbox, OutboxFull
from inference.relay.receiver import (
    INBOX_LIMIT,
    FrameGap,
    Inbox,
    InboxClosed,
    Receiver,
    SlowReader,
)

__all__ = [
    "INBOX_LIMIT",
    "CancelSender",
    "Cancellations",
    "Chunk",
    "Failed",
    "Frame",
    "FrameGap",
    "Heartbeat",
    "Inbox",
    "InboxClosed",
    "Line",
    "Outbox",
    "OutboxFull",
    "Receipted",
    "Receiver",
    "Refused",
    "SlowReader",
    "Started",
    "connect",
]


CONNECTIONS = 32  # of one client; what comes beyond waits for its turn
TURN = 2.0  # seconds to wait for it


def connect(url: str, *, within: float | None = None) -> Redis:
    """A client for the broker at `url`, which is written as Celery writes it.

    A command that takes more than `within` seconds raises redis's TimeoutError. It tries once
    more at once, which is all that a connection gone stale needs; how long to wait for a broker
    that is down is for the caller to say.
    """
    pool = BlockingConnectionPool.from_url(
        url.replace("redis+socket://", "unix://", 1),
        max_connections=CONNECTIONS,
        timeout=TURN,
        retry=Retry(NoBackoff(), retries=1),
        socket_timeout=within,
        socket_connect_timeout=within,
    )
    return Redis.from_pool(pool)

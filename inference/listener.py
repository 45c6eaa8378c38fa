"""Reads what nodes leave in a stream of the broker, in each web process.

A consumer group gives each entry to one process. One that died with an entry in hand leaves it
to the others: it is theirs after `ABANDONED`. So an entry is dealt with at least once, and
whoever deals with it must bear the second time. One that nobody can deal with is given up: all
that lies behind it would wait for ever.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import redis
import structlog
from django.db import DatabaseError, DataError, connection
from django.db import Error as AnyDatabaseError

GROUP = "gateways"
WAIT = 1.0  # seconds for which one look waits; how long a stop may take
ABANDONED = 10.0  # seconds after which another process takes an entry over
AT_ONCE = 16  # entries of one look
TIMEOUT = 5.0  # seconds for one command
_PASSING = (AnyDatabaseError, redis.RedisError, OSError, MemoryError)  # not the entry's fault

Fields = Mapping[bytes, bytes]

log = structlog.get_logger(__name__)


class Listener(ABC):
    """A thread that looks into one stream. `source` names the web process in the group."""

    def __init__(self, stream: str, broker_url: str, source: str) -> None:
        self._stream, self._source = stream, source
        self._url = broker_url.replace("redis+socket://", "unix://", 1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=stream, daemon=True)

    @abstractmethod
    def deal_with(self, broker: Any, fields: Fields) -> None:
        """Do what an entry asks for.

        Errors of the broker, the database or the system leave it in the stream; with any
        other, and with one that says that no database takes such data, it is given up.
        """

    @abstractmethod
    def give_up(self) -> None:
        """Record that an entry could not be dealt with; errors are as in `deal_with`."""

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End, after what is in hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * TIMEOUT)

    def _run(self) -> None:
        try:
            with redis.Redis.from_url(
                self._url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
            ) as broker:
                while not self._stop.is_set():
                    self._looked(broker)
        finally:
            connection.close()

    def _looked(self, broker: Any) -> None:
        """Look once; whatever fails is left for the next look."""
        try:
            self.look(broker)
        except DatabaseError as error:
            log.warning("stream_unrecorded", stream=self._stream, error=type(error).__name__)
            connection.close()
            self._stop.wait(WAIT)
        except (redis.RedisError, OSError):
            self._stop.wait(WAIT)  # the broker is away, which others say
        except Exception:
            log.exception("stream_unread", stream=self._stream)
            connection.close()
            self._stop.wait(ABANDONED)

    def look(self, broker: Any) -> None:
        """Deal with what waits, and take each entry from the stream when that is done.

        Raises errors of the broker, the database and the system.
        """
        for number, fields in self.waiting(broker):
            try:
                self.deal_with(broker, fields)
            except Exception as error:
                if isinstance(error, _PASSING) and not isinstance(error, DataError):
                    raise
                kind = type(error).__name__
                log.warning("stream_entry_given_up", stream=self._stream, error=kind)
                self.give_up()
            broker.xack(self._stream, GROUP, number)
            broker.xdel(self._stream, number)

    def waiting(self, broker: Any) -> list[tuple[bytes, Fields]]:
        """Entries that nobody has dealt with, at most `AT_ONCE`; waits for some."""
        try:
            broker.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        left = broker.xautoclaim(
            self._stream, GROUP, self._source, int(ABANDONED * 1000), count=AT_ONCE
        )[1]
        found = [entry for entry in left if entry[1]]
        if not found:
            given = broker.xreadgroup(
                GROUP, self._source, {self._stream: ">"}, count=AT_ONCE, block=int(WAIT * 1000)
            )
            found = [entry for _stream, entries in given for entry in entries]
        return found

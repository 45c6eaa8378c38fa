"""Callers who give up while the writer sends what they gave it to the database, not before.

One who gives up before leaves nothing behind, and how soon the writer gets to it is up to
the machine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from compliance.audit.writer import Writer
from compliance.vocabulary import Event, RecordUnavailable


class Sent:
    """The requests whose events a writer has begun to send."""

    def __init__(self) -> None:
        self._requests: set[str | None] = set()
        self._more = threading.Condition()

    def add(self, requests: set[str | None]) -> None:
        with self._more:
            self._requests |= requests
            self._more.notify_all()

    def __contains__(self, request: str | None) -> bool:
        with self._more:
            return request in self._requests


@contextmanager
def sending(writer: Writer) -> Iterator[Sent]:
    """What `writer`, which has written before, sends until the block ends."""
    real, sent = writer._storage, Sent()

    class Watched:
        def insert(self, epoch_id, rows, lease):
            sent.add({row.event.request for row in rows})
            return real.insert(epoch_id, rows, lease)

    writer._storage = Watched()
    try:
        yield sent
    finally:
        writer._storage = real


def given_up(writer: Writer, make: Callable[[], Event], seconds: float) -> str:
    """Append what `make` gives, waiting so long, until one is given up while it is sent.

    Its request. Meanwhile the database must take nothing.
    """
    before, writer._timeout = writer._timeout, seconds
    try:
        with sending(writer) as sent:
            while True:
                one = make()
                try:
                    writer.append_sync([one])
                except RecordUnavailable:
                    if one.request in sent:
                        return str(one.request)
                    continue
                raise AssertionError("the database has taken it")
    finally:
        writer._timeout = before

"""Tickets run at most once: what this node has already begun, kept until it expires.

The broker's `SET NX` keeps two nodes from running one ticket; this file keeps this node from
running one twice when the broker forgot, was restored, or replays.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from compliance.audit.files import sync
from inference.clearance import LIFETIME_MAX

_COMPACT_AT = 4096  # lines; below this a rewrite saves nothing
_CLOCK_MARGIN = 600.0  # s; by so much the clock may be set back and no ticket runs twice


class SpentTickets:
    """An append-only file of ticket ids, one process at a time; not thread-safe.

    A line is until when to remember (milliseconds since the Unix epoch), a space and the id.
    A torn last line belongs to a ticket that was never begun: `spend` had not returned.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises BlockingIOError if another process has it, ValueError if it is damaged.
        """
        self._path = path
        self._spent: dict[str, int] = {}
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(
            path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise
        self._read()
        self._descriptor = self._rewritten()

    def spend(self, tickets: Iterable[tuple[str, float]]) -> list[bool]:
        """Mark (id, expiry in s) pairs as begun; durable when this returns.

        The answer per pair: true if it may run, false if it was begun before.
        """
        fresh: list[bool] = []
        lines: list[str] = []
        for identity, expires in tickets:
            new = identity not in self._spent
            fresh.append(new)
            if new:
                self._spent[identity] = round((expires + _CLOCK_MARGIN) * 1000)
                lines.append(f"{self._spent[identity]} {identity}\n")
        if lines:
            try:
                self._append("".join(lines).encode())
            except OSError:  # a full disk: what is not durable was not begun
                for line in lines:
                    del self._spent[line.rstrip("\n").partition(" ")[2]]
                raise
        return fresh

    def _append(self, data: bytes) -> None:
        if self._lines >= _COMPACT_AT and self._lines >= 2 * self._alive():
            full, self._descriptor = self._descriptor, self._rewritten()  # has the new lines
            os.close(full)
            return
        whole = os.fstat(self._descriptor).st_size
        try:
            _write(self._descriptor, data)
            os.fdatasync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, whole)  # no torn line before the next one
            raise
        self._lines += data.count(b"\n")

    def _alive(self) -> int:
        now = time.time() * 1000
        self._spent = {key: expires for key, expires in self._spent.items() if expires > now}
        return len(self._spent)

    def _read(self) -> None:
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        for line in whole.decode("utf-8").splitlines():
            expires, _, identity = line.partition(" ")
            if not (expires.isascii() and expires.isdigit() and identity):
                raise ValueError(
                    f"The file of spent tickets {self._path} is damaged. Remove it once the "
                    f"worker has been stopped for {LIFETIME_MAX:.0f} s, when all has expired."
                )
            self._spent[identity] = int(expires)

    def _rewritten(self) -> int:
        """A descriptor for appending to a new file that holds what has not expired."""
        self._lines = self._alive()
        scratch = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(
            scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        text = "".join(f"{expires} {identity}\n" for identity, expires in self._spent.items())
        _write(descriptor, text.encode())
        os.fsync(descriptor)
        scratch.rename(self._path)
        sync(self._path.parent)
        return descriptor

    def close(self) -> None:
        """Give the file free."""
        os.close(self._descriptor)
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]

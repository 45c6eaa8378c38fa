"""A ZIP written faster than by one processor: long members are packed in threads of their own.

Only what evidence needs: names in ASCII, DEFLATE, sizes of 64 bits (APPNOTE.TXT 6.3.10, 4.3
and 4.5.3). Every member is dated 1980, so that the same evidence is the same file.
"""

from __future__ import annotations

import hashlib
import queue
import shutil
import struct
import tempfile
import threading
import zlib
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

LEVEL = 1  # higher ones pack commitments, which are random, no better
AHEAD = 8  # chunks that wait for a thread
DATE = (1 << 5) | 1, 0  # 1 January 1980, 0:00, as DOS writes it
ZIP64 = 45  # version needed to extract
DEFLATED, ASCII_NAME = 8, 0
LONG = 0xFFFFFFFF


class Archive:
    """Writes members one after the other; `listed` is what a manifest says of each."""

    def __init__(self, file: IO[bytes], folder: Path) -> None:
        self._file = file
        self._folder = folder
        self._directory: list[bytes] = []
        self.listed: dict[str, dict[str, Any]] = {}

    def add(self, name: str, data: bytes) -> None:
        """A short member."""
        with self.member(name) as member:
            member.write(data)

    def member(self, name: str) -> Member:
        """A long one, packed while others are written; it joins the file when it is closed.

        Until then it lies in a nameless file in the same folder.
        """
        return Member(name, tempfile.TemporaryFile(dir=self._folder), self._append)

    def _append(self, member: Member) -> None:
        at, name = self._file.tell(), member.name.encode("ascii")
        sizes = struct.pack("<QQ", member.length, member.packed)
        fixed = struct.pack(
            "<HHHHHLLL",
            ZIP64, ASCII_NAME, DEFLATED, DATE[1], DATE[0], member.crc, LONG, LONG,
        )  # fmt: skip
        local = struct.pack("<HH", len(name), 20)
        extra = struct.pack("<HH", 1, 16) + sizes
        self._file.write(b"PK\x03\x04" + fixed + local + name + extra)
        member.spool.seek(0)
        shutil.copyfileobj(member.spool, self._file, 1 << 20)
        central = struct.pack("<HHHHHLL", len(name), 28, 0, 0, 0, 0o644 << 16, LONG)
        extra = struct.pack("<HH", 1, 24) + sizes + struct.pack("<Q", at)
        made_by = struct.pack("<H", 3 << 8 | ZIP64)
        self._directory.append(b"PK\x01\x02" + made_by + fixed + central + name + extra)
        digest = {"bytes": member.length, "sha256": member.digest.hexdigest()}
        self.listed[member.name] = digest

    def close(self) -> None:
        """Write the directory."""
        at, count = self._file.tell(), len(self._directory)
        directory = b"".join(self._directory)
        self._file.write(directory)
        end = self._file.tell()
        sums = struct.pack("<QQQQ", count, count, len(directory), at)
        about = struct.pack("<QHHLL", 44, ZIP64, ZIP64, 0, 0)
        self._file.write(b"PK\x06\x06" + about + sums)
        self._file.write(b"PK\x06\x07" + struct.pack("<LQL", 0, end, 1))
        short = (min(count, 0xFFFF),) * 2
        last = struct.pack("<HHHHLLH", 0, 0, *short, LONG, LONG, 0)
        self._file.write(b"PK\x05\x06" + last)


class Member:
    """A file of the ZIP under way. Only its thread touches the sums until it is closed."""

    def __init__(self, name: str, spool: IO[bytes], append: Any) -> None:
        self.name = name
        self.spool = spool
        self.length = self.packed = self.crc = 0
        self.digest = hashlib.sha256()
        self._append = append
        self._failed: Exception | None = None
        self._waiting: queue.Queue[bytes | None] = queue.Queue(AHEAD)
        self._thread = threading.Thread(target=self._run, name=f"pack {name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _tb: TracebackType | None,
    ) -> None:
        try:
            self._finish()
            if kind is None:
                self._append(self)
        finally:
            self.spool.close()

    def write(self, data: bytes) -> None:
        """Hand it to the thread; raises what the thread met, as `OSError`."""
        if self._failed is not None:
            raise self._failed
        if data:
            self._waiting.put(data)

    def _finish(self) -> None:
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        try:
            while (data := self._waiting.get()) is not None:
                self.length += len(data)
                self.crc = zlib.crc32(data, self.crc)
                self.digest.update(data)
                self.packed += self.spool.write(packer.compress(data))
            self.packed += self.spool.write(packer.flush())
            self.spool.flush()
        except Exception as error:  # noqa: BLE001 - whoever writes is told
            self._failed = error
            while data is not None:
                data = self._waiting.get()

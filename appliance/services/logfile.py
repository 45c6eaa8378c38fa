"""A process's log on disk: JSON lines, bounded in size."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import orjson

LINE_MAX = 16_384  # bytes; a longer line is cut and says so
PLAIN_MAX = 500  # characters kept of a line that is not ours, and so not checked for content
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class LogFile:
    """`path` with at most `size` bytes, and `kept` older files beside it (`path.1` is newest).

    Owned by one keeper task; not for use by several threads.
    """

    def __init__(self, path: Path, *, size: int = 16 * 1024**2, kept: int = 3) -> None:
        self.path, self.size, self.kept = path, size, kept
        self._descriptor = self._open()

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(self.path, flags, 0o600)

    def line(self, line: bytes) -> None:
        """Write one line. What is not JSON (a native library's words) is wrapped in JSON."""
        if not line.strip():
            return
        data = line if len(line) < LINE_MAX and _is_object(line) else _wrapped(line)
        if os.fstat(self._descriptor).st_size + len(data) >= self.size:
            self._rotate()
        try:
            os.write(self._descriptor, data + b"\n")
        except OSError:
            return  # a full disk must not stop the appliance; `readyz` and `doctor` say so

    def close(self) -> None:
        """Close the file; no line may follow."""
        os.close(self._descriptor)

    def _rotate(self) -> None:
        os.close(self._descriptor)
        for number in range(self.kept, 0, -1):
            older = self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        self._descriptor = self._open()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path


def _is_object(line: bytes) -> bool:
    try:
        return line.startswith(b"{") and isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _wrapped(line: bytes) -> bytes:
    text = CONTROL.sub(" ", line.decode("utf-8", "replace"))
    time_ = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return orjson.dumps({"time": time_, "event": "output", "text": text[:PLAIN_MAX]})

"""Says how far a long copy is: a line a second, and one at each file's end."""

from __future__ import annotations

import time

from django.core.management.base import OutputWrapper

_EACH = 1.0  # seconds
_GIB = 2**30


class Shown:
    """Called for each block that is done (`intake.Progress`)."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._last = ("", float("-inf"))

    def __call__(self, path: str, done: int, total: int) -> None:
        """Write a line if the last one is a second old, or was about another file."""
        shown, at = self._last
        now = time.monotonic()
        if path == shown and done != total and now - at < _EACH:
            return
        self._last = (path, now)
        share = 100 * done // total if total else 100
        self._out.write(f"{share:3} %  {done / _GIB:.2f} of {total / _GIB:.2f} GiB  {path}")

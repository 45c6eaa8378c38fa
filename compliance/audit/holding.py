"""One at a time, of all processes: a flock(2), which the kernel lets go of with its holder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def held(
    descriptor: int, *, wait: bool = False, again: Callable[[], bool] = lambda: False
) -> Iterator[bool]:
    """Hold the file or folder that is open as `descriptor`, which is closed after the block.

    False if another has it, unless this is to `wait`. Before that `again` is asked whether to
    try once more, and passes the time until then itself.
    """
    try:
        yield _taken(descriptor, wait, again)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, wait: bool, again: Callable[[], bool]) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            if not again():
                return False
        else:
            return True

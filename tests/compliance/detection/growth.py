"""Whether work grows with its text as it should, told without a clock's absolute word."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

TENFOLD = 40  # ten times the text may cost this many times as much; a square would be 100
LEAST = 0.01  # s; less cannot be told from nothing
ATTEMPTS = 3  # the machine may be busy once, and a square is one each time


def is_linear(work: Callable[[int], object], size: int) -> bool:
    """Whether `work(size)` costs about ten times what `work(size // 10)` does."""
    for _ in range(ATTEMPTS):
        little = _seconds(work, size // 10)
        if _seconds(work, size) < TENFOLD * max(little, LEAST):
            return True
    return False


def _seconds(work: Callable[[int], object], size: int) -> float:
    """Of this process's computing."""
    began = process_time()
    work(size)
    return process_time() - began

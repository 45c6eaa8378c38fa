"""How fast personal data is found, beside stock Presidio on the same texts.

Stock: `AnalyzerEngine()` as its documentation starts it, with the same English model, offline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

TEXTS = (
    "Write one sentence about a harbour at night.",
    "Please summarise the meeting notes: the budget was approved, the supplier is late, and "
    "the next review takes place in the second week of March. Keep it short and friendly.",
    "Dear Mr Peter Hansen, please send the invoice to peter.hansen@example.com or call "
    "+49 30 901820. The account is DE89370400440532013000 and the card 4111 1111 1111 1111.",
    "def total(rows):\n    return sum(row.price * row.count for row in rows)\n\n"
    "Explain what this function does and how you would test it.",
)
SECONDS = 4.0  # per figure


@dataclass(frozen=True, slots=True)
class Speed:
    """Texts and thousands of characters per second of one processor core."""

    texts: float
    kilo_characters: float


def speed(scan: Callable[[str], object], texts: Sequence[str] = TEXTS) -> Speed:
    """The speed of `scan`, single-threaded, over all texts in turn, after one warm round."""
    for text in texts:
        scan(text)
    done = characters = 0
    begin, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - begin < SECONDS:
        for text in texts:
            scan(text)
            done += 1
            characters += len(text)
    spent = time.process_time() - cpu
    return Speed(done / spent, characters / spent / 1000)

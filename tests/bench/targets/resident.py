"""Memory of a process with one scanner: `python -m tests.bench.targets.resident ours|stock`.

It loads nothing else, so that the figure is that of a process of the product.
"""

from __future__ import annotations

import sys

import psutil

from tests.bench.targets import scanners

TEXT = "Dear Ms Weber, thank you for your letter of 3 May. Yours, Peter Hansen, Leipzig"


def megabytes(which: str) -> float:
    """What the process shares with no other, once it has read a text."""
    scan = scanners.ours() if which == "ours" else scanners.stock()
    scan(TEXT)
    return float(psutil.Process().memory_full_info().uss) / 1e6


if __name__ == "__main__":
    sys.stdout.write(f"{megabytes(sys.argv[1])}\n")

"""One scanner's figures as JSON: `python -m tests.bench.targets.measure ours|stock [DIR]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.bench.targets import cost, people, quality, scanners
from tests.bench.targets.scanners import Scan

MOST_STOCK = 3  # values of each table: stock Presidio takes a hundred times as long
MOST_ROWS = 150  # sentences of each file of others
LENGTHS = (10_000, 100_000, 1_000_000)
LENGTHS_STOCK = (10_000, 50_000)  # it refuses a million, and takes minutes for less


def measured(which: str, folder: Path | None) -> dict[str, Any]:
    """Every figure of a scanner."""
    made = list(people.annotated())
    scan = scanners.ours() if which == "ours" else scanners.stock()
    scan(made[0].text)
    figures: dict[str, Any] = {
        "tokens": cost.by_tokens(scan, made),
        "evasions": quality.evasions(scan),
        "leaks": quality.leaks(scan, made),
        "wrong": quality.wrong(scan),
        "made": quality.names(scan, made),
    }
    if folder is not None:
        figures["others"] = quality.names(scan, quality.corpora(folder, MOST_ROWS))
    if which == "ours":
        figures |= _of_ours(scan, made)
    else:
        figures["coverage"] = quality.coverage(scan, MOST_STOCK)
        figures["growth"] = cost.growth(scan, made, LENGTHS_STOCK)
    return figures


def _of_ours(scan: Scan, made: list[people.Annotated]) -> dict[str, Any]:
    growth = cost.growth(scan, made, LENGTHS)
    adversarial = cost.adversarial(scan)
    structured = scanners.ours(names=False)
    return {
        "growth": growth,
        "adversarial": adversarial,
        "structured": cost.by_tokens(structured, made),
        "coverage": quality.coverage(structured, None),
    }


if __name__ == "__main__":
    given = Path(sys.argv[2]) if sys.argv[2:] else None
    json.dump(measured(sys.argv[1], given), sys.stdout)

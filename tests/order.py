"""What takes longest comes first, so that no worker is left with it at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_FIRST = (
    "tests/inference/api",
    "tests/promises",
    "tests/appliance/test_up.py",
    "tests/chaos",
    "tests/e2e",
    "tests/docker/test_separated.py",
    "tests/inference/test_worker.py",
    "tests/compliance/detection/test_pool.py",
    "tests/inference/test_engine_llamacpp.py",
    "tests/compliance/evidence/test_runs.py",
    "tests/docker",
    "tests/compliance/audit/test_crashes.py",
    "tests/compliance/audit/test_database_away.py",
    "tests/compliance/evidence",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort, keeping each file's own order."""
    items.sort(key=lambda item: _rank(_place(item)))


def _place(item: pytest.Item) -> str:
    return item.path.relative_to(ROOT).as_posix()


def _rank(place: str) -> int:
    return next(
        (rank for rank, start in enumerate(LONGEST_FIRST) if place.startswith(start)),
        len(LONGEST_FIRST),
    )

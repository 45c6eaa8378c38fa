"""Which tests run beside which, and in what order.

What takes longest comes first, so that no worker is left with it at the end. Files whose tests
share something that takes long to start go to one worker, which starts it once; of other files
each goes to any worker as a whole.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parents[1]
TOGETHER = ("tests/e2e/", "tests/inference/api/", "tests/promises/")
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


class Together(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """As `--dist loadfile`, but for the folders in `TOGETHER`."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together | None:
    """With `--dist loadfile`; xdist's own for any other way."""
    return Together(config, log) if config.getoption("dist") == "loadfile" else None


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

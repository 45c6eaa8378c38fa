"""What the console's playground asks of the data plane of its own process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from compliance.admin.playground import Bench
from compliance.vocabulary import DetectionFailed, OwnEntity, Scan, Segment, Serving
from inference.api.app import DataPlane
from inference.snapshot import SnapshotStale

LONGEST = 30.0  # seconds that a person waits for a scan


def _stale(error: SnapshotStale) -> str:
    """Why, without the full stop: the console goes on with the sentence."""
    return str(error).rstrip(".")


def bench_of(plane: DataPlane) -> Bench:
    """The bench of a plane; to be called in its event loop, which the console's threads ask."""
    loop = asyncio.get_running_loop()

    def scan(segments: Sequence[Segment], own: Sequence[OwnEntity] = ()) -> Scan:
        asked = asyncio.run_coroutine_threadsafe(plane.detectors.scan(segments, own), loop)
        try:
            return asked.result(LONGEST)
        except TimeoutError as error:
            asked.cancel()
            raise DetectionFailed("the detector did not answer in time") from error

    def serving(model: str) -> Serving:
        try:
            return plane.snapshot().serving(model)
        except SnapshotStale as error:
            raise DetectionFailed(_stale(error)) from error

    def models() -> list[str]:
        try:
            return sorted(plane.snapshot().routes.models)
        except SnapshotStale as error:
            raise DetectionFailed(_stale(error)) from error

    return Bench(scan, serving, models)

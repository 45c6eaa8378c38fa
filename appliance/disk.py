"""Room on the disk: requests are refused before it is full, not when it is."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from compliance.vocabulary import TERMINAL, Append, Event, RecordUnavailable

LOOK_EVERY = 1.0  # seconds


class DiskFloor:
    """Whether the disk of `folder` has at least `floor` bytes free, looked at each second."""

    def __init__(self, folder: Path, floor: int) -> None:
        self.folder, self.floor = folder, floor
        self._looked = 0.0
        self._free = 0

    def free(self) -> int:
        """Free bytes, at most a second old."""
        now = time.monotonic()
        if not self._looked or now - self._looked > LOOK_EVERY:
            self._free, self._looked = shutil.disk_usage(self.folder).free, now
        return self._free

    def enough(self) -> bool:
        """Whether new requests may be taken."""
        return self.free() >= self.floor

    def guard(self, append: Append) -> Append:
        """`append`, but refusing events below the floor, save those that end a request.

        What was admitted before still gets its terminal event, for which the floor keeps room.
        """

        async def guarded(events: Sequence[Event]) -> None:
            if not self.enough() and any(event.type not in TERMINAL for event in events):
                raise RecordUnavailable(
                    f"The disk of the data folder has less than {self.floor} bytes free; "
                    "make room on it, or lower DOMICILE_DISK_FLOOR."
                )
            await append(events)

        return guarded

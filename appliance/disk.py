"""Room on the disk: requests are refused before it is full, not when it is."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

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

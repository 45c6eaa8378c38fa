"""What the endpoints stand on: the running parts of one web process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from compliance.gate import Coverage, Examiner
from compliance.holds.desk import Desk
from compliance.vocabulary import Append, Scanner
from inference.api.ending import Endings
from inference.api.limits import Limits
from inference.api.rejections import Rejections
from inference.dispatch import Dispatcher
from inference.routing import Traffic
from inference.snapshot import SnapshotKeeper


@dataclass(frozen=True, slots=True)
class Plane:
    """The data plane of one process. `coverage` is asked per request: detectors may restart."""

    keeper: SnapshotKeeper
    limits: Limits
    scan: Scanner
    examine: Examiner
    coverage: Callable[[], Coverage]
    append: Append
    dispatcher: Dispatcher
    traffic: Traffic
    rejections: Rejections
    endings: Endings
    holds: Desk
    subject_key: bytes  # 32 bytes

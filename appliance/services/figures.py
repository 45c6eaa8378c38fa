"""What web processes have counted, once they have ended: kept, and in one place.

Each web process writes files of its own in a folder (`appliance.metrics`). Those of an ended
one are added to `<type>_ended.db` and removed, so that no counter goes backwards and a process
that starts over and over does not fill the folder. Its gauges tell of nothing any more and go.
Counts begin anew with the appliance: `up` empties the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

ENDED = "ended"


@contextlib.contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """While it lasts no file is added to another: what is read is counted once."""
    with _locked(folder, fcntl.LOCK_SH):
        yield


def fold(folder: Path) -> None:
    """Add up the files of processes that have ended.

    Where someone reads, what has been counted is left for the next time: the keeper waits for
    nobody.
    """
    for path in _of_the_ended(folder):
        if path.name.startswith("gauge_"):
            path.unlink(missing_ok=True)
    with (
        contextlib.suppress(BlockingIOError),
        _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB),
    ):
        for path in _of_the_ended(folder):
            _add(path)


def _add(path: Path) -> None:
    """Add one file to the sum of its type; one that cannot be read is good for nobody."""
    try:
        counted = list(MmapedDict.read_all_values_from_file(str(path)))  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - whatever is wrong, it would spoil every reading
        counted = []
    kind = path.stem.partition("_")[0]
    total = MmapedDict(str(path.with_name(f"{kind}_{ENDED}.db")))  # type: ignore[no-untyped-call]
    try:
        for name, value, _when, _where in counted:
            before, _ = total.read_value(name)  # type: ignore[no-untyped-call]
            total.write_value(name, before + value, 0.0)  # type: ignore[no-untyped-call]
    finally:
        total.close()  # type: ignore[no-untyped-call]
    path.unlink()


def _of_the_ended(folder: Path) -> list[Path]:
    """The files whose name ends with the id of a process that is no more."""
    return [
        path
        for path in sorted(folder.glob("*_*.db"))
        if (number := path.stem.rpartition("_")[2]).isdigit()
        and not Path("/proc", number).exists()
    ]


@contextlib.contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)  # and with it the lock

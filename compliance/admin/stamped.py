"""The newest time stamp on this log, for people."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from compliance.audit import ledger
from compliance.audit.files import LogFolder, folder_of
from compliance.audit.stamp_files import path_of, sizes

LATE = dt.timedelta(days=2)  # a stamp is due each day; the authority may be away for one


@dataclass(frozen=True, slots=True)
class Stamped:
    """What the newest stamp says; it was checked before it was kept."""

    size: int
    time: dt.datetime
    authority: str
    late: bool  # the log grew, an authority is named, and gave none for `LATE`


def newest(entries: int) -> Stamped | None:
    """The newest stamp on the log, which has so many entries; None without one."""
    folder = LogFolder(folder_of(Path(settings.DOMICILE.data, "log"), ledger.current().number))
    found = sizes(folder)
    reply = folder.read(path_of(found[-1], "tsr")) if found else None
    if reply is None:
        return None
    # 7 MB of parsers that a web process needs none of until somebody looks at a stamp.
    from compliance.audit.authority import StampInvalid  # noqa: PLC0415
    from compliance.audit.stamp import read  # noqa: PLC0415

    try:
        said = read(reply)
    except StampInvalid:
        return None
    age = dt.datetime.now(dt.UTC) - said.time
    late = bool(settings.DOMICILE.tsa) and entries > found[-1] and age > LATE
    return Stamped(found[-1], said.time, said.authority, late)

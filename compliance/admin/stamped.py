"""The newest time stamp on this log, for people."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from compliance.admin.generations import Signed
from compliance.audit import ledger
from compliance.audit.files import LogFolder, folder_of
from compliance.audit.stamp_files import note_of, path_of, sizes

LATE = dt.timedelta(days=2)  # a stamp is due each day; the authority may be away for one


@dataclass(frozen=True, slots=True)
class Stamped:
    """What the newest stamp says; it was checked before it was kept."""

    size: int
    time: dt.datetime
    authority: str
    late: bool  # the log grew, an authority is named, and gave none for `LATE`


def newest(signed: Signed) -> Stamped | None:
    """The newest stamp on the log, whose newest checkpoint is `signed`; None without one.

    One that is on another checkpoint than its name says is passed over.
    """
    folder = LogFolder(folder_of(Path(settings.DOMICILE.data, "log"), ledger.current().number))
    for size in reversed(sizes(folder)):
        note, reply = note_of(folder, size, signed.origin), folder.read(path_of(size, "tsr"))
        if note is not None and reply is not None:
            return _told(signed, size, note, reply)
    return None


def _told(signed: Signed, size: int, note: bytes, reply: bytes) -> Stamped | None:
    # 7 MB of parsers that a web process needs none of until somebody looks at a stamp.
    from compliance.audit.authority import StampInvalid  # noqa: PLC0415
    from compliance.audit.stamp import imprint_of, read  # noqa: PLC0415

    try:
        said = read(reply)
        if imprint_of(reply) != hashlib.sha256(note).digest():
            return None
    except StampInvalid:
        return None
    age = dt.datetime.now(dt.UTC) - said.time
    late = bool(settings.DOMICILE.tsa) and signed.size > size and age > LATE
    return Stamped(size, said.time, said.authority, late)

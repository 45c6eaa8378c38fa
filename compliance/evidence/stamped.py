"""The time stamp that goes with evidence: an authority's word that the log was there."""

from __future__ import annotations

from compliance.audit import stamp_files
from compliance.audit.files import LogFolder
from compliance.evidence.archive import Archive


def add(out: Archive, folder: LogFolder, end: int, size: int) -> None:
    """Put the stamp that tells most of entries before `end` into the evidence, as it is kept.

    With the checkpoint that it is on, of at most `size` entries: that of the evidence may be
    newer, and was then never stamped. A stamp of which a file is gone is left out.
    """
    found = stamp_files.covering(folder, end, size)
    note = folder.read(stamp_files.path_of(found, "checkpoint")) if found is not None else None
    reply = folder.read(stamp_files.path_of(found, "tsr")) if found is not None else None
    if found is not None and note is not None and reply is not None:
        out.add(stamp_files.path_of(found, "checkpoint"), note)
        out.add(stamp_files.path_of(found, "tsr"), reply)

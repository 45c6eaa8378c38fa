"""The time stamp that goes with evidence: an authority's word that the log was there."""

from __future__ import annotations

from compliance.audit import stamp_files
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.files import LogFolder
from compliance.audit.handover import Chain
from compliance.evidence.archive import Archive


def add(out: Archive, folder: LogFolder, end: int, state: Checkpoint, keys: Chain) -> None:
    """Put the stamp that tells most of entries before `end` into the evidence, as it is kept.

    With the checkpoint that it is on, of at most the size of `state`: that of the evidence may
    be newer, and was then never stamped. A stamp of which a file is gone is left out, and so is
    one on a checkpoint that is of another size than its name says, or not of this log.
    """
    for size in stamp_files.telling(folder, end, state.size):
        note = stamp_files.note_of(folder, size, state.origin)
        reply = folder.read(stamp_files.path_of(size, "tsr"))
        if note is not None and reply is not None and _signed(note, keys):
            out.add(stamp_files.path_of(size, "checkpoint"), note)
            out.add(stamp_files.path_of(size, "tsr"), reply)
            return


def _signed(note: bytes, keys: Chain) -> bool:
    try:
        keys.verify(note)
    except CheckpointInvalid:
        return False
    return True

"""Time stamps on checkpoints: asked for, checked, and kept in the log's folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509

from compliance.audit import stamp
from compliance.audit.authority import StampInvalid
from compliance.audit.checkpoint import Checkpoint, parse
from compliance.audit.files import FileConflict, LogFolder
from compliance.audit.stamp import Stamp
from compliance.audit.stamp_files import FOLDER, path_of
from compliance.audit.tiles import File
from compliance.audit.tree import Tree

TOLERANCE = timedelta(minutes=5)  # by which the authority's clock and this one may differ
_TIME = re.compile(rb'"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"')
Mine = Callable[[bytes], Checkpoint]
"""The checkpoint in a note that this log signed; raises `CheckpointInvalid`."""


@dataclass(frozen=True, slots=True)
class Question:
    """A checkpoint, and what an authority is asked to stamp it."""

    size: int
    note: bytes
    query: bytes


def question(folder: LogFolder, note: bytes, size: int) -> Question:
    """What to ask for a checkpoint; the same again where it was asked and not answered.

    Raises `StampInvalid` where the file of that name holds another checkpoint.
    """
    note = folder.read(path_of(size, "checkpoint")) or note
    query = folder.read(path_of(size, "tsq"))
    asked = Question(size, note, query or stamp.query(hashlib.sha256(note).digest()))
    _named(asked, parse(note))
    return asked


def ask(folder: LogFolder, asked: Question) -> None:
    """Keep a question, durable when this returns, until its answer comes as a file."""
    folder.add(_files(asked))


def answered(folder: LogFolder, reply: bytes) -> Question:
    """The kept question that a reply answers; raises `StampInvalid`.

    Raises `CheckpointInvalid` where what was asked about is none.
    """
    imprint = stamp.imprint_of(reply)
    for path in folder.root.glob(f"{FOLDER}/*.checkpoint"):
        note = path.read_bytes()
        if hashlib.sha256(note).digest() == imprint:
            size = parse(note).size  # the name may be that of a copy
            query = folder.read(path_of(size, "tsq"))
            if query is not None:
                return Question(size, note, query)
    raise StampInvalid(
        "This log has not asked for that time stamp. Begin with `manage.py audit stamp "
        "request`, and give --generation where the generation has ended."
    )


def keep(  # noqa: PLR0917 - what a stamp is held against
    folder: LogFolder,
    asked: Question,
    reply: bytes,
    mine: Mine,
    anchors: Sequence[x509.Certificate],
    now: datetime | None = None,
) -> Stamp:
    """Check a stamp and keep it, durable when this returns; raises `StampInvalid`.

    Raises `CheckpointInvalid` where the checkpoint is not this log's, and OSError.
    """
    found = checked(folder, asked, reply, mine, anchors)
    if found.time > (now or datetime.now(UTC)) + TOLERANCE:
        raise StampInvalid(
            f"The time stamp is of {found.time:%Y-%m-%d %H:%M:%S} UTC, which is in the future "
            "here. Look at the clock of this machine, and at the authority's."
        )
    try:
        folder.add([*_files(asked), File(path_of(asked.size, "tsr"), reply)])
    except FileConflict as error:
        raise StampInvalid(
            f"The checkpoint of {asked.size} entries has a time stamp already, or is being "
            "stamped; see `manage.py audit stamp show`."
        ) from error
    return found


def checked(
    folder: LogFolder,
    asked: Question,
    reply: bytes,
    mine: Mine,
    anchors: Sequence[x509.Certificate],
) -> Stamp:
    """What the authority's reply says of a checkpoint of ours; as `keep` raises."""
    if hashlib.sha256(asked.note).digest() != stamp.asked_of(asked.query)[0]:
        raise StampInvalid(f"The question on file for {asked.size} entries is of other bytes.")
    found = stamp.checked(reply, asked.query, anchors)
    state = mine(asked.note)
    _named(asked, state)
    newest = _time_of(folder, state)
    if newest is not None and found.time < newest - TOLERANCE:
        raise StampInvalid(
            f"The time stamp is of {found.time:%Y-%m-%d %H:%M:%S} UTC, and the checkpoint "
            f"covers an entry of {newest:%Y-%m-%d %H:%M:%S}. Look at the clock of this "
            "machine, and at the authority's."
        )
    return found


def kept(folder: LogFolder, size: int) -> tuple[Question, bytes]:
    """A stamp's question and reply; raises `StampInvalid` where there is none."""
    reply = folder.read(path_of(size, "tsr"))
    note, query = folder.read(path_of(size, "checkpoint")), folder.read(path_of(size, "tsq"))
    if reply is None or note is None or query is None:
        raise StampInvalid(f"There is no whole time stamp on a checkpoint of {size} entries.")
    return Question(size, note, query), reply


def _named(asked: Question, state: Checkpoint) -> None:
    """Refuse a checkpoint that lies under the name of another size."""
    if state.size != asked.size:
        raise StampInvalid(
            f"The file {path_of(asked.size, 'checkpoint')} holds a checkpoint of {state.size} "
            "entries: it was copied, or changed. Take the files of that name away, and find "
            "out who put them there."
        )


def _files(asked: Question) -> list[File]:
    return [
        File(path_of(asked.size, "checkpoint"), asked.note),
        File(path_of(asked.size, "tsq"), asked.query),
    ]


def _time_of(folder: LogFolder, state: Checkpoint) -> datetime | None:
    """The time in the newest entry that a checkpoint covers."""
    if not state.size:
        return None
    found = _TIME.search(Tree(folder, state.size).entry(state.size - 1))
    return datetime.fromisoformat(found[1].decode()) if found else None

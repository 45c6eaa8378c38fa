"""Where time stamps lie in the log's folder: `timestamps/<size of the checkpoint>.…`.

`.checkpoint` is the note that is stamped, `.tsq` what the authority was asked, `.tsr` its reply
as it came. The first two alone are a question without an answer. Nothing is ever replaced.
"""

from __future__ import annotations

import re

from compliance.audit.checkpoint import CheckpointInvalid, parse
from compliance.audit.files import LogFolder

FOLDER = "timestamps"
_NAME = re.compile(r"([1-9][0-9]{0,18})\.tsr")


def path_of(size: int, kind: str) -> str:
    """Where a file of the stamp on the checkpoint of this size lies."""
    return f"{FOLDER}/{size}.{kind}"


def sizes(folder: LogFolder) -> list[int]:
    """The sizes of the checkpoints that have a time stamp, the smallest first."""
    found = (_NAME.fullmatch(path.name) for path in folder.root.glob(f"{FOLDER}/*.tsr"))
    return sorted(int(name[1]) for name in found if name)


def note_of(folder: LogFolder, size: int, origin: str) -> bytes | None:
    """The checkpoint that a stamp is on, by its file's name; no signature is checked.

    None where there is none, or it is of another size, or of a log that is not `origin`.
    """
    note = folder.read(path_of(size, "checkpoint"))
    try:
        state = parse(note or b"")
    except CheckpointInvalid:
        return None
    return note if (state.size, state.origin) == (size, origin) else None


def telling(folder: LogFolder, end: int, size: int) -> list[int]:
    """Which stamps tell of entries before `end`, of those on a tree of `size` at most.

    The best first: those that cover them all, from the oldest, then others, from the newest.
    """
    found = [one for one in sizes(folder) if one <= size]
    covering = [one for one in found if one >= end]
    return [*covering, *reversed(found[: len(found) - len(covering)])]

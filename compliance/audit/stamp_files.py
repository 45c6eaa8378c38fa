"""Where time stamps lie in the log's folder: `timestamps/<size of the checkpoint>.…`.

`.checkpoint` is the note that is stamped, `.tsq` what the authority was asked, `.tsr` its reply
as it came. The first two alone are a question without an answer. Nothing is ever replaced.
"""

from __future__ import annotations

import re

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


def covering(folder: LogFolder, end: int, size: int) -> int | None:
    """Which stamp tells most of entries before `end`, of those on a tree of `size` at most.

    The first that covers them all, or else the newest.
    """
    found = [one for one in sizes(folder) if one <= size]
    return next((one for one in found if one >= end), found[-1] if found else None)

"""Digests of files, and what is raised where they are not those that were registered."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

_READ = 1024 * 1024  # bytes


class ModelUnusable(Exception):
    """A model must not be served. `file` names what is wrong, and `reason` says in a word how.

    `file` is a path inside the model's folder, printable, or empty; `reason` is `missing`,
    `changed`, `unlisted`, `manifest` or `other`: it is sound, and not the one registered.
    """

    reason = "changed"

    def __init__(self, message: str, file: str = "", reason: str = "") -> None:
        super().__init__(printable(message))
        self.file = printable(file)
        self.reason = reason or self.reason


def printable(text: str) -> str:
    """`text` with what UTF-8 cannot hold as escapes: a file may be called by any bytes."""
    return text.encode("utf-8", "backslashreplace").decode()


class WeightsMissing(ModelUnusable):
    """A file of a model is not there. The message says how to get it."""

    reason = "missing"


class WeightsChanged(ModelUnusable):
    """The files are not those that were registered; the model must not be served."""


def opened(path: Path) -> BinaryIO:
    """A regular file, to be read; raises OSError for anything else.

    A pipe is not waited for until somebody writes into it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is no regular file", str(path))


def digest(path: Path) -> str:
    """SHA-256 of a regular file, in lower-case hex; raises OSError."""
    total = hashlib.sha256()
    with opened(path) as file:
        while part := file.read(_READ):
            total.update(part)
    return total.hexdigest()


def verify(path: Path, expected: str, name: str = "") -> None:
    """Raise `WeightsChanged` unless the SHA-256 of the file is `expected` (hex).

    `name` is what the file is called in the model's manifest.
    """
    found = digest(path)
    if found != expected:
        raise WeightsChanged(
            f"The weights {path} have the digest {found}, not {expected} as registered. The "
            "model is not served: restore the file, or register it as a new model.",
            name or path.name,
        )

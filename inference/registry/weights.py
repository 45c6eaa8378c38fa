"""Digests of files, and what is raised where they are not those that were registered."""

from __future__ import annotations

import hashlib
from pathlib import Path

_READ = 1024 * 1024  # bytes


class ModelUnusable(Exception):
    """A model must not be served. `file` names what is wrong, and `reason` says in a word how.

    `file` is a path inside the model's folder, or empty; `reason` is `missing`, `changed`,
    `unlisted`, `manifest` or `other`: it is sound, and not the one that is registered.
    """

    reason = "changed"

    def __init__(self, message: str, file: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.file = file
        self.reason = reason or self.reason


class WeightsMissing(ModelUnusable):
    """A file of a model is not there. The message says how to get it."""

    reason = "missing"


class WeightsChanged(ModelUnusable):
    """The files are not those that were registered; the model must not be served."""


def digest(path: Path) -> str:
    """SHA-256 of a file, in lower-case hex."""
    total = hashlib.sha256()
    with path.open("rb") as file:
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

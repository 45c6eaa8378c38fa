# ruff: noqa: INP001 - a script, not part of a package
"""Gives each role a copy of its own keys, and of no others.

    roles.py MASTER gateway=FOLDER notary=FOLDER records=FOLDER worker=FOLDER

MASTER is the data folder in which `manage.py setup` made all keys; no running process should
reach it. Each FOLDER becomes the data folder of one role. Can be repeated: a key that is
there already is compared and never replaced.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PAPER = ("paper.p256", "paper.crt")
KEYS: Mapping[str, Sequence[str]] = {
    "gateway": ("django-secret", "subject-index", "gateway.ed25519", "witness.ed25519", *PAPER),
    "notary": ("log.ed25519", "log.mldsa44"),
    "records": (*PAPER, "log.ed25519", "subject-index"),
    "worker": ("gateway.pub", "site-*.x25519", "node-*.ed25519"),
}
"""What each role must have. Django's secret is made anew where a role has none."""


class KeysRefused(Exception):
    """A key is missing, or another one stands in its place. The message says which."""


def hand_out(master: Path, role: str, folder: Path) -> list[str]:
    """Copy the keys of `role` into `folder`; the names of those that were new there."""
    target = folder / "keys"
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    new: list[str] = []
    for pattern in KEYS[role]:
        found = sorted((master / "keys").glob(pattern))
        if not found:
            raise KeysRefused(
                f"{master}/keys has no {pattern}; run manage.py setup there first."
            )
        new.extend(path.name for path in found if _copied(path, target / path.name))
    return new


def _copied(source: Path, target: Path) -> bool:
    content = source.read_bytes()
    if target.exists():
        if target.read_bytes() != content:
            raise KeysRefused(
                f"{target} is not the key in {source.parent}. One of them is from another "
                "appliance; restore the right one from your backup."
            )
        return False
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def main() -> int:
    """Hand out to every role that the arguments name; 1 if a key is refused."""
    master, *roles = sys.argv[1:]
    try:
        for role, _, folder in (argument.partition("=") for argument in roles):
            new = hand_out(Path(master), role, Path(folder))
            print(f"{role}: {', '.join(new) or 'has its keys'}")  # noqa: T201
    except KeysRefused as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

# ruff: noqa: INP001 - a script, not part of a package
"""Gives each role a copy of its own keys, and of no others.

    roles.py MASTER gateway=FOLDER notary=FOLDER records=FOLDER worker=FOLDER
    roles.py --rotated KEY MASTER gateway=FOLDER notary=FOLDER records=FOLDER worker=FOLDER

MASTER is the data folder in which `manage.py setup` made all keys; no running process should
reach it. Each FOLDER becomes the data folder of one role. Can be repeated: a key that is
there already is compared and never replaced.

With --rotated a key is replaced: the one that `manage.py keys rotate KEY` made in MASTER is
given to every role that has the old one. The log's own key (`log`) is rotated where the notary
is, so it goes the other way: from the notary to MASTER and to whoever else signs with it. The
old ones are overwritten. Stop the roles that hold the key first.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PAPER = ("paper.p256", "paper.crt")
LOG, TOKEN = (
    "log.ed25519",
    "log.pkcs11",
)  # the log's key: a file, or the public half of a token's
KEYS: Mapping[str, Sequence[str]] = {
    "gateway": ("django-secret", "subject-index", "gateway.ed25519", "witness.ed25519", *PAPER),
    "notary": (LOG, "log.mldsa44"),
    "records": (*PAPER, LOG, "subject-index"),
    "worker": ("gateway.pub", "site-*.x25519", "node-*.ed25519"),
}
"""What each role must have. Django's secret is made anew where a role has none."""
BESIDE = {"gateway.ed25519": ("gateway.pub",), "paper.p256": ("paper.crt",)}
"""What is made anew with a key."""


class KeysRefused(Exception):
    """A key is missing, or another one stands in its place. The message says which."""


def hand_out(master: Path, role: str, folder: Path) -> list[str]:
    """Copy the keys of `role` into `folder`; the names of those that were new there."""
    target = folder / "keys"
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    new: list[str] = []
    for pattern in KEYS[role]:
        kind = _kind(master / "keys", target) if pattern == LOG else pattern
        found = sorted((master / "keys").glob(kind))
        if not found:
            raise KeysRefused(f"{master}/keys has no {kind}; run manage.py setup there first.")
        new.extend(path.name for path in found if _copied(path, target / path.name))
    return new


def _kind(master: Path, target: Path) -> str:
    """The log's key as it lies in both; where they differ it was rotated."""
    here = TOKEN if (master / TOKEN).exists() else LOG
    for name in (TOKEN, LOG):
        if name != here and (target / name).exists():
            raise KeysRefused(
                f"{target} has {name}, and {master} has {here}: the log's key was rotated to "
                f"the other kind. {_follow('log')}"
            )
    return here


def _follow(name: str) -> str:
    return f"Run this with --rotated {name}; see docker/README.md, Rotate a key."


def _copied(source: Path, target: Path) -> bool:
    content = source.read_bytes()
    if target.exists():
        if target.read_bytes() != content:
            name = "log" if target.name in {LOG, TOKEN} else target.name
            raise KeysRefused(
                f"{target} is not the key in {source.parent}. If it was rotated: "
                f"{_follow(name)} Else one of them is from another appliance; restore the "
                "right one from your backup."
            )
        return False
    _write(content, target)
    return True


def _write(content: bytes, target: Path) -> None:
    """Durable and whole or not at all; it belongs to whom the folder belongs."""
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if os.geteuid() == 0:
            owner = target.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(target)
    _sync(target.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def follow(key: str, master: Path, folders: Mapping[str, Path]) -> list[str]:
    """Put a key that was rotated in the place of the old one; where that was done.

    May be repeated after whatever cut it short. Raises `KeysRefused`.
    """
    if key in {"log", LOG, TOKEN}:
        return _follow_log(master / "keys", {n: f / "keys" for n, f in folders.items()})
    source = master / "keys" / key
    holders = [role for role, names in KEYS.items() if any(source.match(n) for n in names)]
    if not holders or source.name != key or not source.exists():
        raise KeysRefused(f"{master}/keys has no key {key[:80]!r} that a role holds.")
    lacking = [role for role, names in KEYS.items() if role not in folders]
    if lacking:
        raise KeysRefused(f"Name the folder of every role; missing: {', '.join(lacking)}.")
    done = []
    for name in (key, *BESIDE.get(key, ())):
        for role, patterns in KEYS.items():
            target = folders[role] / "keys" / name
            if any(target.match(one) for one in patterns):
                done += _replaced((master / "keys" / name).read_bytes(), target)
    return done


def _follow_log(master: Path, folders: Mapping[str, Path]) -> list[str]:
    """From the notary, which placed the new key, to all who have the old one."""
    if not {"notary", "records"} <= set(folders):
        raise KeysRefused("Name the folders of notary and records: both sign with the key.")
    notary = folders["notary"]
    here = [name for name in (TOKEN, LOG) if (notary / name).exists()]
    ends = (f"{name}{end}" for name in (TOKEN, LOG) for end in (".next", ".old"))
    if len(here) != 1 or any((notary / name).exists() for name in ends):
        raise KeysRefused(
            f"The rotation of the log's key is not complete in {notary}: start the notary, "
            "wait until `manage.py doctor` says nothing of it, and run this again."
        )
    (kind,) = here
    content, done = (notary / kind).read_bytes(), []
    for folder in (master, folders["records"]):
        done += _replaced(content, folder / kind)
        done += _destroyed(folder / (LOG if kind == TOKEN else TOKEN))
    return done


def _replaced(content: bytes, target: Path) -> list[str]:
    """Write the new key, then overwrite what had its name."""
    leaving = target.with_name(f".{target.name}.leaving")
    _destroyed(leaving)
    if target.exists():
        if target.read_bytes() == content:
            return []
        os.link(target, leaving)
    _write(content, target)
    _destroyed(leaving)
    return [str(target)]


def _destroyed(path: Path) -> list[str]:
    """Overwrite a key and remove it; a second name of one that counts goes as a name only."""
    if not path.exists():
        return []
    if path.stat().st_nlink == 1:
        with path.open("r+b") as file:
            file.write(secrets.token_bytes(os.fstat(file.fileno()).st_size))
            file.flush()
            os.fsync(file.fileno())
    path.unlink()
    _sync(path.parent)
    return [str(path)]


def main() -> int:
    """Hand out to every role that the arguments name; 1 if a key is refused."""
    parser = argparse.ArgumentParser(
        description="Gives each role a copy of its own keys, and of no others.",
        epilog="Example: roles.py /data gateway=/roles/gateway notary=/roles/notary",
    )
    parser.add_argument("--rotated", metavar="KEY", help="replace this key: it was rotated")
    parser.add_argument("master", type=Path, help="the data folder of `manage.py setup`")
    parser.add_argument("roles", nargs="+", metavar="ROLE=FOLDER", help=", ".join(KEYS))
    given = parser.parse_args()
    named = (one.partition("=") for one in given.roles)
    folders = {role: Path(folder) for role, _, folder in named}
    if not set(folders) <= set(KEYS):
        parser.error(f"the roles are {', '.join(KEYS)}")
    try:
        if given.rotated:
            done = follow(given.rotated, given.master, folders)
            print("\n".join(done) or "Every role has the new key.")  # noqa: T201
            return 0
        for role, folder in folders.items():
            new = hand_out(given.master, role, folder)
            print(f"{role}: {', '.join(new) or 'has its keys'}")  # noqa: T201
    except KeysRefused as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

# ruff: noqa: INP001 - a script, not part of a package
"""Gives each role a copy of its own keys, and of no others.

    roles.py MASTER gateway=FOLDER notary=FOLDER records=FOLDER worker=FOLDER
    roles.py --rotated KEY MASTER gateway=FOLDER notary=FOLDER records=FOLDER worker=FOLDER

MASTER is the data folder in which `manage.py setup` made all keys; no running process should
reach it. Each FOLDER becomes the data folder of one role. Can be repeated: a key that is
there already is compared and never replaced.

With --rotated a key is replaced: the one that `manage.py keys rotate KEY` made in MASTER is
given to every role that has the old one. The log's own key (`log`) is rotated where the notary
is, so it goes the other way: from the notary to MASTER and to whoever else signs with it, where
signatures of the old key prove that it handed over to the new one. The old ones are
overwritten. Stop the roles that hold the key first.

Run by root, it trusts no role: what a role can put into its folder, a symbolic link or a second
name of somebody else's file, is never followed, neither to read nor to write.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path

sys.path.append(
    str(Path(__file__).resolve().parent.parent)
)  # Domicile, wherever it is run from

from appliance.role_folder import Folder, KeysRefused, opened

PAPER = ("paper.p256", "paper.crt")
LOG, TOKEN = (
    "log.ed25519",
    "log.pkcs11",
)  # the log's key: a file, or the public half of a token's
KEYS: Mapping[str, Sequence[str]] = {
    "gateway": (
        *("django-secret", "subject-index", "gateway.ed25519", "witness.ed25519", *PAPER),
        *("installer.ed25519", "installer.pub"),
    ),
    "notary": (LOG, "log.mldsa44", "installer.pub"),
    "records": (*PAPER, LOG, "subject-index", "installer.pub"),
    "worker": ("gateway.pub", "site-*.x25519", "node-*.ed25519"),
}
"""What each role must have. Django's secret is made anew where a role has none."""
MOVABLE = {"installer.ed25519"}
"""What an operator may have moved to a safe place (docs/approvals.md)."""
BESIDE = {"gateway.ed25519": ("gateway.pub",), "paper.p256": ("paper.crt",)}
"""What is made anew with a key."""
KEY_BYTES = 32


def hand_out(master: Path, role: str, folder: Path) -> list[str]:
    """Copy the keys of `role` into `folder`; the names of those that were new there."""
    new: list[str] = []
    with opened(master) as source, opened(folder, make=True) as target:
        target.clear()
        for pattern in KEYS[role]:
            kind = _kind(source, target) if pattern == LOG else pattern
            found = source.names(kind)
            if not found and pattern not in MOVABLE:
                raise KeysRefused(f"{source.path} has no {kind}; run manage.py setup there.")
            new.extend(name for name in found if _copied(name, source, target))
    return new


def _kind(master: Folder, target: Folder) -> str:
    """The log's key as it lies in both; where they differ it was rotated."""
    here = TOKEN if master.has(TOKEN) else LOG
    for name in (TOKEN, LOG):
        if name != here and target.has(name):
            raise KeysRefused(
                f"{target.path} has {name}, and {master.path} has {here}. "
                f"{_either(master, target)}"
            )
    return here


def _either(master: Folder, target: Folder) -> str:
    """What the operator does about another key of the log; only he knows which it is."""
    return (
        "If the log's key was rotated, run this with --rotated log; see docker/README.md, "
        f"Rotate the log's key. If {target.path.parent} was restored from an older backup, "
        f"copy the log's key from {master.path} to it instead, while the role is stopped. Else "
        "one of them is from another appliance; restore the right one from your backup."
    )


def _copied(name: str, source: Folder, target: Folder) -> bool:
    content, held = source.must_read(name), target.read(name)
    if held is None:
        target.write(name, content)
        return True
    if held == content:
        return False
    other = f"{target.path / name} is not the key in {source.path}."
    if name in {LOG, TOKEN}:
        raise KeysRefused(f"{other} {_either(source, target)}")
    raise KeysRefused(
        f"{other} If it was rotated, run this with --rotated {name}; see docker/README.md, "
        "Rotate another key. Else one of them is from another appliance; restore the right "
        "one from your backup."
    )


def follow(
    key: str, master: Path, folders: Mapping[str, Path], rotations: Path | None = None
) -> list[str]:
    """Put a key that was rotated in the place of the old one; where that was done.

    `rotations` is a copy of the log's file of that name. May be repeated after whatever cut it
    short. Raises `KeysRefused`.
    """
    with ExitStack() as stack:
        if key in {"log", LOG, TOKEN}:
            if not {"notary", "records"} <= set(folders):
                raise KeysRefused("Name the folders of notary and records: both sign with it.")
            handovers = _handovers(folders["notary"], rotations)
            notary, *others = (
                stack.enter_context(opened(one))
                for one in (folders["notary"], master, folders["records"])
            )
            return _follow_log(notary, others, handovers)
        source = stack.enter_context(opened(master))
        holders = [r for r, ones in KEYS.items() if any(fnmatchcase(key, one) for one in ones)]
        if not holders or Path(key).name != key or not source.has(key):
            raise KeysRefused(f"{source.path} has no key {key[:80]!r} that a role holds.")
        lacking = [role for role in KEYS if role not in folders]
        if lacking:
            raise KeysRefused(f"Name the folder of every role; missing: {', '.join(lacking)}.")
        held = {role: stack.enter_context(opened(folders[role])) for role in KEYS}
        done = []
        for target in held.values():
            target.clear()
        for name in (key, *BESIDE.get(key, ())):
            for role, patterns in KEYS.items():
                if any(fnmatchcase(name, one) for one in patterns):
                    done += held[role].replace(name, source.must_read(name))
        return done


def _follow_log(
    notary: Folder, others: Sequence[Folder], handovers: Mapping[bytes, bytes]
) -> list[str]:
    """From the notary, which placed the new key, to all who have an older one."""
    here = [name for name in (TOKEN, LOG) if notary.has(name)]
    ends = (f"{name}{end}" for name in (TOKEN, LOG) for end in (".next", ".old"))
    if len(here) != 1 or any(notary.has(name) for name in ends):
        raise KeysRefused(
            f"The rotation of the log's key is not complete in {notary.path}: start the notary,"
            " wait until `manage.py doctor` says nothing of it, and run this again."
        )
    (kind,) = here
    content = notary.must_read(kind)
    new = _public(notary.path / kind, content)
    if new in handovers:
        raise KeysRefused(
            f"{notary.path / kind} was put aside: it handed over to a newer key. Copy the "
            "newest to the notary from a folder that has it, or from your backup."
        )
    for folder in others:
        for name in (TOKEN, LOG):
            held = folder.read(name)
            old = new if held is None else _public(folder.path / name, held)
            if _newest(old, handovers) != new:
                raise KeysRefused(_unproven(notary, kind, folder, name))
    done = []
    for folder in others:
        folder.clear()
        done += folder.replace(kind, content)
        done += folder.destroy(LOG if kind == TOKEN else TOKEN)
    return done


def _unproven(notary: Folder, kind: str, folder: Folder, name: str) -> str:
    return (
        f"Nothing proves that the key in {folder.path / name} handed over to the one in "
        f"{notary.path / kind}; nothing was changed. If {notary.path.parent} was restored "
        f"from an older backup, that is the older key: copy the log's key from {folder.path} "
        "to the notary, while it is stopped. If the key was rotated, name the log's file "
        "`rotations`, which the gateway shows at /log/rotations, with --rotations FILE."
    )


def _newest(key: bytes, handovers: Mapping[bytes, bytes]) -> bytes:
    for _ in range(len(handovers)):
        key = handovers.get(key, key)
    return key


def _public(path: Path, content: bytes) -> bytes:
    """The public half of the log's key: a token's is all that its file holds."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PrivateKey,
    )

    try:
        key = bytes.fromhex(content.decode("ascii"))
        private = None if path.name == TOKEN else Ed25519PrivateKey.from_private_bytes(key)
        if len(key) != KEY_BYTES:
            raise ValueError  # noqa: TRY301 - as if the digits were wrong
    except ValueError:
        raise KeysRefused(
            f"{path} does not hold 64 hex digits; restore it from your backup."
        ) from None
    return key if private is None else private.public_key().public_bytes_raw()


def _handovers(notary: Path, given: Path | None) -> dict[bytes, bytes]:
    """Each key of the log that handed over to another, by its own signature; public halves.

    It does not matter where such a line was found, nor who wrote it there.
    """
    from compliance.audit.checkpoint import (  # noqa: PLC0415 - only this needs more than Python
        CheckpointInvalid,
        generation_of,
        parse_verifier_key,
    )
    from compliance.audit.handover import parse  # noqa: PLC0415

    texts = [given.read_bytes()] if given else []
    if not given and notary.joinpath("checkpoints").exists():
        with opened(notary, "checkpoints") as outside:
            texts += [outside.must_read(name) for name in outside.names("*.rotations")]
    found: dict[bytes, bytes] = {}
    for text in texts:
        try:
            lines = parse(text.decode("ascii", "replace"))
            for one in lines:
                one.check(generation_of(parse_verifier_key(one.before)[0])[0])
        except CheckpointInvalid:
            continue
        for one in lines:
            if found.setdefault(one.old, one.new) != one.new:
                raise KeysRefused("A key of the log handed over to two: it was stolen.")
    return found


def main() -> int:
    """Hand out to every role that the arguments name; 1 if a key is refused."""
    parser = argparse.ArgumentParser(
        description="Gives each role a copy of its own keys, and of no others.",
        epilog="Example: roles.py /data gateway=/roles/gateway notary=/roles/notary",
    )
    parser.add_argument("--rotated", metavar="KEY", help="replace this key: it was rotated")
    parser.add_argument(
        "--rotations",
        metavar="FILE",
        type=Path,
        help="the log's file of that name, where the notary's folder has no `checkpoints`",
    )
    parser.add_argument("master", type=Path, help="the data folder of `manage.py setup`")
    parser.add_argument("roles", nargs="+", metavar="ROLE=FOLDER", help=", ".join(KEYS))
    given = parser.parse_args()
    named = (one.partition("=") for one in given.roles)
    folders = {role: Path(folder) for role, _, folder in named}
    if not set(folders) <= set(KEYS):
        parser.error(f"the roles are {', '.join(KEYS)}")
    try:
        if given.rotated:
            done = follow(given.rotated, given.master, folders, given.rotations)
            print("\n".join(done) or "Every role has the new key.")  # noqa: T201
            return 0
        for role, folder in folders.items():
            new = hand_out(given.master, role, folder)
            print(f"{role}: {', '.join(new) or 'has its keys'}")  # noqa: T201
    except ImportError:
        print("Run this with Domicile's own Python: .venv/bin/python.", file=sys.stderr)  # noqa: T201
        return 1
    except (KeysRefused, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The policy that an appliance starts with, and the key that vouches for it.

The installer key is made by set-up. It signs the first version, certifies the keys of the first
people, and is needed again only where every approval key was lost (`keys.recover`).
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from compliance.audit import journal
from compliance.audit.changes import recorded
from compliance.audit.files import sync
from compliance.audit.keys import KeyUnusable, create_key, read_key
from compliance.models import PolicySignature, PolicyVersion
from compliance.policy.rules import Policy, canonical
from compliance.versions import statements
from compliance.versions.load import INSTALLER_PUBLIC
from compliance.vocabulary import Event

KEY_FILE = "installer.ed25519"
NOTE = "The policy that a new appliance starts with."


def installer_key(folder: Path | None = None) -> Ed25519PrivateKey:
    """The key in a folder of keys, by default this appliance's; raises `KeyUnusable`."""
    folder = Path(settings.DOMICILE.data) / "keys" if folder is None else folder
    return Ed25519PrivateKey.from_private_bytes(read_key(folder / KEY_FILE))


def ensure_key(folder: Path) -> Ed25519PrivateKey:
    """The key, made where there is neither half of one, with its public half beside it.

    Raises `KeyUnusable` where only the public half is there, or one of another key: what the
    policy is checked by is never replaced.
    """
    path, public = folder / KEY_FILE, folder / INSTALLER_PUBLIC
    if not path.exists():
        if public.exists():
            raise KeyUnusable(
                f"{public} is there and the key file {path} is not: it was moved away, or "
                "lost. No other key takes its place. Bring it back for this, or restore the "
                "database whose policy it signed."
            )
        create_key(path)
    key = installer_key(folder)
    text = f"{statements.public_of(key)}\n"
    if not public.exists():
        _write_public(public, text)
    elif public.read_text("ascii", "replace") != text:
        raise KeyUnusable(
            f"{public} is not the public half of {path}: one of them is from another "
            "appliance, or somebody changed it. Restore both from your backup."
        )
    return key


def _write_public(path: Path, text: str) -> None:
    """Durable and whole or not at all: half of it would be refused for ever."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with scratch.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
    sync(path.parent)


def install(policy: Policy, folder: Path | None = None) -> PolicyVersion:
    """Store `policy` as the first version, signed by the installer; the version that it is."""
    folder = Path(settings.DOMICILE.data) / "keys" if folder is None else folder
    key, now = ensure_key(folder), time.time_ns() // 1_000
    with recorded():
        version = PolicyVersion.objects.create(
            number=policy.version,
            document=canonical(policy).decode(),
            digest=policy.digest,
            note=NOTE,
            activated=moment(now),
        )
        said = _signed(version, now, key)
        _record("policy.activated", version, policy.name, said)
    return version


def sign_installed(version: PolicyVersion, name: str, folder: Path) -> None:
    """Sign a first version that an earlier release stored without a signature."""
    assert version.activated is not None  # noqa: S101 - the caller looked
    since = round(version.activated.timestamp() * 1_000_000)
    with recorded():
        said = _signed(version, since, ensure_key(folder))
        _record("policy.installed", version, name, said)


def moment(microseconds: int) -> datetime:
    """A time in µs since the Unix epoch as the database has it."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def _signed(version: PolicyVersion, since: int, key: Ed25519PrivateKey) -> PolicySignature:
    text = statements.written(
        statements.INSTALLED, digest=version.digest, number=version.number, time=since
    )
    return PolicySignature.objects.create(
        version=version,
        kind=statements.INSTALLED,
        statement=text,
        signature=statements.sign(statements.INSTALLED, text, key),
    )


def _record(kind: str, version: PolicyVersion, name: str, said: PolicySignature) -> None:
    detail = {
        "actor": "set-up",
        "policy": {"name": name, "version": version.number, "digest": version.digest},
        "statement": said.statement,
        "signature": said.signature,
    }
    event = Event(kind, time.time_ns() // 1_000, detail)
    journal.record("command", [event], [version, said])

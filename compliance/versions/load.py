"""Which version counts in this database: read, verified, and held against what was seen.

Signatures that held once are remembered (`statements.signed`), and so are parsed documents, so
that looking again costs little more than reading the rows.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from django.conf import settings

from compliance.models import ApprovalKey, PolicySignature, PolicyVersion
from compliance.versions import chain, floor
from compliance.versions.certificates import Key
from compliance.versions.chain import Standing
from compliance.versions.floor import Floor, FloorUnusable, Seen
from compliance.versions.hearing import Row, Said

INSTALLER_PUBLIC = floor.PUBLIC


class PolicyUnsound(Exception):
    """No version counts, because something that claims to does not hold. Says what."""


def standing(
    data: Path | None = None,
    *,
    keep: bool = False,
    heed: bool = False,
    now: int | None = None,
) -> Standing:
    """What counts now, or at `now` (µs since the Unix epoch).

    `data` is the data folder, by default this appliance's. With `heed` what was seen there
    counts, and with `keep` what is seen now is added to it: for the processes that the folder
    belongs to, not for commands that root may run. What is wrong is in `faults`; nothing is
    raised but for a database that does not answer.
    """
    data = Path(settings.DOMICILE.data) if data is None else data
    public = data / "keys" / INSTALLER_PUBLIC
    installer = _installer(public)
    if not installer:
        words = (
            f"The key file {public} is missing or unreadable; restore it from your backup, or "
            "run manage.py setup."
        )
        return Standing(faults=(words,))
    seen, before = Floor(data), Seen()
    try:
        if keep or heed:
            before = seen.seen()  # before the rows: others add to both meanwhile
        rows, keys = read_rows(), read_keys()
        moment = max(time.time_ns() // 1_000 if now is None else now, before.since)
        found = chain.standing(rows, keys, installer, moment)
        if not (keep or heed):
            return found
        marks = floor.marks(rows, keys)
        if not found.faults and (gone := seen.faults(before, found, marks)):
            return _unsound(found, gone)
        if keep:
            seen.advance(found, marks)
    except FloorUnusable as error:
        return Standing(faults=(str(error),))
    return found


def sound(data: Path | None = None, *, keep: bool = False) -> Standing:
    """The same, for whoever decides by it; raises `PolicyUnsound`."""
    found = standing(data, keep=keep)
    if found.active is None:
        raise PolicyUnsound(" ".join(found.faults[:3]))
    return found


def unsound() -> str:
    """What is wrong with the policy here, in words; empty if nothing.

    A database of an earlier release that nobody signed yet, and that no process has seen
    signed, is not wrong: set-up signs it.
    """
    data = Path(settings.DOMICILE.data)
    if not PolicySignature.objects.exists() and not Floor(data).path.exists():
        return ""
    return " ".join(standing(heed=True).faults[:3])


def _unsound(found: Standing, words: Sequence[str]) -> Standing:
    return replace(found, active=None, scheduled=None, in_force=(), faults=tuple(words))


def read_rows() -> tuple[Row, ...]:
    """Every version, with what was said about it.

    Versions before what was said, and keys after both: each is only added to, so whatever is
    written meanwhile is left out, and nothing seems to have been said by nobody.
    """
    versions = tuple(PolicyVersion.objects.order_by("number"))
    said: dict[int, list[Said]] = {}
    for signature in PolicySignature.objects.order_by("id"):
        one = Said(signature.kind, signature.statement, signature.signature)
        said.setdefault(signature.version_id, []).append(one)
    return tuple(
        Row(
            number=row.number,
            document=row.document,
            digest=row.digest,
            activated=_microseconds(row.activated),
            retired=_microseconds(row.retired),
            said=tuple(said.get(row.pk, ())),
        )
        for row in versions
    )


def read_keys() -> tuple[Key, ...]:
    """Every approval key, without its private half."""
    wanted = ("person__username", "role", "public_key", "statement", "signature", "revoked")
    rows = ApprovalKey.objects.order_by("id").values_list(*wanted)
    return tuple(
        Key(owner, role, public, statement, signature, _microseconds(revoked))
        for owner, role, public, statement, signature, revoked in rows
    )


def _installer(path: Path) -> str:
    """The installer's public key in hex; empty where it cannot be had."""
    try:
        text = path.read_text("ascii").strip()
        return text if len(bytes.fromhex(text)) == 32 else ""  # noqa: PLR2004 - Ed25519
    except (OSError, ValueError):
        return ""


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1_000_000)

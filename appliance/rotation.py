"""A new key in place of an old one, while the appliance is stopped; the log's while it runs.

Nothing is under way then: no ticket is sealed to a site's old key, no receipt is still to be
checked with a node's. Old receipts stay checkable: the event names both public keys.
"""

from __future__ import annotations

import json
from pathlib import Path

from django.conf import settings
from django.db.models import Model

from appliance.keyring import KINDS, fingerprint, public
from compliance.audit import journal, ring
from compliance.audit.changes import recorded
from compliance.audit.files import sync
from compliance.audit.keys import KeyUnusable, create_key, read_key
from compliance.evidence.paper import certificate
from compliance.gate import now
from compliance.models import Event as StoredEvent
from compliance.models import Site
from compliance.vocabulary import Event
from inference.models import Node

ROTATED = "key.rotated"


class RotationRefused(Exception):
    """This key is not rotated. The message says why."""


def rotate(data: Path, name: str) -> tuple[str, str]:
    """Put a new key in the place of `name`; the fingerprints of the old and the new.

    The caller holds the data folder. The new key lies beside the old one (`NAME.next`) before
    the database knows it, and takes its place afterwards; `settle` completes a rotation that
    was cut short in between.
    """
    if name == ring.NAME:
        raise RotationRefused("The log's key is rotated by `keys rotate log`.")
    path = data / "keys" / name
    kind = next((kind for kind in KINDS if path.match(kind.pattern)), None)
    if kind is None or path.name != name:
        raise RotationRefused(f"There is no key {name[:80]!r}; see manage.py keys list.")
    if not kind.rotates:
        raise RotationRefused(f"{name} cannot be rotated: {kind.loss}.")
    waiting = path.with_name(f"{name}.next")
    waiting.unlink(missing_ok=True)
    try:
        old = read_key(path)
    except KeyUnusable as error:
        raise RotationRefused(str(error)) from error
    new = create_key(waiting)
    with recorded():
        known = _know(name, new)
        mark = fingerprint(name, new)
        detail: dict[str, str] = {"actor": "command", "key": name, "fingerprint": mark}
        before, after = public(name, old), public(name, new)
        if before and after:
            detail |= {"public_key_before": before.hex(), "public_key": after.hex()}
        journal.record("command", [Event(ROTATED, now(), detail)], known)
    _replace(waiting, path)
    if name == certificate.KEY:
        certificate.certify(path.parent, settings.DOMICILE.organisation)
    return fingerprint(name, old), mark


def settle(data: Path) -> None:
    """Complete or undo a rotation that was cut short; the caller holds the data folder."""
    for waiting in data.joinpath("keys").glob("*.next"):
        if waiting.name.startswith((ring.NAME, ring.POINTER)):  # the notary's, which also signs
            continue
        path = waiting.with_name(waiting.name.removesuffix(".next"))
        if _recorded(fingerprint(path.name, read_key(waiting))):
            _replace(waiting, path)
        else:
            waiting.unlink()


def _know(name: str, key: bytes) -> list[Model]:
    """Store the public half where the database has it; what that changed."""
    shown = public(name, key)
    if name.startswith("site-"):
        site = Site.objects.get(name=name.removeprefix("site-").removesuffix(".x25519"))
        site.public_key = shown or b""
        site.save()
        return [site]
    if name.startswith("node-"):
        node = Node.objects.get(name=name.removeprefix("node-").removesuffix(".ed25519"))
        node.public_key = shown or b""
        node.save()
        return [node]
    return []


def _recorded(mark: str) -> bool:
    """Whether a rotation to the key with this fingerprint was committed."""
    details = StoredEvent.objects.filter(type=ROTATED).values_list("detail", flat=True)
    return any(
        json.loads(bytes(detail or b"{}")).get("fingerprint") == mark for detail in details
    )


def _replace(waiting: Path, path: Path) -> None:
    waiting.replace(path)
    sync(path.parent)

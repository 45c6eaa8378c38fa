"""The rotation of the log's own key, while the appliance runs.

In this order, and each step may be repeated after a crash: (1) the new key is durable beside
the old one; (2) `log.key_rotated` is committed, with the old key's signature over both verifier
keys; (3) the notary places it and signs the first checkpoint that covers it with both keys;
(4) once that checkpoint is durable, the new key takes the old one's place, which is destroyed.
Until (2) nothing was rotated; from then on the rotation completes itself with the notary.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from compliance.audit import copies, handover, journal, ledger
from compliance.audit.checkpoint import generation_of, in_generation
from compliance.audit.copies import Places
from compliance.audit.handover import Chain, Handover, HandoverInvalid
from compliance.audit.keys import KeyUnusable
from compliance.audit.leader import leadership
from compliance.audit.ring import NAME, FileRing, public_of
from compliance.models import Event as StoredEvent
from compliance.vocabulary import Event

KEY_ROTATED = "log.key_rotated"
SOURCE = "command"
PATIENCE = 10.0  # seconds to wait for whoever holds the folder of keys
TURN = 0.2  # seconds between looks


class RotationRefused(Exception):
    """The log's key is not rotated. The message says why and what to do."""


def recorded() -> list[Handover]:
    """The handovers in the log, in its order; raises `HandoverInvalid`.

    Those that a restore lost stand in `log.resumed`, the generation's entry 0.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HANDOVERS)
        rows = cursor.fetchall()
    if not rows:
        return []
    trees = [*ledger.ended(), ledger.current()]
    found: list[Handover] = []
    for index, kind, detail in rows:
        tree = next(tree for tree in reversed(trees) if tree.first <= index)
        try:
            said: dict[str, Any] = json.loads(bytes(detail or b""))
            if kind == KEY_ROTATED:
                found.append(read(said, tree.number, index - tree.first))
            else:
                lost = said.get("key_rotations", [])
                found += [read(one, int(one["generation"]), int(one["entry"])) for one in lost]
        except (ValueError, KeyError, TypeError) as error:
            raise HandoverInvalid(
                f"Entry {index - tree.first} of generation {tree.number} does not say how the "
                "log's key was rotated: its detail is missing or was changed."
            ) from error
    return found


def read(detail: dict[str, Any], generation: int, index: int) -> Handover:
    """What a detail says of a rotation; raises ValueError, KeyError and TypeError."""
    before, after = str(detail["verifier_key_before"]), str(detail["verifier_key"])
    return Handover(generation, index, before, after, b64decode(detail["handover"]))


def said(one: Handover) -> dict[str, Any]:
    """A handover as `log.resumed` tells of it."""
    signature = b64encode(one.signature).decode()
    return {
        "entry": one.index,
        "generation": one.generation,
        "handover": signature,
        "verifier_key": one.after,
        "verifier_key_before": one.before,
    }


def chain(places: Places, origin: str, key: bytes) -> Chain:
    """The public keys of the log, of which `key` is one; or `HandoverInvalid`.

    From its own entries, and from the files that tell of rotations which a restore may have
    taken out of the database.
    """
    name = generation_of(origin)[0]
    return handover.chain(name, key, recorded(), copies.rotations(places))


def lost(keys: Chain) -> list[Handover]:
    """The handovers that the database does not know."""
    known = recorded()
    return [one for one in keys.handovers if one not in known]


def untold(one: Handover) -> str:
    """What the operator is told where nothing but a file tells of a rotation."""
    return (
        f"The log's key was rotated at entry {one.index} of generation {one.generation}, as "
        "the file `rotations` says, and the database does not know of it: an older copy of it "
        "was restored. Restore a newer one, or give a checkpoint that was signed after that to "
        "`manage.py audit resume --after-restore --checkpoint FILE`. Nothing is signed until "
        "then."
    )


def begin(
    ring: FileRing,
    places: Places,
    origin: str,
    *,
    actor: str,
    reason: str,
    on_token: bool = False,
) -> Handover:
    """Steps 1 and 2. A rotation that is under way already is the answer, not another one.

    The new key is a file, or made `on_token`. One of the other kind that a rotation which was
    never recorded left is destroyed; one that is on the record is refused.

    `origin` is the log's name in any generation. The handover's place in the log is not known
    yet, and is 0. Raises `RotationRefused`, `HandoverInvalid`, `KeyUnusable` and OSError.
    """
    with ring.lock(PATIENCE) as held:
        if not held:
            raise RotationRefused(
                "A backup, the notary or another rotation holds the folder of keys; run it "
                "again when that is done."
            )
        old = ring.current()
        keys = chain(places, origin, public_of(old))
        if (joined := _joined(ring, on_token=on_token)) is not None:
            return joined
        if keys.current != public_of(old):
            raise RotationRefused(older(keys))
        origin = in_generation(origin, ledger.current().number)
        before, after, signature = handover.make(origin, old, ring.prepare(on_token=on_token))
        detail = {
            "actor": actor,
            "handover": b64encode(signature).decode(),
            "reason": reason,
            "verifier_key": after,
            "verifier_key_before": before,
        }
        with transaction.atomic():
            journal.record(SOURCE, [Event(KEY_ROTATED, time.time_ns() // 1000, detail)])
        return Handover(0, 0, before, after, signature)


def _joined(ring: FileRing, *, on_token: bool) -> Handover | None:
    """The rotation that is under way; raises `RotationRefused` if it is to the other kind."""
    under_way = _under_way(ring)
    if under_way is not None and ring.waits_on_token != on_token:
        kind = "on the token" if ring.waits_on_token else "in a file"
        raise RotationRefused(
            f"A rotation of the log's key to one {kind} is on the record already and "
            "completes itself with the notary: run this again when that is done."
        )
    return under_way


def _under_way(ring: FileRing) -> Handover | None:
    """The rotation to the key that waits, if it is on the record."""
    waiting = ring.successor()
    if waiting is None:
        return None
    rows = StoredEvent.objects.filter(source=SOURCE, type=KEY_ROTATED)
    for detail in rows.values_list("detail", flat=True):
        one = read(json.loads(bytes(detail or b"{}")), 0, 0)
        if one.new == waiting:
            return one
    return None


def older(keys: Chain) -> str:
    """What the operator is told whose key is one that the log has put aside."""
    last = keys.handovers[-1]
    _, identifier, _ = last.after.split("+", 2)
    return (
        f"The log's key was rotated at entry {last.index} of generation {last.generation} to "
        f"the key with the id {identifier}, and the key here is an older one. Put the file "
        f"{NAME} of a copy of the folder keys that was made after that into it. Nothing is "
        "signed with a key that was put aside."
    )


def faults(ring: FileRing, places: Places, origin: str) -> Iterator[str]:
    """What is wrong with the log's keys here, or unfinished; in words, with what to do."""
    try:
        keys = chain(places, origin, public_of(ring.current()))
        if ring.find(keys.current) is None:
            yield older(keys)
        elif _under_way(ring) is None and ring.successor() is not None:
            yield (
                "A rotation of the log's key was cut short before it was recorded; the old key "
                "signs as before. Run `manage.py keys rotate log --reason TEXT` again."
            )
        elif not ring.settled(keys.current):
            yield (
                "The log's key is being rotated, and the notary has not signed with both keys "
                "yet, or not destroyed the old one. Start the notary, if it does not run."
            )
    except (HandoverInvalid, KeyUnusable) as error:
        yield str(error)


def since() -> datetime | None:
    """When the newest key took over; None if the log has its first key."""
    placed = StoredEvent.objects.filter(source=SOURCE, type=KEY_ROTATED, leaf__isnull=False)
    return placed.order_by("-seq").values_list("time", flat=True).first()


def complete(
    ring: FileRing, one: Handover, integrate: Callable[[], object], patience: float
) -> bool:
    """Wait until the rotation is done; false if it is not within `patience` seconds.

    Where no notary leads, `integrate` does its work meanwhile: it places what is recorded and
    signs.
    """
    give_up = time.monotonic() + patience
    while time.monotonic() < give_up:
        if done(ring, one):
            return True
        moment = threading.Event()
        moment.set()  # look once whether there is somebody who leads
        with leadership(moment) as leads:
            if leads:
                integrate()
        if not done(ring, one):
            time.sleep(TURN)
    return done(ring, one)


def done(ring: FileRing, one: Handover) -> bool:
    """Whether the new key signs alone, and the old one is destroyed."""
    return ring.settled(one.new)


_HANDOVERS = f"""
    SELECT l."index", e.type, e.detail
    FROM compliance_event e JOIN compliance_leaf l ON l.event_id = e.id
    WHERE e.source IN ('{SOURCE}', 'log') AND e.type IN ('{KEY_ROTATED}', 'log.resumed')
    ORDER BY l."index"
"""  # noqa: S608 - constants

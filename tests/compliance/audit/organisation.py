"""A log of ours and witnesses of it, in one database: what is asked, said and remembered."""

from __future__ import annotations

import datetime as dt
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from django.db.models import F

from compliance.audit import catalogue, checkpoint, journal
from compliance.audit.asker import Asker, Reply
from compliance.audit.followed import add_rotations
from compliance.audit.notary import Notary
from compliance.audit.witness import Witness as Role
from compliance.models import Event, Witness, WitnessedLog
from tests.compliance.audit.events import event

KEY = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
ORIGIN = "example.org/log/1"
ADDRESS = "http://127.0.0.1:9/witness"
SEEDS = {"example.net/witness": b"n" * 32, "example.com/witness": b"c" * 32}


def mine(note):
    return checkpoint.verify(note, checkpoint.parse(note).origin, PUBLIC)


class Organisation:
    """A log of ours, and witnesses that know it; all of them in one database."""

    def __init__(self, database, folder):
        self.database, self.folder = database, folder
        self.outside = folder.with_name("outside")
        self.halted: list[str] = []
        self.key = Ed25519PrivateKey.from_private_bytes(KEY)
        self.calls = []
        self.roles = {
            f"{ADDRESS}/{at}": Role(name, seed) for at, (name, seed) in enumerate(SEEDS.items())
        }
        self.answer = None  # in place of the witness's
        WitnessedLog.objects.create(
            origin=ORIGIN,
            verifier_keys=checkpoint.verifier_key(ORIGIN, PUBLIC),
            told=dt.datetime.now(dt.UTC)
            - dt.timedelta(minutes=1),  # so that its events are not in this log
        )
        self.asker = Asker(folder, mine, self.call, 60, self.outside, self.halted.append)

    def enrol(self, at=0, **more):
        address, role = list(self.roles.items())[at]
        return Witness.objects.create(
            name=role.name,
            verifier_key=role.verifier_key,
            **({"address": address} | more),
        )

    def call(self, method, url, body):
        self.calls.append((method, url))
        if self.answer is not None:
            return self.answer(method)
        address, _, path = url.removeprefix(ADDRESS).lstrip("/").partition("/")
        role = self.roles[f"{ADDRESS}/{address}"]
        if path == "add-rotations":
            found = add_rotations(body)
        elif method == "POST":
            assert path == "add-checkpoint"
            found = role.add_checkpoint(body)
        else:
            found = role.last(path.removesuffix("/checkpoint"))
        return Reply(found.status, found.kind, found.body)

    def grow(self, count=1):
        with transaction.atomic():
            journal.record("console", [event("a.step") for _ in range(count)])
        notary = Notary(self.folder, KEY, ORIGIN, self.outside)
        while notary.integrate_once():
            pass

    def pass_time(self, seconds=61):
        earlier = F("asked") - dt.timedelta(seconds=seconds)
        Witness.objects.exclude(asked=None).update(asked=earlier)

    def look(self):
        self.calls.clear()
        self.asker.look()
        return self.calls

    @property
    def remembered(self):
        """What a witness elsewhere still knows after a restore here."""
        return WitnessedLog.objects.values("size", "root", "checkpoint").get()

    def remembers(self, known):
        WitnessedLog.objects.update(**known)


def detail_of(kind):
    event = Event.objects.get(type=kind)
    detail = json.loads(bytes(event.detail or b""))
    assert not catalogue.unknown(kind, detail)
    return detail

"""Requests of so many days ago, in a log whose details a rule removes."""

from __future__ import annotations

import datetime as dt

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from compliance.audit import journal
from compliance.audit.notary import Notary
from compliance.models import Application, Event, PolicyVersion
from compliance.policy.default import DEFAULT
from compliance.policy.rules import Retention, canonical, policy
from compliance.vocabulary import Event as Recorded
from tests.compliance.audit.events import request_id

KEY = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


def application(name="desk", **changes):
    return Application.objects.create(name=name, **changes)


def activate(**bounds):
    """A policy that bounds retention so."""
    made = policy("house", 2, DEFAULT.rules, Retention(**bounds))
    document = canonical(made).decode()
    PolicyVersion.objects.create(number=2, document=document, digest=made.digest, activated=NOW)


def at(days, kind="request.admitted", owner=None, request=None):
    """An event of so many days ago; an application's belongs to a request."""
    request = request or (request_id() if owner else None)
    return Recorded(
        type=kind,
        time=int((NOW - days * DAY).timestamp()) * 1_000_000,
        detail={"planted": "a word that goes"},
        request=request,
        application=str(owner.pk) if owner else None,
        label_key=bytes(owner.label_key) if owner else None,
    )


def pair(days, owner):
    """A whole request."""
    name = request_id()
    return [
        at(days, "request.admitted", owner, name),
        at(days, "request.completed", owner, name),
    ]


def store(*events):
    with transaction.atomic():
        journal.record("console", events)


def integrate(folder):
    notary = Notary(folder, KEY, "example.org/log/1")
    while notary.integrate_once():
        pass


def gone():
    return set(Event.objects.filter(detail=None).values_list("pk", flat=True))

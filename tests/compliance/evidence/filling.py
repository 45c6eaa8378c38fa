"""A record to fill packs from, made as an appliance makes it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
import zipfile
from pathlib import Path

import pypdf
from django.db import transaction

from compliance.audit import journal, keys, subjects
from compliance.audit.entry import label_key_digest
from compliance.audit.notary import Notary
from compliance.audit.writer import Writer
from compliance.models import Application
from compliance.vocabulary import Content, Event
from tests.compliance.audit.events import now, request_id
from tests.compliance.evidence.packing import KEY

ORIGIN = "example.org/log/1"
PERSON = "anna.quillworthy@example.org"
OTHER = "bernd.quillworthy@example.org"
CASE = "20261122-0a1b2c3d"
HOUR = 3_600_000_000  # microseconds
COUNTRY = "DE"
WEIGHTS = "5e" * 32


@dataclasses.dataclass
class Record:
    """Data folder, applications, and what was written."""

    data: Path
    crm: Application
    mail: Application
    writer: Writer

    def request(self, owner, *, named=(), end="completed", kept=None, ran=None, **changes):
        """One request with its events; its id."""
        request = request_id()
        detail = {
            **self.about(owner),
            "subjects": [self.blind(one) for one in named],
            **changes,
        }
        first = "request.blocked" if detail["decision"] == "block" else "request.admitted"
        event = self.event(first, detail, owner, request)
        if kept is not None:
            content = Content("prompt", kept, now() + HOUR, tuple(detail["subjects"]))
            event = dataclasses.replace(event, content=content)
        self.writer.append_sync([event])
        if first == "request.admitted" and end:
            ended = {"site": "home", **({"receipt": self.receipt(ran)} if ran else {})}
            self.writer.append_sync([self.event(f"request.{end}", ended, owner, request)])
        return request

    def about(self, owner):
        return {
            "application": {"id": str(owner.pk), "name": owner.name},
            "purpose": owner.purpose,
            "legal_basis": owner.legal_basis,
            "model": "m",
            "decision": "pseudonymise",
            "findings": {"EMAIL_ADDRESS": 2, "IBAN_CODE": 1},
            "categories": {"personal": 2, "payment": 1},
            "policy": {"name": "default", "version": 1, "digest": "d" * 64},
            "site": "home",
            "country": "DE",
            "model_digest": WEIGHTS,
        }

    @staticmethod
    def receipt(weights):
        return {"node": "node-1", "site": "home", "engine": "llamacpp 1.2", "weights": weights}

    @staticmethod
    def event(kind, detail, owner=None, request=None, time=None):
        return Event(
            kind,
            time or now(),
            detail,
            request,
            str(owner.pk) if owner else None,
            bytes(owner.label_key) if owner else None,
        )

    def told(self, kind, detail, owner=None):
        with transaction.atomic():
            journal.record("console", [self.event(kind, detail, owner)])

    def model(self, name="m", digest=WEIGHTS, licence="Apache-2.0"):
        """A model's registration, and its engine's start on two nodes."""
        origin = "example.org/weights"
        said = {"model": name, "digest": digest, "licence": licence, "origin": origin}
        self.told("model.registered", {"actor": "command", **said})
        for node in ("node-1", "node-2", "node-1"):
            about = {"node": node, "site": "home", "model": name, "weights": digest}
            self.told("engine.started", {**about, "engine": "llamacpp 1.2"})

    def blind(self, identifier):
        key = keys.read_key(self.data / "keys" / "subject-index")
        return subjects.blind(key, identifier)

    def sign(self):
        notary = Notary(self.data / "log", KEY, ORIGIN)
        while notary.integrate_once():
            pass


def application(name, **changes):
    """Registered, with its event."""
    values = {
        "purpose": f"Why {name} is there.",
        "legal_basis": "6-1-b",
        "ropa_reference": "VVT-7",
        "owner": "Customer care",
    } | changes
    one = Application.objects.create(name=name, **values)
    detail = {
        "name": name,
        "label_key_sha256": label_key_digest(bytes(one.label_key)),
        **values,
    }
    with transaction.atomic():
        journal.record("console", [Record.event("application.registered", detail, one)])
    return one


def read(path):
    """The form of a pack, and its other files."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(files["pack.json"]), files


def fields(said, subject=None):
    """The fields of a section, by id; without a subject, of all sections."""
    return {
        field["id"]: field
        for section in said["sections"]
        if subject is None or section["subject"] == subject
        for field in section["fields"]
    }


def told(event):
    """The detail of an event."""
    assert event is not None
    return json.loads(bytes(event.detail or b""))


def yesterday():
    return dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


def pdf_text(files, name="pack.pdf"):
    pages = pypdf.PdfReader(io.BytesIO(files[name])).pages
    return "\n".join(page.extract_text() for page in pages)

import dataclasses
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from compliance.audit import journal, keys
from compliance.audit.entry import label_key_digest
from compliance.audit.notary import Notary
from compliance.audit.writer import Writer
from compliance.evidence import packs
from compliance.evidence.bundle import Scope, export
from compliance.evidence.packs.law import laws
from compliance.models import Application
from compliance.vocabulary import Event
from tests.compliance.audit.events import now, request_id
from tests.compliance.evidence.filling import CASE, OTHER, PERSON, Record, application, read
from tests.compliance.evidence.packing import KEY
from tests.services.waiting import PATIENCE

PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
ORIGIN = "example.org/log/1"


def requests(application, count):
    for number in range(count):
        request = request_id()
        for kind in ("request.admitted", "request.completed"):
            detail = {
                "number": number,
                "application": {"id": str(application.pk), "name": application.name},
                "purpose": "Grüße, 日本 \x7f\x1f",
            }
            yield Event(
                kind, now(), detail, request, str(application.pk), bytes(application.label_key)
            )


@pytest.fixture
def applications(database):
    return [Application.objects.create(name=name) for name in ("crm", "mail")]


@pytest.fixture
def log(applications, tmp_path):
    """300 entries of two applications, and their registrations."""
    folder = tmp_path / "log"
    with transaction.atomic():
        for one in applications:
            digest = label_key_digest(one.label_key)
            detail = {"name": one.name, "label_key_sha256": digest}
            journal.record("console", [Event("application.registered", now(), detail)])
    writer = Writer("web-1", on_fenced=threading.Event().set, timeout=PATIENCE)
    writer.start()
    for _ in range(5):
        for one in applications:
            writer.append_sync(list(requests(one, 15)))
    writer.stop()
    notary = Notary(folder, KEY, ORIGIN)
    while notary.integrate_once():
        pass
    return folder


@pytest.fixture
def evidence(log, tmp_path):
    def make(begin="0", end="", *names):
        path = tmp_path / f"{'-'.join(('evidence', begin, end, *names))}.zip"
        export(Scope(begin, end, names), path, log, KEY)
        return path

    return make


@pytest.fixture
def record(database, settings, tmp_path):
    """Two applications and a writer; for packs."""
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=tmp_path)
    keys.create_key(tmp_path / "keys" / "subject-index")
    writer = Writer("web-1", on_fenced=lambda: None, timeout=PATIENCE)
    writer.start()
    made = Record(tmp_path, application("crm"), application("mail", high_risk=True), writer)
    yield made
    writer.stop()


@pytest.fixture
def filled(record):
    """A model, three requests of each application, one about a person, and a failed login."""
    record.model()
    for owner in (record.crm, record.mail):
        record.request(owner, named=(PERSON,))
        record.request(owner, named=(OTHER,), decision="block")
        record.request(owner, end="failed")
    record.told("login.failed", {"user": "eve"})
    record.sign()
    return record


@pytest.fixture
def build(tmp_path):
    """Builds a pack; its form and its files."""
    made: list[Path] = []

    def run(name, **asked):
        path = tmp_path / f"pack-{len(made)}.zip"
        made.append(path)
        if laws()[name].of == "case":
            asked.setdefault("case", CASE)
        if name == "access-request":
            asked.setdefault("identifiers", (PERSON,))
        packs.build(name, packs.Parameters(**asked), path, actor="olga")
        return read(path)

    return run

"""`manage.py audit cosign`: a witness without a network, as its officer and ours type it."""

from __future__ import annotations

import dataclasses
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from compliance.audit import catalogue, conflicts, cosignature, journal
from compliance.audit.checkpoint import Checkpoint
from compliance.audit.conflicts import Conflict
from compliance.audit.keys import create_key, read_key
from compliance.audit.notary import Notary, NotaryRefuses
from compliance.models import Change, Cosignature, Event, Witness, WitnessPolicy
from tests.compliance.audit.commands import audit
from tests.compliance.audit.events import event
from tests.compliance.audit.restoring import Copies

pytestmark = pytest.mark.usefixtures("database")

NAME = "regulator.example/desk"


class Desk:
    """An officer with a key, a file of what was signed, and files from elsewhere."""

    def __init__(self, folder, data):
        self.folder, self.data = folder, data
        self.state, self.key = folder / "signed.jsonl", folder / "desk.ed25519"

    @property
    def log_key(self):
        return (self.data / "log" / "verifier-key").read_text().strip()

    @property
    def verifier_key(self):
        key = Ed25519PrivateKey.from_private_bytes(read_key(self.key)).public_key()
        return cosignature.verifier_key(NAME, key.public_bytes_raw())

    def signs(self, request, log_key=""):
        out = self.folder / "cosigned"
        out.unlink(missing_ok=True)
        code, words = audit(
            *("cosign", "sign", request, "--name", NAME, "--key", self.key),
            *("--state", self.state, "--log", log_key or self.log_key, "--out", out),
        )
        assert out.exists() is (code == 0)
        return code, words, out


@pytest.fixture
def desk(database, settings, tmp_path):
    data = tmp_path / "data"
    settings.DOMICILE = dataclasses.replace(
        settings.DOMICILE, data=data, checkpoints=tmp_path / "outside"
    )
    create_key(data / "keys" / "log.ed25519")
    grow(data, 20)
    return Desk(tmp_path, data)


def notary(data):
    key = read_key(data / "keys" / "log.ed25519")
    return Notary(data / "log", key, "domicile.local/log/1", data.with_name("outside"))


def grow(data, count):
    with transaction.atomic():
        journal.record("console", [event("a.step") for _ in range(count)])
    notary(data).integrate_once()


def asked(desk, *more):
    request = desk.folder / "request"
    code, words = audit("cosign", "request", request, *more)
    assert code == 0, words
    return request


def enrolled(desk):
    """The desk has signed once and is known here."""
    code, words, cosigned = desk.signs(asked(desk))
    assert code == 0, words
    assert desk.verifier_key in words
    Witness.objects.create(name=NAME, verifier_key=desk.verifier_key)
    return cosigned


def test_a_request_is_signed_elsewhere_and_added_here(desk):
    cosigned = enrolled(desk)
    code, words = audit("cosign", "add", cosigned)
    assert (code, "has cosigned 20 entries" in words) == (0, True)
    grow(desk.data, 13)
    request = asked(desk, "--witness", NAME)
    assert request.read_bytes().startswith(b"old 20\n")
    code, words, cosigned = desk.signs(request)
    assert code == 0, words
    assert audit("cosign", "add", cosigned)[0] == 0
    assert Witness.objects.get().size == 33
    for kept in Cosignature.objects.all():
        note = (kept.note + kept.line).encode()
        name, key = cosignature.parse_verifier_key(desk.verifier_key)
        assert cosignature.cosigned(note, name, key)


def test_a_request_from_another_size_says_which_is_needed(desk):
    enrolled(desk)
    grow(desk.data, 5)
    code, words, _ = desk.signs(asked(desk, "--old", "7"))
    assert (code, "--old 20" in words) == (1, True)
    assert desk.signs(asked(desk, "--old", "20"))[0] == 0


def test_a_log_whose_key_was_not_given_is_not_signed(desk):
    other = "domicile.local/log/1+00000000+AQ=="
    code, _, _ = desk.signs(asked(desk), other)
    assert code == 2
    stranger = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    code, words, _ = desk.signs(
        asked(desk), desk.log_key.split("+")[0] + verifier(desk.log_key, stranger)
    )
    assert (code, "Ask its operator" in words) == (1, True)


def verifier(line, public):
    from compliance.audit.checkpoint import verifier_key  # noqa: PLC0415

    name = line.split("+")[0]
    return verifier_key(name, public).removeprefix(name)


def test_a_log_that_was_set_back_is_not_signed_and_stops_when_it_is_told(desk, database):
    copies = Copies(database, desk.data / "log")
    enrolled(desk)
    number = copies.take()
    grow(desk.data, 30)
    _, _, before = desk.signs(asked(desk, "--old", "20"))
    kept = before.read_bytes()
    copies.put_back(number)
    for path in (desk.folder / "outside").glob("*"):
        path.unlink()
    grow(desk.data, 4)
    code, words, _ = desk.signs(asked(desk, "--old", "20"))
    assert (code, "DOES NOT GROW FROM WHAT YOU HAVE SIGNED" in words) == (1, True)
    before.write_bytes(kept)
    code, words = audit("cosign", "add", before)
    assert (code, "an older copy of the database was restored" in words) == (1, True)
    with pytest.raises(NotaryRefuses, match="50 entries"):
        notary(desk.data).integrate_once()
    copies.drop()


def test_a_witness_that_errs_is_dismissed_and_the_log_goes_on(desk):
    enrolled(desk)
    ours = Checkpoint("domicile.local/log/1", 20, bytes(32))
    conflicts.keep(Conflict(NAME, ours, 900, b"what it showed"), 1, source="notary")
    with pytest.raises(NotaryRefuses, match="900 entries"):
        notary(desk.data).integrate_once()
    code, words = audit("cosign", "dismiss", NAME, "--reason", "It was a drill.")
    assert code == 0, words
    assert not conflicts.standing(1)
    notary(desk.data).integrate_once()
    said = Event.objects.filter(type="witness.changed").get()
    detail = json.loads(bytes(said.detail or b""))
    assert detail["reason"] == "It was a drill."
    assert not catalogue.unknown("witness.changed", detail)
    left = Change.objects.exclude(verb="INSERT")
    assert not left.exists(), "a change that no event speaks of"


def test_what_nobody_here_knows_is_not_added(desk):
    _, _, cosigned = desk.signs(asked(desk))
    code, words = audit("cosign", "add", cosigned)
    assert (code, "Let an officer add the witness" in words) == (2, True)


def test_a_file_of_signatures_that_is_none_is_left_alone(desk):
    desk.state.write_text("not mine\n")
    code, words, _ = desk.signs(asked(desk))
    assert (code, "is not a file of what a witness has signed" in words) == (2, True)
    assert desk.state.read_text() == "not mine\n"


def test_a_policy_is_set_from_a_file_and_printed(desk):
    assert audit("cosign", "policy") == (0, "No policy is set.\n")
    file = desk.folder / "policy"
    file.write_text("quorum w1\n")
    code, words = audit("cosign", "policy", "--set", file)
    assert (code, "Line 1" in words) == (2, True)
    file.write_text("# nobody\nquorum none\n")
    assert audit("cosign", "policy", "--set", file)[0] == 0
    assert audit("cosign", "policy") == (0, "# nobody\nquorum none\n")
    assert WitnessPolicy.objects.count() == 1

"""Witnesses in the console: who may register them, what is refused where, the policy."""

from __future__ import annotations

import dataclasses
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.urls import reverse

from compliance.audit import checkpoint, cosignature
from compliance.audit.checkpoint import Checkpoint
from compliance.audit.conflicts import Conflict, keep
from compliance.audit.keys import create_key
from compliance.audit.witness import KEY_FILE
from compliance.models import Event, Witness, WitnessedLog, WitnessPolicy

ORIGIN = "example.net/log/1"
ADDRESS = "http://127.0.0.1:9/witness"
LOGS = reverse("admin:compliance_witnessedlog_changelist")
WITNESSES = reverse("admin:compliance_witness_changelist")
ADD_LOG = reverse("admin:compliance_witnessedlog_add")
ADD_WITNESS = reverse("admin:compliance_witness_add")
POLICY = reverse("admin:witness_policy")


def public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed * 32).public_key().public_bytes_raw()


def log_key(origin=ORIGIN, seed=b"l"):
    return checkpoint.verifier_key(origin, public(seed))


def witness_key(name="example.net/witness", seed=b"w"):
    return cosignature.verifier_key(name, public(seed))


@pytest.fixture
def officer(console, settings):
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, witnesses=(ADDRESS,))
    console.as_("Compliance officer")
    return console


def recorded(kind):
    event = Event.objects.get(type=kind)
    return json.loads(bytes(event.detail or b""))


def enrol(client, **more):
    fields = {"verifier_key": witness_key(), "address": ADDRESS, "active": "on"} | more
    return client.post(ADD_WITNESS, fields)


def test_an_officer_registers_a_log_by_its_key_and_the_name_is_in_it(officer):
    fields = {"verifier_keys": f" {log_key()} \r\n", "note": "Ours.", "active": "on"}
    assert officer.post(ADD_LOG, fields).status_code == 302
    log = WitnessedLog.objects.get()
    assert (log.origin, log.size, log.verifier_keys) == (ORIGIN, 0, log_key())
    assert recorded("witnessed_log.registered")["origin"] == ORIGIN
    assert ORIGIN in officer.get(LOGS).content.decode()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("", "This field is required"),
        ("no key", "Line 1"),
        (witness_key(), "Line 1"),
        (f"{log_key()}\n{log_key('example.com/log/1')}", "different logs"),
    ],
)
def test_what_is_no_key_of_a_log_is_refused_at_the_field(officer, keys, words):
    page = officer.post(ADD_LOG, {"verifier_keys": keys, "active": "on"})
    assert words in page.content.decode()
    assert not WitnessedLog.objects.exists()


def test_a_log_is_registered_once_and_keeps_its_name(officer):
    officer.post(ADD_LOG, {"verifier_keys": log_key(), "active": "on"})
    again = officer.post(ADD_LOG, {"verifier_keys": log_key(seed=b"x"), "active": "on"})
    assert "is registered already" in again.content.decode()
    change = reverse("admin:compliance_witnessedlog_change", args=[1])
    other = officer.post(change, {"verifier_keys": log_key("example.com/log/1")})
    assert "Register that log by itself" in other.content.decode()
    keys = f"{log_key()}\n{log_key(seed=b'n')}"
    assert officer.post(change, {"verifier_keys": keys, "active": "on"}).status_code == 302
    assert recorded("witnessed_log.changed")["witnessed_log"] == ORIGIN
    assert WitnessedLog.objects.get().verifier_keys == keys


def test_an_officer_adds_a_witness_at_an_address_that_is_allowed(officer):
    assert enrol(officer).status_code == 302
    witness = Witness.objects.get()
    assert (witness.name, witness.address) == ("example.net/witness", ADDRESS)
    said = recorded("witness.registered")
    assert (said["name"], said["address"]) == (witness.name, ADDRESS)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"verifier_key": log_key()}, "not one for cosignatures"),
        ({"verifier_key": "w"}, "not a witness"),
        ({"address": "http://192.0.2.1/witness"}, "Select a valid choice"),
    ],
)
def test_what_is_no_witness_is_refused_at_the_field(officer, fields, words):
    assert words in enrol(officer, **fields).content.decode()
    assert not Witness.objects.exists()


def test_an_appliance_is_not_its_own_witness(officer, tmp_path, settings):
    seed = create_key(tmp_path / "keys" / KEY_FILE)
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    name = f"{settings.DOMICILE.organisation}/witness"
    own = cosignature.verifier_key(name, key)
    assert (
        "cannot be the witness of its own log"
        in enrol(officer, verifier_key=own).content.decode()
    )
    assert own in officer.get(LOGS).content.decode().replace("&#x2B;", "+")


def test_a_witness_is_asked_at_once_when_an_officer_wants_it(officer):
    enrol(officer)
    assert officer.post(reverse("admin:ask_witness", args=[1])).status_code == 302
    assert Witness.objects.get().wanted is not None


@pytest.mark.parametrize(
    ("proof", "words"), [(b"what it showed", "contradicts"), (b"", "claims otherwise")]
)
def test_what_a_witness_contradicts_stands_on_its_page_and_on_the_audit_page(
    officer, proof, words
):
    enrol(officer)
    ours = Checkpoint("example.org/log/1", 5, bytes(32))
    keep(Conflict("example.net/witness", ours, 9, proof), 1, source="notary")
    for page in (reverse("admin:compliance_witness_change", args=[1]), reverse("admin:verify")):
        shown = officer.get(page).content.decode()
        assert words in shown
        assert "an older copy of the database was restored" in shown
    page = officer.get(reverse("admin:compliance_witness_change", args=[1])).content.decode()
    assert ("This stays, also where the witness cosigns again" in page) is (not proof)


def test_without_witnesses_the_pages_say_what_to_do(officer):
    assert "There is no witness yet" in officer.get(WITNESSES).content.decode()
    assert "Nobody cosigns this log" in officer.get(reverse("admin:verify")).content.decode()
    assert "No policy is set" in officer.get(POLICY).content.decode()


def test_a_policy_begins_with_the_witnesses_that_are_known(officer):
    enrol(officer)
    shown = officer.get(POLICY).content.decode().replace("&#x2B;", "+")
    assert f"witness w1 {witness_key()}" in shown
    assert "quorum none" in shown


def test_a_policy_is_set_and_on_the_record_with_the_one_before(officer):
    first = f"witness w1 {witness_key()}\r\nquorum w1"
    assert officer.post(POLICY, {"text": first}).status_code == 302
    assert officer.post(POLICY, {"text": "quorum none\n"}).status_code == 302
    texts = list(WitnessPolicy.objects.order_by("id").values_list("text", flat=True))
    assert texts == [f"witness w1 {witness_key()}\nquorum w1\n", "quorum none\n"]
    events = Event.objects.filter(type="witness.policy_changed").order_by("id")
    details = [json.loads(bytes(event.detail or b"")) for event in events]
    assert [one["text_before"] for one in details] == ["", texts[0]]


def test_a_policy_that_cannot_be_meant_is_refused_at_its_line(officer):
    page = officer.post(POLICY, {"text": "# ours\nquorum w1\n"}).content.decode()
    assert "Line 2: no line above defines w1" in page
    assert not WitnessPolicy.objects.exists()


def test_a_policy_that_nobody_meets_says_who_has_not_signed(officer):
    officer.post(POLICY, {"text": f"witness w1 {witness_key()}\nquorum w1"})
    page = officer.get(POLICY).content.decode()
    assert "does not meet the policy" in page
    assert "NOT witnessed by w1" in page


def test_only_officers_change_who_witnesses(console, role, settings):
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, witnesses=(ADDRESS,))
    Witness.objects.create(name="example.com/witness", verifier_key="-", address=ADDRESS)
    console.as_(role)
    answers = [
        enrol(console).status_code,
        console.post(ADD_LOG, {"verifier_keys": log_key(), "active": "on"}).status_code,
        console.post(POLICY, {"text": "quorum none"}).status_code,
        console.post(reverse("admin:ask_witness", args=[1])).status_code,
    ]
    allowed = role == "Compliance officer"
    assert answers == [302 if allowed else 403] * 4
    for page in (WITNESSES, LOGS, POLICY):
        assert console.get(page).status_code == 200

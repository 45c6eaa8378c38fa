"""Approval keys in the console: made, endorsed by somebody else, revoked."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.urls import reverse

from compliance.models import ApprovalKey
from compliance.versions import load
from compliance.versions.statements import fingerprint, public_of
from tests.compliance.admin import stories
from tests.compliance.versions.conftest import quick  # noqa: F401 - asked for below
from tests.compliance.versions.forging import run, triggers_away
from tests.compliance.versions.people import PASSWORD, approver, counting, officer, rule

LIST = "admin:compliance_approvalkey_changelist"


@pytest.fixture
def filled(quick, console):  # noqa: F811
    stories.machines()
    stories.policy()
    return console


def text(answer):
    return " ".join(answer.content.decode().split())


def make(client, user, role, password=PASSWORD):
    client.force_login(user)
    fields = {"role": role, "password": password}
    return client.post(reverse("admin:approval_key_create"), fields)


def test_the_first_keys_count_at_once_because_the_installer_vouches_for_them(filled):
    olga = officer(key=False)
    filled.force_login(olga)
    assert "Make your key" in text(filled.get(reverse(LIST)))
    assert make(filled, olga, "propose").status_code == 302
    key = ApprovalKey.objects.get()
    assert key.signature
    shown = text(filled.get(reverse(LIST)))
    assert "valid" in shown
    mark = fingerprint(key.public_key)
    assert f"{mark[:8]} {mark[8:16]}" in shown


def test_a_later_key_waits_until_somebody_else_has_endorsed_it(filled):
    olga, anna = officer(), approver()
    counting(olga, anna, rule("first"))
    new = officer("nora", key=False)
    made = text(make(filled, new, "propose"))
    key = ApprovalKey.objects.get(person=new)
    assert not key.signature
    mark = fingerprint(key.public_key)
    assert "Write its fingerprint down now" in made
    assert f"{mark[:8]} {mark[8:16]}" in made
    shown = text(filled.get(reverse(LIST)))
    assert "Ask somebody who may approve policies to endorse it" in shown
    assert "not this one" in shown
    assert "Endorse…" not in shown
    address = reverse("admin:approval_key_endorse", args=[key.pk])
    assert filled.get(address).status_code == 403
    filled.force_login(anna)
    assert "Endorse…" in text(filled.get(reverse(LIST)))
    asked = text(filled.get(address))
    assert f"{mark[:8]} {mark[8:16]}" in asked
    assert f'name="mark" value="{mark}"' in asked
    without = filled.post(address, {"mark": mark, "password": PASSWORD})
    assert list(without.context["form"].errors) == ["compared"]
    filled.post(address, {"mark": mark, "compared": "on", "password": PASSWORD})
    assert fingerprint(key.public_key) in load.standing().keys


def test_a_key_that_was_exchanged_after_its_fingerprint_was_compared_is_not_endorsed(filled):
    olga, anna = officer(), approver()
    counting(olga, anna, rule("first"))
    key = officer("nora").approval_keys.get()
    filled.force_login(anna)
    address = reverse("admin:approval_key_endorse", args=[key.pk])
    compared = filled.get(address).context["form"]["mark"].value()
    triggers_away("compliance_approvalkey")
    other = public_of(Ed25519PrivateKey.generate())
    run("UPDATE compliance_approvalkey SET public_key = %s WHERE id = %s", [other, key.pk])
    for mark in (compared, ""):
        fields = {"mark": mark, "compared": "on", "password": PASSWORD}
        answer = filled.post(address, fields)
        assert "is not the one whose fingerprint you compared" in text(answer)
        assert fingerprint(other) not in text(answer).replace(" ", "")
    key.refresh_from_db()
    assert (key.public_key, key.signature) == (other, "")


def test_nobody_endorses_the_own_key_or_one_that_counts(filled):
    olga, anna = officer(), approver()
    counting(olga, anna, rule("first"))
    new = approver("nina", key=False)
    make(filled, new, "approve")
    own = ApprovalKey.objects.get(person=new)
    counts = ApprovalKey.objects.get(person=olga)
    for client, key in ((new, own), (anna, counts)):
        filled.force_login(client)
        address = reverse("admin:approval_key_endorse", args=[key.pk])
        answer = filled.post(address, {"compared": "on", "password": PASSWORD})
        assert answer.status_code == 403
    assert not ApprovalKey.objects.get(person=new).signature


NO_KEY = [
    ({"role": "propose", "password": "wrong"}, "password"),
    ({"role": "propose", "password": ""}, "password"),
    ({"role": "approve", "password": PASSWORD}, "role"),
]


def test_a_key_that_cannot_be_made_is_refused_at_the_field(filled):
    filled.force_login(officer(key=False))
    for fields, field in NO_KEY:
        answer = filled.post(reverse("admin:approval_key_create"), fields)
        assert list(answer.context["form"].errors) == [field]
        assert not ApprovalKey.objects.exists()


def test_a_key_is_revoked_by_its_owner_with_a_reason(filled):
    olga = officer()
    filled.force_login(olga)
    key = ApprovalKey.objects.get()
    address = reverse("admin:approval_key_revoke", args=[key.pk])
    assert filled.post(address, {"reason": ""}).status_code == 200
    filled.post(address, {"reason": "My laptop was stolen."})
    key.refresh_from_db()
    assert key.revoked is not None
    shown = text(filled.get(reverse(LIST)))
    assert "My laptop was stolen." in shown
    assert "Make your key" in shown


def test_another_persons_key_is_revoked_by_an_approver_only(filled):
    olga, anna = officer(), approver()
    key = ApprovalKey.objects.get(person=olga)
    address = reverse("admin:approval_key_revoke", args=[key.pk])
    filled.force_login(officer("other"))
    assert filled.post(address, {"reason": "No."}).status_code == 403
    filled.force_login(anna)
    assert filled.post(address, {"reason": "She left."}).status_code == 302
    key.refresh_from_db()
    assert key.revoked is not None


def test_who_signs_nothing_is_told_that_no_key_is_needed(filled):
    filled.as_("Auditor")
    shown = text(filled.get(reverse(LIST)))
    assert "so you need none" in shown
    assert "Nobody has a key yet." in shown

"""Drafts in the console: settings, checks, texts that come in and go out, and their end."""

import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from compliance.admin.roles import OFFICER
from compliance.models import PolicyDraft
from compliance.policy.rules import parse
from compliance.policy.yaml import from_yaml
from compliance.policy.zones import ZONES
from compliance.versions import drafts
from tests.compliance.admin import stories
from tests.compliance.admin.policies import WHOLE, drafted, opened, rules_of


@pytest.fixture
def officer(console):
    stories.machines()
    stories.policy()
    stories.application()
    console.user = console.as_(OFFICER)
    return console


def at(draft, name, *more):
    return reverse(f"admin:policy_{name}", args=[draft.pk, *more])


def text(answer):
    return " ".join(answer.content.decode().split())


def test_the_first_draft_begins_with_the_active_version(officer):
    assert "Nobody is writing a policy." in text(
        officer.get(reverse("admin:compliance_policyversion_changelist"))
    )
    officer.post(reverse("admin:policy_start"), {"note": "For the new ward."})
    draft = PolicyDraft.objects.get()
    assert str(draft.based_on) == "version 1"
    shown = text(officer.get(at(draft, "draft")))
    assert "For the new ward." in shown
    assert "They say the same" in shown
    assert "The order of the rules has no meaning." in shown


def test_settings_are_changed_and_what_says_nothing_is_left_out(officer):
    draft = drafted(officer.user)
    fields = opened(officer, at(draft, "settings"))
    officer.post(
        at(draft, "settings"),
        {**fields, "name": "clinic", "zone": "Europe/Berlin", "details_days": "30"},
    )
    draft.refresh_from_db()
    policy = parse(draft.document)
    assert (policy.name, policy.zone, policy.regions) == ("clinic", "Europe/Berlin", None)
    assert (policy.retention.content_days, policy.retention.details_days) == (None, 30)
    again = opened(officer, at(draft, "settings"))
    officer.post(at(draft, "settings"), {**again, "zone": "UTC", "details_days": ""})
    draft.refresh_from_db()
    assert sorted(json.loads(draft.document)) == ["name", "rules", "version"]


def test_a_time_zone_is_typed_and_offered_by_name(officer):
    draft = drafted(officer.user)
    shown = officer.get(at(draft, "settings")).content.decode()
    assert re.search(r'<input [^>]*name="zone"[^>]*value="UTC"[^>]*list="zone_known"', shown)
    offered = shown.partition('<datalist id="zone_known">')[2].partition("</datalist>")[0]
    assert re.findall(r'<option value="([^"]*)">', offered) == sorted(ZONES)
    fields = opened(officer, at(draft, "settings"))
    for typed, meant in (("berlin", "Europe/Berlin"), ("sao paulo", "America/Sao_Paulo")):
        answer = officer.post(at(draft, "settings"), {**fields, "zone": typed})
        (said,) = answer.context["form"].errors["zone"]
        assert said == f"“{typed}” is not one of the time zones. Did you mean {meant}?"
    officer.post(at(draft, "settings"), {**fields, "zone": "europe/berlin"})
    draft.refresh_from_db()
    assert json.loads(draft.document)["zone"] == "Europe/Berlin"


WRONG_SETTINGS = [
    ({"name": ""}, "name"),
    ({"zone": "Mars/Olympus"}, "zone"),
    ({"regions": "1066-10-14"}, "regions"),
    ({"details_days": "0"}, "details_days"),
    ({"content_days": "-1"}, "content_days"),
]


def test_wrong_settings_are_refused_at_the_field(officer):
    draft = drafted(officer.user)
    before = draft.document
    fields = opened(officer, at(draft, "settings"))
    for changed, field in WRONG_SETTINGS:
        answer = officer.post(at(draft, "settings"), {**fields, **changed})
        assert list(answer.context["form"].errors) == [field]
        draft.refresh_from_db()
        assert draft.document == before


def test_settings_without_the_edition_that_a_rule_needs_are_refused(officer):
    draft = drafted(officer.user, WHOLE, regions="2026-08-05")
    fields = opened(officer, at(draft, "settings"))
    answer = officer.post(at(draft, "settings"), {**fields, "regions": ""})
    assert list(answer.context["form"].errors) == ["regions"]


def test_settings_that_somebody_else_changed_are_not_overwritten_unseen(officer):
    draft = drafted(officer.user)
    fields = opened(officer, at(draft, "settings"))
    document = json.loads(draft.document) | {"name": "theirs"}
    drafts.save(draft, json.dumps(document), person=officer.user, seen=draft.revision)
    answer = officer.post(at(draft, "settings"), {**fields, "name": "mine"})
    assert "theirs" in answer.context["conflict"].theirs
    again = {**fields, "name": "mine", "opened": answer.context["opened"]}
    assert officer.post(at(draft, "settings"), again).status_code == 302
    draft.refresh_from_db()
    assert parse(draft.document).name == "mine"


def test_the_checks_lead_to_the_rule_that_they_speak_of(officer):
    odd = {
        "id": "odd",
        "description": "Odd.",
        "when": {"applications": ["nobody-here"]},
        "effect": "block",
    }
    draft = drafted(officer.user, odd)
    shown = officer.get(at(draft, "draft"))
    found = [check for check in shown.context["checks"] if check.place == "Rule odd"]
    assert found
    assert not found[0].blocking
    assert officer.get(found[0].url).context["original_id"] == "odd"


def test_a_draft_that_blocks_everybody_cannot_be_proposed(officer):
    everything = {"id": "all", "description": "All.", "when": {}, "effect": "block"}
    draft = drafted(officer.user, everything)
    shown = text(officer.get(at(draft, "draft")))
    assert "cannot be proposed" in shown
    asked = text(officer.get(at(draft, "propose")))
    assert "It cannot be proposed before the faults above are mended" in asked
    assert "Sign and propose" not in asked


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_goes_out_comes_in_again(officer, form):
    draft = drafted(officer.user, WHOLE, regions="2026-08-05")
    out = officer.get(at(draft, "draft_export", form)).content.decode()
    read = out if form == "json" else from_yaml(out)
    assert parse(read) == parse(draft.document)
    other = drafted(officer.user)
    file = SimpleUploadedFile(f"policy.{form}", out.encode())
    officer.post(at(other, "import"), {"seen": other.revision, "file": file})
    other.refresh_from_db()
    assert parse(other.document) == parse(draft.document)
    third = drafted(officer.user)
    officer.post(at(third, "import"), {"seen": third.revision, "text": out})
    third.refresh_from_db()
    assert parse(third.document) == parse(draft.document)


NO_POLICY: list[tuple[dict[str, Any], str, str]] = [
    ({}, "text", "Choose a file"),
    ({"text": "{"}, "text", "JSON"),
    ({"text": "name: x"}, "text", "missing"),
    ({"text": "a: &b [*b]"}, "text", ""),
    ({"text": r'name: "\U00110000"'}, "text", "out of range"),
    ({"text": r'{"\ud800": 1}'}, "text", r"'\ud800': unknown member"),
    ({"text": '{"name": "n", "version": 1, "rules": [], "more": 1}'}, "text", "more"),
    ({"file": b"\xff"}, "file", "UTF-8"),
    ({"file": b"{}"}, "file", "missing"),
    ({"file": b" " * (2**20 + 1)}, "file", "larger than 1 MiB"),
]


def test_a_text_that_is_no_policy_is_refused_and_stays_to_be_mended(officer):
    draft = drafted(officer.user)
    before = draft.document
    for given, field, words in NO_POLICY:
        sent: dict[str, Any] = {"seen": draft.revision, **given}
        if "file" in given:
            sent["file"] = SimpleUploadedFile("policy.json", given["file"])
        answer = officer.post(at(draft, "import"), sent)
        errors = answer.context["form"].errors
        assert list(errors) == [field], errors
        assert words in " ".join(errors[field])
        assert opened_text(answer) == given.get(
            "text", "{}" if given.get("file") == b"{}" else ""
        )
        draft.refresh_from_db()
        assert draft.document == before


def opened_text(answer):
    return answer.context["form"]["text"].value() or ""


def test_a_text_over_somebody_elses_change_is_shown_beside_it_first(officer):
    draft = drafted(officer.user)
    seen = draft.revision
    mine = json.dumps(json.loads(draft.document) | {"name": "mine"})
    theirs = json.dumps(json.loads(draft.document) | {"name": "theirs"})
    drafts.save(draft, theirs, person=officer.user, seen=seen)
    answer = officer.post(at(draft, "import"), {"seen": seen, "text": mine})
    assert "theirs" in answer.context["conflict"].theirs
    assert "mine" in opened_text(answer)
    draft.refresh_from_db()
    assert draft.document == theirs
    again = {"seen": answer.context["seen"], "text": opened_text(answer)}
    assert officer.post(at(draft, "import"), again).status_code == 302
    draft.refresh_from_db()
    assert parse(draft.document).name == "mine"


def test_a_stored_text_that_cannot_be_read_is_shown_with_its_fault(officer):
    draft = drafted(officer.user)
    drafts.save(draft, "{", person=officer.user, seen=draft.revision)
    shown = text(officer.get(at(draft, "draft")))
    assert "cannot be read as a policy" in shown
    assert opened(officer, at(draft, "import"))["text"] == ["{"]


def test_a_discarded_draft_is_read_and_never_changed(officer):
    draft = drafted(officer.user)
    before = rules_of(draft)
    officer.post(at(draft, "discard"))
    assert officer.get(at(draft, "draft")).status_code == 200
    for name in ("rule", "settings", "import", "propose", "discard"):
        assert officer.get(at(draft, name)).status_code == 404, name
    assert rules_of(draft) == before
    listed = text(officer.get(reverse("admin:compliance_policyversion_changelist")))
    assert "Nobody is writing a policy." in listed

"""A rule in the console: written in a form, read as a sentence, and never lost."""

import json
from typing import Any

import pytest
from django.urls import reverse

from compliance.admin.roles import OFFICER
from compliance.policy.rules import parse
from compliance.policy.words import rule as in_words
from compliance.versions import drafts
from tests.compliance.admin import stories
from tests.compliance.admin.forms import typed
from tests.compliance.admin.policies import (
    WHOLE,
    drafted,
    opened,
    rule_page,
    rules_of,
    saves,
)

NEW = {
    "description": "Nothing about health.",
    "effect": "block",
    "when_categories": ["special"],
}


@pytest.fixture
def officer(console):
    stories.machines()
    stories.policy()
    stories.application()
    user = console.as_(OFFICER)
    console.user = user
    return console


def said(rule):
    """The sentence of a rule, as the policy's own words have it."""
    return in_words(parse(json.dumps({"name": "n", "version": 1, "rules": [rule]})).rules[0])


def test_a_rule_that_uses_every_member_comes_back_from_its_form_as_it_was(officer):
    draft = drafted(officer.user, WHOLE, regions="2026-08-05")
    fields = opened(officer, rule_page(draft, id="whole"))
    assert saves(officer, rule_page(draft), fields).status_code == 302
    assert rules_of(draft)["whole"] == WHOLE


def test_what_nobody_here_has_is_told_on_the_page_of_the_draft(officer):
    when = {"owners": ["Nobody"], "purposes": ["Nothing"], "licences": ["None"]}
    where = {"operators": ["Nobody"], "certifications": ["Nothing"]}
    draft = drafted(officer.user, {**WHOLE, "when": when, "where": where})
    page = officer.get(reverse("admin:policy_draft", args=[draft.pk])).content.decode()
    for member in ("belongs to", "has the purpose", "is run by", "has the certification"):
        assert f"here {member} “No" in page, member


def test_applications_that_a_rule_is_about_come_back_too(officer):
    rule = {**WHOLE, "id": "only", "when": {"applications": ["helpdesk", "not-here"]}}
    draft = drafted(officer.user, rule, regions="2026-08-05")
    fields = opened(officer, rule_page(draft, id="only"))
    saves(officer, rule_page(draft), fields)
    assert rules_of(draft)["only"] == rule


def test_a_new_rule_is_named_after_its_sentence_and_joins_the_others(officer):
    draft = drafted(officer.user)
    before = rules_of(draft)
    fields = opened(officer, rule_page(draft))
    assert saves(officer, rule_page(draft), fields, **NEW).status_code == 302
    after = rules_of(draft)
    assert after == before | {
        "nothing-about-health": {
            "id": "nothing-about-health",
            "description": "Nothing about health.",
            "when": {"categories": ["special"]},
            "effect": "block",
        }
    }


def test_a_region_brings_the_newest_edition_of_the_regions_with_it(officer):
    draft = drafted(officer.user)
    fields = opened(officer, rule_page(draft))
    allow = {"description": "In the EU.", "effect": "allow", "where_regions": ["EU"]}
    assert saves(officer, rule_page(draft), fields, **allow).status_code == 302
    draft.refresh_from_db()
    assert parse(draft.document).regions == "2026-08-05"


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"description": ""}, "description", "This field is required"),
    ({"effect": ""}, "effect", "Say what happens"),
    ({"id": "credentials"}, "id", "Another rule of this draft is called"),
    ({"who": "only"}, "when_applications", "Choose at least one application"),
    ({"when_applications": ["helpdesk"]}, "who", "Applications are chosen below"),
    ({"when_hours_from": "08:00"}, "when_hours_to", "a beginning and an end"),
    (
        {"when_hours_from": "8", "when_hours_to": "9"},
        "when_hours_from",
        "from 00:00 to 23:59",
    ),
    (
        {"when_hours_from": "08:00", "when_hours_to": "08:00"},
        "when_hours_to",
        "is the same",
    ),
    (
        {"when_subject_countries": "Germny"},
        "when_subject_countries",
        "Did you mean Germany",
    ),
    ({"where_countries": "UK"}, "where_countries", "“UK” is no country"),
    ({"effect": "block", "where_countries": "DE"}, "where_countries", "block"),
    ({"when_categories": ["secret"]}, "when_categories", "“secret” is not among"),
    (
        {"when_categories": [], "when_at_least": "2"},
        "when_at_least",
        "categories",
    ),
    ({"obligations_max_tokens": "0", "effect": "allow"}, "obligations_max_tokens", "1"),
]


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(officer):
    draft = drafted(officer.user)
    before = rules_of(draft)
    fields = opened(officer, rule_page(draft))
    for changed, field, words in WRONG:
        typed_in = {**NEW, "obligations_content_days": "", **changed}
        answer = saves(officer, rule_page(draft), fields, **typed_in)
        assert answer.status_code == 200
        form = answer.context["form"]
        assert field in form.errors, form.errors
        assert words.casefold() in " ".join(form.errors[field]).casefold()
        assert rules_of(draft) == before
        again = {
            name: values if isinstance(typed_in.get(name), list) else values[0]
            for name, values in typed(answer).items()
        }
        for name, value in typed_in.items():
            if name not in ("when_categories", "when_applications") or value != ["secret"]:
                assert again.get(name, [] if isinstance(value, list) else "") == value, name


def test_the_sentence_is_shown_before_anything_is_saved(officer):
    draft = drafted(officer.user)
    fields = opened(officer, rule_page(draft))
    answer = officer.post(rule_page(draft), {**fields, **NEW, "preview": "1"})
    rule = {
        "id": "x",
        "description": "x",
        "when": {"categories": ["special"]},
        "effect": "block",
    }
    assert answer.context["sentence"] == said(rule)
    assert "nothing-about-health" not in rules_of(draft)
    live = officer.post(
        reverse("admin:policy_rule_preview", args=[draft.pk]), {**fields, **NEW}
    )
    assert live.json() == {"sentence": said(rule), "missing": []}


def test_the_script_is_told_what_is_missing(officer):
    draft = drafted(officer.user)
    address = reverse("admin:policy_rule_preview", args=[draft.pk])
    live = officer.post(address, {"when_subject_countries": "Nowhere"})
    assert live.json() == {
        "sentence": "",
        "missing": [
            "What it says, in one sentence",
            "What happens",
            "Countries of its data subjects",
        ],
    }


def test_a_rule_that_somebody_else_changed_is_not_overwritten_unseen(officer):
    draft = drafted(officer.user, WHOLE, regions="2026-08-05")
    fields = opened(officer, rule_page(draft, id="whole"))
    theirs = {**WHOLE, "effect": "mask"}
    rest = [one for one in rules_of(draft).values() if one["id"] != "whole"]
    document = json.loads(draft.document) | {"rules": [*rest, theirs]}
    drafts.save(draft, json.dumps(document), person=officer.user, seen=draft.revision)
    answer = saves(officer, rule_page(draft), fields, description="Mine.")
    conflict = answer.context["conflict"]
    assert conflict.theirs != conflict.mine
    assert "mask" in conflict.theirs.casefold() or "black" in conflict.theirs.casefold()
    assert rules_of(draft)["whole"] == theirs
    again = typed(answer)
    assert again["description"] == ["Mine."]
    assert saves(officer, rule_page(draft), again).status_code == 302
    assert rules_of(draft)["whole"] == WHOLE | {"description": "Mine."}


def test_changes_of_two_people_to_two_rules_both_stay(officer):
    draft = drafted(officer.user)
    one = opened(officer, rule_page(draft, id="credentials"))
    other = opened(officer, rule_page(draft, id="payment-data"))
    saves(officer, rule_page(draft), one, description="One.")
    saves(officer, rule_page(draft), other, description="Other.")
    after = rules_of(draft)
    assert after["credentials"]["description"] == "One."
    assert after["payment-data"]["description"] == "Other."


def test_a_text_that_cannot_be_read_is_not_replaced_by_one_rule(officer):
    draft = drafted(officer.user)
    page = reverse("admin:policy_draft", args=[draft.pk])
    typed_in = opened(officer, rule_page(draft))
    shown = {one.rule.id: one for one in officer.get(page).context["rules"]}
    asked = {"id": "credentials", "opened": shown["credentials"].mark}
    officer.post(reverse("admin:policy_rule_remove", args=[draft.pk]), asked)
    draft.refresh_from_db()
    broken = '{"rules": [hours of work'
    drafts.save(draft, broken, person=officer.user, seen=draft.revision)
    saved = saves(officer, rule_page(draft), typed_in, **NEW)
    back = reverse("admin:policy_rule_restore", args=[draft.pk])
    for answer in (saved, officer.post(back, follow=True)):
        assert "Mend it as text first" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.document == broken


def test_a_removed_rule_can_be_put_back(officer):
    draft = drafted(officer.user)
    before = rules_of(draft)
    page = reverse("admin:policy_draft", args=[draft.pk])
    shown = {one.rule.id: one for one in officer.get(page).context["rules"]}
    asked = {"id": "credentials", "opened": shown["credentials"].mark}
    answer = officer.post(
        reverse("admin:policy_rule_remove", args=[draft.pk]), asked, follow=True
    )
    assert "credentials" not in rules_of(draft)
    assert "Put it back" in answer.content.decode()
    officer.post(reverse("admin:policy_rule_restore", args=[draft.pk]))
    assert rules_of(draft) == before
    assert "Put it back" not in officer.get(page).content.decode()


def test_a_rule_that_was_changed_meanwhile_is_not_removed(officer):
    draft = drafted(officer.user)
    asked = {"id": "credentials", "opened": "0" * 64}
    answer = officer.post(
        reverse("admin:policy_rule_remove", args=[draft.pk]), asked, follow=True
    )
    assert "credentials" in rules_of(draft)
    assert "changed the rule credentials meanwhile" in answer.content.decode()


def test_a_copy_begins_as_its_original_and_leaves_it_alone(officer):
    draft = drafted(officer.user)
    before = rules_of(draft)
    fields = opened(officer, rule_page(draft, copy="credentials"))
    assert fields["id"] == [""]
    saves(officer, rule_page(draft), fields, description="A copy.")
    after = rules_of(draft)
    assert after.pop("a-copy") == before["credentials"] | {
        "id": "a-copy",
        "description": "A copy.",
    }
    assert after == before

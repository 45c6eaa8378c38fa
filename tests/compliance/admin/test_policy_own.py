"""Own entities in the console: written in a form, tried on samples, taken out and put back."""

import json

import pytest
from django.urls import reverse

from compliance.admin.roles import AUDITOR, OFFICER
from compliance.policy.rules import parse
from compliance.versions import Refused, drafts, sound
from tests.compliance.admin import stories
from tests.compliance.admin.policies import drafted, opened, saves

NEW = {
    "name": "CASE_NUMBER",
    "description": "A case of the court.",
    "category": "personal",
    "pattern": r"AZ-(\d{5})",
    "checksum": "luhn",
    "words": "Aktenzeichen\ncase",
    "never": "",
    "always": "Nordlicht\n\nSüdwind",
    "found": "The case AZ-12344 is open.",
    "not_found": "The case AZ-12345 is a typing error.",
}


@pytest.fixture
def officer(console):
    stories.machines()
    stories.policy()
    user = console.as_(OFFICER)
    console.user = user
    return console


def address(draft, view="policy_part", slug="own-entities", **asked):
    return reverse(f"admin:{view}", args=[draft.pk, slug], query=asked or None)


def stored(draft):
    draft.refresh_from_db()
    return json.loads(draft.document).get("own_entities")


def made(officer):
    draft = drafted(officer.user)
    saves(officer, address(draft), opened(officer, address(draft)), **NEW)
    return draft


def test_a_new_entity_joins_the_draft_and_comes_back_from_its_form_as_it_was(officer):
    draft = made(officer)
    before = stored(draft)
    assert before == [
        {
            "name": "CASE_NUMBER",
            "description": "A case of the court.",
            "category": "personal",
            "pattern": r"AZ-(\d{5})",
            "checksum": "luhn",
            "words": ["Aktenzeichen", "case"],
            "always": ["Nordlicht", "Südwind"],
            "found": ["The case AZ-12344 is open."],
            "not_found": ["The case AZ-12345 is a typing error."],
        }
    ]
    page = address(draft, name="CASE_NUMBER")
    assert saves(officer, page, opened(officer, page)).status_code == 302
    assert stored(draft) == before
    shown = officer.get(reverse("admin:policy_draft", args=[draft.pk])).content.decode()
    assert "the check digit is right (luhn), and “Aktenzeichen” or “case” stands near" in shown


WRONG = [
    ({"name": "case"}, "name", "3 to 63 capital letters"),
    ({"name": ""}, "name", "required"),
    ({"pattern": "("}, "pattern", "is no pattern of RE2"),
    ({"pattern": r"(?=x)abc"}, "pattern", "is no pattern of RE2"),
    ({"pattern": r"\w+", "checksum": "", "words": ""}, "pattern", "everyday text"),
    ({"pattern": "", "checksum": "", "words": "", "always": ""}, "pattern", "Missing"),
    ({"found": ""}, "found", "Missing; give at least one sample text"),
    ({"found": "The case AZ-12345 is wrong."}, "found", "text 1"),
    ({"not_found": "The case AZ-12344."}, "not_found", "text 1"),
    ({"always": "ab"}, "always", "at least 3 characters"),
]


@pytest.mark.parametrize(("changed", "field", "words"), WRONG)
def test_what_is_wrong_is_told_at_its_field_and_nothing_typed_is_lost(
    officer, changed, field, words
):
    draft = drafted(officer.user)
    answer = saves(officer, address(draft), opened(officer, address(draft)), **NEW | changed)
    assert words in str(answer.context["form"].errors[field])
    assert stored(draft) is None
    assert "A case of the court." in answer.content.decode()


def test_it_is_tried_on_its_samples_and_on_a_text_before_it_is_saved(officer):
    draft = drafted(officer.user)
    fields = opened(officer, address(draft))
    tried = {**fields, **NEW, "tried": "My case: AZ-12344, not AZ-1.", "try": "1"}
    answer = officer.post(address(draft), tried)
    assert [sample.right for sample in answer.context["samples"]] == [True, True, None]
    assert "<mark>AZ-12344</mark>, not AZ-1." in answer.content.decode()
    assert stored(draft) is None


def test_it_is_taken_out_and_put_back(officer):
    draft = made(officer)
    before = stored(draft)
    officer.post(address(draft, "policy_part_remove"), {"name": "CASE_NUMBER"})
    assert stored(draft) is None
    shown = officer.get(reverse("admin:policy_draft", args=[draft.pk])).content.decode()
    assert "Put it back" in shown
    officer.post(reverse("admin:policy_restore", args=[draft.pk]))
    assert stored(draft) == before


def test_somebody_elses_change_meanwhile_is_not_overwritten(officer):
    draft = made(officer)
    page = address(draft, name="CASE_NUMBER")
    fields = opened(officer, page)
    saves(officer, page, fields, description="Theirs.")
    answer = saves(officer, page, fields, description="Mine.")
    assert "Somebody else changed this entity meanwhile" in answer.content.decode()
    assert stored(draft)[0]["description"] == "Theirs."


def test_what_was_written_by_hand_and_fails_its_samples_is_not_proposed(officer):
    entity = {
        "name": "CASE_NUMBER",
        "description": "A case.",
        "category": "personal",
        "pattern": r"AZ-\d{5}",
        "found": ["no such thing"],
        "not_found": ["nothing"],
    }
    draft = drafted(officer.user, own_entities=[entity])
    shown = officer.get(reverse("admin:policy_draft", args=[draft.pk]))
    (check,) = [one for one in shown.context["checks"] if one.blocking]
    assert check.place == "Entity CASE_NUMBER"
    assert officer.get(check.url).status_code == 200
    page = reverse("admin:policy_propose", args=[draft.pk])
    assert b"CASE_NUMBER" in officer.get(page, follow=True).content


def test_an_entity_that_is_found_already_is_not_proposed_however_it_was_written(officer):
    entity = {
        "name": "IBAN_CODE",
        "description": "A case.",
        "category": "personal",
        "pattern": r"AZ-[0-9]{5}",
        "found": ["AZ-12345"],
        "not_found": ["nothing"],
    }
    draft = drafted(officer.user, own_entities=[entity])
    with pytest.raises(Refused, match="IBAN_CODE is the name of an entity that is found"):
        sound.insist(parse(draft.document))
    sound.insist(
        parse(drafted(officer.user, own_entities=[entity | {"name": "CASE"}]).document)
    )


@pytest.mark.parametrize(
    "written",
    [
        [{"name": ["x"], "category": {}}],
        [{"name": 1, "category": None, "pattern": 5, "found": "abc", "words": {"a": 1}}],
        ["x", 5],
        {"a": 1},
    ],
)
def test_the_forms_of_a_draft_open_whatever_was_written_by_hand(officer, written):
    draft = drafted(officer.user, own_entities=written, ignored=written)
    pages = [
        *(reverse(f"admin:policy_{page}", args=[draft.pk]) for page in ("draft", "rule")),
        *(address(draft, slug=slug) for slug in ("own-entities", "ignored")),
    ]
    assert [officer.get(page).status_code for page in pages] == [200] * 4


def test_a_text_that_cannot_be_read_is_not_replaced_by_one_definition(officer):
    draft = drafted(officer.user)
    broken = '{"name": "half a policy", "rules": ['
    drafts.save(draft, broken, person=officer.user, seen=draft.revision)
    answer = saves(officer, address(draft), opened(officer, address(draft)), **NEW)
    assert "Mend it as text first" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.document == broken


def test_who_may_not_draft_may_not_define(console):
    stories.machines()
    stories.policy()
    author = console.as_(OFFICER)
    draft = drafted(author)
    console.as_(AUDITOR)
    assert console.get(address(draft)).status_code == 403
    assert console.post(address(draft), {**NEW, "save": "1"}).status_code == 403


IGNORED = {
    "id": "our-address",
    "description": "Our own address.",
    "values": "info@clinic.example\nCharité",
    "below": "",
    "when_entities": [],
}


def test_an_exception_joins_the_draft_and_is_taken_out_and_put_back(officer):
    draft = drafted(officer.user)
    page = address(draft, slug="ignored")
    assert saves(officer, page, opened(officer, page), **IGNORED).status_code == 302
    draft.refresh_from_db()
    kept = json.loads(draft.document)["ignored"]
    assert kept == [
        {
            "id": "our-address",
            "description": "Our own address.",
            "values": ["info@clinic.example", "Charité"],
        }
    ]
    page = address(draft, slug="ignored", name="our-address")
    changed = {"below": "70", "values": "", "entities_more": "PERSON"}
    saves(officer, page, opened(officer, page), **changed)
    draft.refresh_from_db()
    (one,) = json.loads(draft.document)["ignored"]
    assert (one["below"], one["entities"], "values" in one) == (70, ["PERSON"], False)
    shown = officer.get(reverse("admin:policy_draft", args=[draft.pk])).content.decode()
    assert "less than 70 % sure do not count" in shown
    officer.post(address(draft, "policy_part_remove", "ignored"), {"name": "our-address"})
    draft.refresh_from_db()
    assert "ignored" not in json.loads(draft.document)
    officer.post(reverse("admin:policy_restore", args=[draft.pk]))
    draft.refresh_from_db()
    assert json.loads(draft.document)["ignored"] == [one]


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"values": ""}, "values", "Missing; give values, or a score in below"),
        ({"id": ""}, "id", "required"),
        ({"below": "101"}, "below", "less than or equal to 100"),
    ],
)
def test_an_exception_that_says_nothing_is_told_at_its_field(officer, changed, field, words):
    draft = drafted(officer.user)
    page = address(draft, slug="ignored")
    answer = saves(officer, page, opened(officer, page), **IGNORED | changed)
    assert words in str(answer.context["form"].errors[field])

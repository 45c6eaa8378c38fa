"""What an application declares that it processes, and whose data: typed, kept, recorded."""

import json

import pytest
from django.urls import reverse

from compliance.admin.roles import OFFICER
from compliance.models import Application, Event
from tests.compliance.admin import stories
from tests.compliance.admin.forms import typed

NAMES = "data_categories", "subject_countries"


@pytest.fixture
def officer(console):
    stories.machines()
    stories.policy()
    console.as_(OFFICER)
    return console


def detail(kind):
    return json.loads(bytes(Event.objects.filter(type=kind).latest("id").detail or b""))


def test_a_new_application_says_what_it_processes_and_the_record_keeps_it(officer):
    address = reverse("admin:compliance_application_add")
    fields = typed(officer.get(address))
    given = {
        "name": "clinic",
        "purpose": "Care.",
        "legal_basis": "6-1-e",
        "ropa_reference": "VVT-3",
        "owner": "Ward 3",
        "data_categories": ["special", "personal"],
        "subject_countries": "Germany, nl",
    }
    assert officer.post(address, fields | given).status_code == 302
    one = Application.objects.get(name="clinic")
    assert (one.data_categories, one.subject_countries) == (
        ["special", "personal"],
        ["DE", "NL"],
    )
    said = detail("application.registered")
    assert [said[name] for name in NAMES] == [["special", "personal"], ["DE", "NL"]]
    assert said["subject_countries"] == ["DE", "NL"]


def test_a_change_is_recorded_with_both_values_and_what_stays_is_not(officer):
    one = stories.application(data_categories=["personal"], subject_countries=["DE"])
    address = reverse("admin:compliance_application_change", args=[one.pk])
    fields = typed(officer.get(address))
    assert fields["subject_countries"] == ["Germany"]
    before = Event.objects.count()
    officer.post(address, fields)
    assert Event.objects.count() == before
    officer.post(address, fields | {"subject_countries": "Germany, the Netherlands"})
    assert detail("application.changed")["changes"] == {
        "subject_countries": {"from": ["DE"], "to": ["DE", "NL"]}
    }
    one.refresh_from_db()
    assert one.data_categories == ["personal"]


def test_a_country_or_category_that_is_none_is_refused_at_its_field(officer):
    one = stories.application()
    address = reverse("admin:compliance_application_change", args=[one.pk])
    fields = typed(officer.get(address))
    wrong = {"data_categories": ["secret"], "subject_countries": "Germany, Atlantis"}
    answer = officer.post(address, fields | wrong)
    errors = answer.context["adminform"].form.errors
    assert sorted(errors) == sorted(NAMES)
    assert "“Atlantis” is no country" in " ".join(errors["subject_countries"])
    one.refresh_from_db()
    assert (one.data_categories, one.subject_countries) == ([], [])

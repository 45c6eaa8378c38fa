"""What the console does is on the record, in the transaction that does it."""

import hashlib
import json
import sqlite3

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.test import Client
from django.test.signals import template_rendered
from django.urls import reverse

from compliance.models import APIKey, Application, Event, Site
from tests.compliance.admin import stories
from tests.compliance.admin.conftest import PASSWORD, person
from tests.compliance.admin.test_rights import NEW

ADD = "admin:compliance_application_add"


def last(kind):
    event = Event.objects.filter(source="console", type=kind).order_by("id").last()
    assert event is not None, f"no event {kind}"
    detail = json.loads(bytes(event.detail or b""))
    detail.pop("time")  # in microseconds; every detail has it
    return event, detail


def test_registering_an_application_is_recorded_with_who_and_what(console):
    console.as_("Compliance officer")
    console.post(reverse(ADD), NEW)
    event, detail = last("application.registered")
    assert event.application == Application.objects.get(name="newcomer").pk
    assert detail["actor"] == "Compliance officer"
    assert detail["purpose"] == "Trying."
    assert "label_key" not in detail
    label_key = bytes(Application.objects.get(name="newcomer").label_key)
    assert detail["label_key_sha256"] == hashlib.sha256(label_key).hexdigest()


def test_a_change_is_recorded_with_old_and_new(console):
    owner = stories.application()
    console.as_("Compliance officer")
    fields = {name: getattr(owner, name) for name in NEW if name not in ("name", "active")}
    fields |= {"active": "on", "requests_per_minute": 7}
    console.post(reverse("admin:compliance_application_change", args=[owner.pk]), fields)
    _event, detail = last("application.changed")
    assert detail["changes"] == {"requests_per_minute": {"from": 600, "to": 7}}
    assert detail["application"] == "helpdesk"


def test_saving_without_a_change_records_nothing(console):
    owner = stories.application()
    console.as_("Compliance officer")
    fields = {name: getattr(owner, name) for name in NEW if name != "name"}
    console.post(reverse("admin:compliance_application_change", args=[owner.pk]), fields)
    assert not Event.objects.filter(type="application.changed").exists()


def test_an_invalid_form_changes_nothing_and_says_where(console):
    console.as_("Compliance officer")
    answer = console.post(reverse(ADD), NEW | {"purpose": ""})
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "Nothing was saved" in text
    assert "errorlist" in text
    assert not Application.objects.exists()
    assert not Event.objects.filter(type="application.registered").exists()


def test_a_key_is_shown_once_and_stored_nowhere(console):
    owner = stories.application()
    console.as_("Compliance officer")
    address = reverse("admin:issue_api_key", args=[owner.pk])
    form = {"note": "front desk", "expires": "", "once": "first"}
    answer = console.post(address, form)
    plaintext = answer.context["plaintext"]
    assert plaintext in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    event, detail = last("api_key.issued")
    assert detail["prefix"] in plaintext
    for table in ("compliance_event", "compliance_apikey", "django_session"):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608 - the names above
            assert plaintext not in str(cursor.fetchall())
    assert plaintext.encode() not in bytes(event.detail)
    again = console.post(address, form)
    assert again.status_code == 302
    assert APIKey.objects.count() == 1


def test_a_key_cannot_begin_expired(console):
    owner = stories.application()
    console.as_("Compliance officer")
    form = {"note": "", "expires": "2001-01-01T00:00", "once": "x"}
    answer = console.post(reverse("admin:issue_api_key", args=[owner.pk]), form)
    assert "has passed" in answer.content.decode()
    assert not APIKey.objects.exists()


def test_revoking_twice_is_recorded_once(console):
    key, _plaintext = APIKey.issue(stories.application())
    console.as_("Compliance officer")
    address = reverse("admin:revoke_api_key", args=[key.pk])
    assert "cannot be undone" in console.get(address).content.decode()
    console.post(address)
    console.post(address)
    key.refresh_from_db()
    assert key.revoked is not None
    assert Event.objects.filter(type="api_key.revoked").count() == 1


def test_switching_a_site_off_asks_first_and_is_recorded(console):
    stories.machines()
    site = Site.objects.get()
    console.as_("Operator")
    address = reverse("admin:compliance_site_switch", args=[site.pk])
    console.get(address)
    site.refresh_from_db()
    assert site.active
    console.post(address, {"active": "0"})
    site.refresh_from_db()
    assert not site.active
    _event, detail = last("site.deactivated")
    assert detail == {"actor": "Operator", "site": "home"}


def test_a_new_person_and_a_new_role_are_recorded_without_private_values(console):
    console.as_("Administrator")
    auditors = Group.objects.get(name="Auditor")
    fields = {"username": "eve", "first_name": "Eve", "email": "eve@example.org"}
    password = {"password1": PASSWORD, "password2": PASSWORD}
    console.post(reverse("admin:auth_user_add"), fields | password | {"groups": auditors.pk})
    event, detail = last("user.created")
    assert detail == {"actor": "Administrator", "user": "eve", "groups": ["Auditor"]}
    assert b"example.org" not in bytes(event.detail)
    eve = User.objects.get(username="eve")
    assert eve.password.startswith("argon2")
    console.post(
        reverse("admin:auth_user_change", args=[eve.pk]),
        {"first_name": "Eva", "email": "eve@example.org", "is_active": "on"},
    )
    _event, detail = last("user.changed")
    assert detail["changes"] == {
        "first_name": "changed",
        "groups": {"from": ["Auditor"], "to": []},
    }


def test_a_password_set_for_another_is_recorded_and_ends_the_others_sessions(console):
    eve = person("Auditor", username="eve")
    hers = Client()
    hers.force_login(eve)
    assert hers.get(reverse("admin:requests")).status_code == 200
    console.as_("Administrator")
    form = {"password1": PASSWORD, "password2": PASSWORD}
    console.post(reverse("admin:user_password", args=[eve.pk]), form)
    last("user.password_changed")
    assert hers.get(reverse("admin:requests")).status_code == 302


def test_ones_own_password_is_changed_and_recorded(console):
    user = console.as_("Auditor")
    user.set_password("the old one, long")
    user.save()
    console.force_login(user)
    form = {
        "old_password": "the old one, long",
        "new_password1": PASSWORD,
        "new_password2": PASSWORD,
    }
    answer = console.post(reverse("admin:password_change"), form)
    assert answer.status_code == 302
    _event, detail = last("user.password_changed")
    assert detail == {"actor": "Auditor", "user": "Auditor"}


@pytest.mark.parametrize("kind", ["register", "issue", "switch"])
def test_what_cannot_be_recorded_does_not_happen(console, kind):
    """The counter's row is gone, so the journal cannot number an event."""
    stories.machines()
    owner = stories.application()
    console.as_(username="root", is_superuser=True)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE compliance_writerepoch")
    address, form = {
        "register": (reverse(ADD), NEW),
        "issue": (reverse("admin:issue_api_key", args=[owner.pk]), {"once": "x"}),
        "switch": (reverse("admin:compliance_site_switch", args=[1]), {"active": "0"}),
    }[kind]
    answer = console.post(address, form)
    assert answer.status_code == 503
    assert "did not happen" in answer.content.decode()
    assert Application.objects.count() == 1
    assert not APIKey.objects.exists()
    assert Site.objects.get().active


class Rival:
    """Another writer of the same SQLite file, which never waits."""

    def __init__(self, name):
        self.name = name
        self.written = 0

    def write(self, *_arguments, **_more):
        file = sqlite3.connect(self.name, timeout=0)
        try:
            file.execute("BEGIN IMMEDIATE")
            file.execute("ROLLBACK")
            self.written += 1
        finally:
            file.close()


@pytest.fixture
def rival(database):
    if database.vendor != "sqlite":
        pytest.skip("only SQLite has one write lock")
    return Rival(database.name)


@pytest.mark.parametrize("fields", [{}, {"purpose": ""}], ids=["valid", "invalid"])
def test_a_form_holds_no_write_lock_while_it_is_checked_or_drawn(console, rival, fields):
    """However long checking and drawing take, prompts go on being recorded."""
    console.as_("Compliance officer")

    def checking(execute, sql, params, many, context):
        if "compliance_application" in sql and sql.startswith("SELECT"):
            rival.write()
        return execute(sql, params, many, context)

    template_rendered.connect(rival.write)
    try:
        with connection.execute_wrapper(checking):
            console.post(reverse(ADD), NEW | fields)
            console.get(reverse("admin:compliance_application_changelist"))
    finally:
        template_rendered.disconnect(rival.write)
    assert rival.written > 3
    assert Application.objects.count() == (0 if fields else 1)


def test_the_rival_would_notice_a_lock(console, rival):
    with transaction.atomic():
        assert not Application.objects.exists()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            rival.write()

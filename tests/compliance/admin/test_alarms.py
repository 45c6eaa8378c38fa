"""An alarm stands on the overview until an officer says what was found."""

import json

import pytest
from argon2 import PasswordHasher
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.urls import reverse

from compliance.admin.roles import ensure
from compliance.audit.alarms import CHANGE, raise_
from compliance.audit.watch import take_changes
from compliance.models import Alarm, Application, Change, Event
from tests.compliance.admin import stories
from tests.compliance.admin.conftest import PASSWORD


@pytest.fixture
def alarm(console):
    stories.application()
    Change.objects.all().delete()
    Application.objects.update(owner="somebody else")
    take_changes()
    return Alarm.objects.get()


def test_a_change_behind_the_back_stands_on_the_overview_until_acknowledged(console, alarm):
    console.as_("Compliance officer")
    overview = reverse("admin:index")
    text = console.get(overview).content.decode()
    assert "behind the record" in text
    assert str(Application.objects.get().pk) in text
    page = console.get(reverse("admin:compliance_alarm_change", args=[alarm.pk]))
    assert "What you found" in page.content.decode()
    assert '<input type="hidden" name="count" value="1"' in page.content.decode()
    note = {"note": "A repair after the crash; ticket 12.", "count": 1}
    console.post(reverse("admin:acknowledge_alarm", args=[alarm.pk]), note)
    assert "behind the record" not in console.get(overview).content.decode()
    detail = json.loads(bytes(Event.objects.get(type="alarm.acknowledged").detail or b""))
    assert detail.pop("time")
    assert detail == {
        "actor": "Compliance officer",
        "alarm": CHANGE,
        "subject": "compliance_application",
        **note,
    }


def test_an_alarm_is_not_acknowledged_without_words(console, alarm):
    console.as_("Compliance officer")
    console.post(reverse("admin:acknowledge_alarm", args=[alarm.pk]), {"note": " ", "count": 1})
    alarm.refresh_from_db()
    assert alarm.acknowledged is None
    assert not Event.objects.filter(type="alarm.acknowledged").exists()


def test_an_acknowledged_alarm_does_not_hide_the_next(console, alarm):
    console.as_("Compliance officer")
    console.post(
        reverse("admin:acknowledge_alarm", args=[alarm.pk]), {"note": "Seen.", "count": 1}
    )
    raise_(CHANGE, "compliance_application", "once more")
    assert Alarm.objects.filter(acknowledged=None).count() == 1


def test_what_was_raised_again_after_the_page_was_read_is_not_acknowledged(console, alarm):
    console.as_("Compliance officer")
    raise_(CHANGE, "compliance_application", "once more")
    address = reverse("admin:acknowledge_alarm", args=[alarm.pk])
    assert (
        "once more"
        in console.post(address, {"note": "x", "count": 1}, follow=True).content.decode()
    )
    alarm.refresh_from_db()
    assert alarm.acknowledged is None
    console.post(address, {"note": "Both seen.", "count": 2})
    alarm.refresh_from_db()
    assert alarm.acknowledged is not None


def test_the_auditor_sees_an_alarm_and_cannot_acknowledge_it(console, alarm):
    console.as_("Auditor")
    page = console.get(reverse("admin:compliance_alarm_change", args=[alarm.pk]))
    assert "What you found" not in page.content.decode()
    assert alarm.words in page.content.decode()


def test_a_password_that_a_login_stores_anew_is_recorded_and_no_alarm(console):
    user = User(username="anna", is_staff=True)
    older = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    user.password = f"argon2{older.hash(PASSWORD)}"
    user.save()
    Change.objects.all().delete()
    console.post(reverse("admin:login"), {"username": "anna", "password": PASSWORD})
    assert not Change.objects.exists()
    user.refresh_from_db()
    assert not user.password.startswith("argon2$argon2id$v=19$m=1024,")
    assert Event.objects.filter(type="user.password_rehashed").count() == 1


def test_a_wrong_password_or_name_is_refused(console):
    user = User(username="anna", is_staff=True)
    user.set_password(PASSWORD)
    user.save()
    for name, password in (("anna", "another one entirely"), ("nobody", PASSWORD)):
        console.post(reverse("admin:login"), {"username": name, "password": password})
        assert "_auth_user_id" not in console.session
    console.post(reverse("admin:login"), {"username": "anna", "password": PASSWORD})
    assert "_auth_user_id" in console.session


def test_an_upgrade_that_changes_the_rights_of_a_role_is_recorded_and_no_alarm(console):
    console.as_("Auditor")  # an event: so this is no new appliance
    auditor = Group.objects.get(name="Auditor")
    right = auditor.permissions.get(codename="view_alarm")
    auditor.permissions.remove(right)
    Change.objects.all().delete()
    ensure(apps.get_app_config("compliance"))
    ensure(apps.get_app_config("compliance"))
    detail = json.loads(bytes(Event.objects.get(type="roles.changed").detail or b""))
    assert detail["roles"] == {"Auditor": {"added": ["compliance.view_alarm"], "removed": []}}
    assert not Change.objects.exists()

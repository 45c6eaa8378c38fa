"""Every role, and every thing that can be done in the console."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from compliance.admin.roles import ADMINISTRATOR, AUDITOR, OFFICER, OPERATOR, RIGHTS
from compliance.audit.alarms import CHANGE, raise_
from compliance.models import Alarm, APIKey, Application, Event, Site
from tests.compliance.admin import stories
from tests.compliance.admin.conftest import person

ALL = frozenset(RIGHTS)
CLIENTS = {ADMINISTRATOR, OFFICER}
MACHINES = {ADMINISTRATOR, OPERATOR}
PEOPLE = {ADMINISTRATOR}
EXPORTS = {OFFICER, AUDITOR}

NEW = {
    "name": "newcomer",
    "purpose": "Trying.",
    "legal_basis": "6-1-b",
    "ropa_reference": "VVT-1",
    "owner": "IT",
    "active": "on",
    "requests_per_minute": 10,
    "tokens_per_minute": 1000,
    "concurrent_requests": 1,
    "content_days": 0,
}
ACTIONS = {
    "register": (CLIENTS, lambda: reverse("admin:compliance_application_add"), NEW),
    "change": (
        CLIENTS,
        lambda: reverse("admin:compliance_application_change", args=[owner().pk]),
        {name: value for name, value in NEW.items() if name != "name"},
    ),
    "issue": (
        CLIENTS,
        lambda: reverse("admin:issue_api_key", args=[owner().pk]),
        {"note": "", "expires": "", "once": "x"},
    ),
    "revoke": (CLIENTS, lambda: reverse("admin:revoke_api_key", args=[key().pk]), {}),
    "switch site": (
        MACHINES,
        lambda: reverse("admin:compliance_site_switch", args=[Site.objects.get().pk]),
        {"active": "0"},
    ),
    "switch node": (MACHINES, lambda: reverse("admin:inference_node_switch", args=[1]), {}),
    "deploy": (
        MACHINES,
        lambda: reverse("admin:deploy_model"),
        lambda: {"model": 1, "site": away(), "replicas": 1},
    ),
    "change deployment": (
        MACHINES,
        lambda: reverse("admin:place_deployment", args=[1]),
        {"replicas": 2},
    ),
    "remove deployment": (MACHINES, lambda: reverse("admin:remove_deployment", args=[1]), {}),
    "switch deployment": (
        MACHINES,
        lambda: reverse("admin:inference_deployment_switch", args=[1]),
        {},
    ),
    "switch placement": (
        MACHINES,
        lambda: reverse("admin:inference_placement_switch", args=[1]),
        {},
    ),
    "enter person": (
        PEOPLE,
        lambda: reverse("admin:auth_user_add"),
        {
            "username": "eve",
            "password1": "a long enough phrase",
            "password2": "a long enough phrase",
        },
    ),
    "change person": (
        PEOPLE,
        lambda: reverse("admin:auth_user_change", args=[other().pk]),
        {"is_active": ""},
    ),
    "set password": (
        PEOPLE,
        lambda: reverse("admin:user_password", args=[other().pk]),
        {"password1": "a long enough phrase", "password2": "a long enough phrase"},
    ),
    "acknowledge alarm": (
        {OFFICER},
        lambda: reverse("admin:acknowledge_alarm", args=[alarm().pk]),
        {"note": "It was me.", "count": 1},
    ),
    "verify": (ALL, lambda: reverse("admin:verify"), {}),
}
SEEN = {
    "requests": ALL,
    "verify": ALL,
    "compliance_event_changelist": ALL,
    "compliance_alarm_changelist": ALL,
    "compliance_erasure_changelist": ALL,
    "compliance_policyversion_changelist": ALL,
    "compliance_application_changelist": ALL,
    "compliance_apikey_changelist": ALL,
    "compliance_site_changelist": ALL,
    "inference_node_changelist": ALL,
    "inference_model_changelist": ALL,
    "inference_deployment_changelist": ALL,
    "inference_placement_changelist": ALL,
    "deploy_model": MACHINES,
    "compliance_export_changelist": EXPORTS,
    "new_export": EXPORTS,
    "auth_user_changelist": ALL - {OPERATOR},
    "auth_group_changelist": ALL - {OPERATOR},
}


def owner():
    return Application.objects.get()


def away():
    return Site.objects.create(name="away", country="AT", public_key=bytes(32)).pk


def alarm():
    raise_(CHANGE, "compliance_site", "UPDATE of compliance_site")
    return Alarm.objects.get()


def key():
    return APIKey.objects.get()


def other():
    return User.objects.get(username="other")


@pytest.fixture
def filled(console):
    stories.machines()
    stories.policy()
    APIKey.issue(stories.application())
    person(username="other")
    return console


def count():
    """How many events the console wrote, apart from logins."""
    return Event.objects.filter(source="console").exclude(type="login").count()


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_a_role_does_what_its_rights_say_and_nothing_else(filled, role, action):
    allowed, address, fields = ACTIONS[action]
    filled.as_(role)
    before = count()
    answer = filled.post(address(), fields() if callable(fields) else fields)
    if role in allowed:
        assert answer.status_code in (200, 302), answer.status_code
        assert count() > before
    else:
        assert answer.status_code == 403
        assert count() == before


@pytest.mark.parametrize("page", sorted(SEEN))
def test_a_role_sees_what_its_rights_say(filled, role, page):
    filled.as_(role)
    status = filled.get(reverse(f"admin:{page}")).status_code
    assert status == (200 if role in SEEN[page] else 403)


@pytest.mark.parametrize("page", [*sorted(SEEN), "index"])
def test_who_is_not_logged_in_sees_only_the_login(filled, page):
    answer = filled.get(reverse(f"admin:{page}"))
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))


def test_a_person_without_a_role_sees_an_overview_without_panels(filled):
    filled.as_()
    answer = filled.get(reverse("admin:index"))
    assert answer.context["panels"] == []
    assert answer.context["navigation"] == []
    assert filled.get(reverse("admin:requests")).status_code == 403


def test_not_even_a_superuser_may_add_change_or_delete_what_is_on_the_record(filled):
    filled.as_(username="root", is_superuser=True)
    event = Event.objects.latest("id")
    assert filled.get(reverse("admin:compliance_event_add")).status_code in (403, 404)
    for name in ("change", "delete"):
        address = reverse(f"admin:compliance_event_{name}", args=[event.pk])
        assert filled.post(address, {"post": "yes"}).status_code == 403, name
    assert Event.objects.filter(pk=event.pk).exists()


@pytest.mark.parametrize(
    "model",
    ["compliance_application", "compliance_apikey", "compliance_policyversion",
     "compliance_site", "inference_node", "inference_model", "auth_user"],
)  # fmt: skip
def test_nothing_is_deleted_even_by_a_superuser(filled, model):
    filled.as_(username="root", is_superuser=True)
    address = reverse(f"admin:{model}_delete", args=["1"])
    assert filled.post(address, {"post": "yes"}).status_code in (302, 403, 404)
    listed = reverse(f"admin:{model}_changelist")
    filled.post(listed, {"action": "delete_selected", "_selected_action": "1", "post": "yes"})
    assert Application.objects.exists()
    assert APIKey.objects.exists()
    assert Site.objects.exists()
    assert User.objects.filter(username="other").exists()


def test_an_administrator_cannot_make_himself_a_superuser(filled):
    user = filled.as_(ADMINISTRATOR)
    filled.post(
        reverse("admin:auth_user_change", args=[user.pk]),
        {"is_active": "on", "is_superuser": "on", "user_permissions": ["1"]},
    )
    user.refresh_from_db()
    assert not user.is_superuser
    assert not user.user_permissions.exists()


def test_an_administrator_cannot_change_a_superuser(filled):
    root = person(username="root", is_superuser=True)
    filled.as_(ADMINISTRATOR)
    for name in ("admin:auth_user_change", "admin:user_password"):
        answer = filled.post(reverse(name, args=[root.pk]), {"password1": "x"})
        assert answer.status_code == 403


def test_an_auditor_views_and_exports_and_has_no_other_right():
    others = {right for right in RIGHTS[AUDITOR] if not right.split(".")[1].startswith("view_")}
    assert others == {"compliance.add_export"}


def test_no_role_may_touch_the_record():
    for rights in RIGHTS.values():
        assert not {right for right in rights if "event" in right and "view" not in right}


@pytest.mark.parametrize(
    ("name", "roles"),
    [("compliance_application", CLIENTS), ("auth_user", PEOPLE), ("compliance_site", MACHINES)],
)
def test_only_who_may_change_gets_a_button_to_do_so(filled, role, name, roles):
    """What cannot be done is not offered either."""
    filled.as_(role)
    keys = {
        "auth_user": User.objects.values_list("pk", flat=True),
        "compliance_site": Site.objects.values_list("pk", flat=True),
        "compliance_application": Application.objects.values_list("pk", flat=True),
    }
    answer = filled.get(reverse(f"admin:{name}_change", args=[keys[name].first()]))
    if answer.status_code != 403:
        text = answer.content.decode()
        offered = 'name="_save"' in text or "Deactivate…" in text
        assert offered is (role in roles)

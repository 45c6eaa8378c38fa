import json
import time
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from compliance.admin import sessions
from compliance.models import Event
from tests.compliance.admin.conftest import PASSWORD

LOGIN = reverse("admin:login")


def login(client, name="officer", password=PASSWORD, **headers):
    return client.post(LOGIN, {"username": name, "password": password}, **headers)


def details(kind):
    rows = Event.objects.filter(type=kind).order_by("id").values_list("detail", flat=True)
    return [json.loads(bytes(row or b"")) for row in rows]


@pytest.fixture
def officer(console, monkeypatch, settings):
    monkeypatch.setattr(sessions, "_noise", sessions._Noise())
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick
    return User.objects.create_user("officer", password=PASSWORD, is_staff=True)


def test_login_and_logout_are_recorded_by_name(console, officer):
    login(console)
    console.post(reverse("admin:logout"))
    assert [said["actor"] for said in details("login")] == ["officer"]
    assert [said["actor"] for said in details("logout")] == ["officer"]


def test_a_failed_login_keeps_no_name_that_nobody_has(console, officer):
    login(console, name="hunter2, typed into the wrong field")
    login(console, password="wrong")
    assert [said["actor"] for said in details("login.failed")] == ["(unknown user)", "officer"]
    assert b"hunter2" not in b"".join(
        bytes(row or b"") for row in Event.objects.values_list("detail", flat=True)
    )


def test_the_fifth_failure_locks_the_name_even_for_the_right_password(console, officer):
    for _attempt in range(4):
        assert login(console, password="wrong").status_code == 200
    locked = login(console, password="wrong")
    assert locked.status_code == 429
    assert "Too many failed logins" in locked.content.decode()
    assert login(console).status_code == 429
    assert details("login.locked")
    assert details("login") == []


def test_a_lock_does_not_reach_another_address(console, officer):
    for _attempt in range(5):
        login(console, password="wrong", REMOTE_ADDR="192.0.2.7")
    assert login(console).status_code == 302


def test_a_flood_of_failures_does_not_fill_the_record(console, officer, monkeypatch):
    monkeypatch.setattr(sessions, "FAILURES", 3)
    now = time.time()
    monkeypatch.setattr(sessions, "time", SimpleNamespace(time=lambda: now))
    for number in range(8):
        login(console, name=f"guess-{number}", password="wrong")
    assert len(details("login.failed")) == 3
    sessions._noise._minute -= 1  # a minute later
    login(console, name="guess-last", password="wrong")
    assert details("login.failed")[-1]["not_recorded"] == 5


def test_a_session_left_alone_ends(console, officer):
    login(console)
    assert console.get(reverse("admin:index")).status_code == 200
    session = console.session
    session[sessions.SEEN] -= sessions.IDLE + 1
    session.save()
    assert console.get(reverse("admin:index")).status_code == 302


def test_reading_writes_to_the_session_at_most_once_a_minute(console, officer):
    login(console)
    console.get(reverse("admin:index"))
    before = console.session[sessions.SEEN]
    session = console.session
    session[sessions.SEEN] = before - 5
    session.save()
    console.get(reverse("admin:index"))
    assert console.session[sessions.SEEN] == before - 5


@pytest.mark.parametrize("secure", [False, True])
def test_cookies_are_strict_and_over_tls_secure(console, officer, secure):
    answer = console.post(LOGIN, {"username": "officer", "password": PASSWORD}, secure=secure)
    cookie = answer.cookies["domicile-session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert bool(cookie["secure"]) is secure
    assert ("Strict-Transport-Security" in answer.headers) is secure


def test_a_form_without_its_token_is_refused_in_plain_words(console, officer):
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(LOGIN, {"username": "officer", "password": PASSWORD})
    assert answer.status_code == 403
    assert "too old" in answer.content.decode()

"""Doctor asks the authority for time stamps, and tells when its certificate ends."""

from __future__ import annotations

import shutil

import pytest

from appliance import diagnosis
from appliance.env import read
from appliance.services.programs import programs
from appliance.time_authority import time_stamps
from compliance.audit.keys import create_key
from tests.services.timestamps import Authority, Door
from tests.services.waiting import PATIENCE

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is the authority")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "house")


@pytest.fixture
def door(authority, monkeypatch):
    for place in ("calling.PATIENCE", "time_authority.DEADLINE"):
        monkeypatch.setattr(f"appliance.{place}", PATIENCE)  # openssl may be slow to start
    with Door(lambda query: (200, authority.reply(query))) as found:
        yield found


@pytest.fixture
def only(tmp_path, authority):
    create_key(tmp_path / "keys" / "log.ed25519")
    (tmp_path / "log").mkdir()

    def told(address="", certificate=authority.certificate):
        asked = {"DOMICILE_TSA": address, "DOMICILE_TSA_CERTIFICATE": str(certificate)}
        (found,) = time_stamps(read({"DOMICILE_DATA": str(tmp_path), **asked}))
        return found

    return told


def test_doctor_says_that_the_authority_answers_and_until_when(only, door):
    found = only(door.address)
    assert (found.state, "answers as CN=House time,O=House" in found.text) == ("ok", True)
    assert time_stamps in diagnosis.CHECKS


def test_a_certificate_that_ends_within_a_month_is_told_before(only, door, authority):
    authority.certify(days=29)
    try:
        found = only(door.address)
    finally:
        authority.certify()
    assert (found.state, "a certificate ends on" in found.text) == ("warning", True)


def test_an_authority_that_is_away_or_false_is_told(only, door, tmp_path):
    door.answer = lambda _: (500, b"")
    found = only(door.address)
    assert (found.state, "answered 500" in found.text) == ("wrong", True)
    found = only("http://127.0.0.1:9/tsa")
    assert (found.state, "does not answer" in found.text) == ("warning", True)
    found = only(door.address, tmp_path / "absent.pem")
    assert (found.state, "absent.pem" in found.text) == ("wrong", True)


def test_without_an_authority_nobody_is_asked_and_other_roles_ask_none(only, door, tmp_path):
    assert (only().state, "no authority is asked" in only().text) == ("ok", True)
    environment = read(
        {
            "DOMICILE_DATA": str(tmp_path),
            "DOMICILE_TSA": door.address,
            "DOMICILE_TSA_CERTIFICATE": "time.pem",
        }
    )
    (tmp_path / "log").rmdir()  # as for `records`, which signs exports and has no log to write
    assert list(time_stamps(environment)) == []
    (tmp_path / "log").mkdir()
    shutil.rmtree(tmp_path / "keys")
    assert list(time_stamps(environment)) == []
    assert door.asked == []


def test_without_a_network_the_way_to_the_authority_is_a_passage(tmp_path):
    given = {"DOMICILE_DATA": str(tmp_path), "DOMICILE_TSA_CERTIFICATE": "time.pem"}

    def started(**more):
        groups = programs(read(given | more), 0, "unshare", {})
        return {one.name: one for group in groups for one in group}

    assert "passage" not in started()
    passage = started(DOMICILE_TSA="https://time.example/tsa")["passage"]
    assert passage.command[-2:] == ["time.example", "443"]

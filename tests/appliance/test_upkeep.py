"""Doctor tells what needs a person though nothing is broken: a key, a backup, a witness."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection

from appliance import diagnosis, upkeep
from appliance.env import read
from compliance.audit import cosignature
from compliance.audit.asking import Work
from compliance.audit.keys import create_key
from compliance.audit.ring import One, public_of
from compliance.models import Erasure, Event, Witness, WitnessPolicy

ADDRESS = "http://witness.example.org/witness"


@pytest.fixture
def environment(database, tmp_path):
    create_key(tmp_path / "data" / "keys" / "log.ed25519")
    return read({"DOMICILE_DATA": str(tmp_path / "data"), "DOMICILE_WITNESSES": ADDRESS})


def only(check, environment):
    (found,) = check(environment)
    assert (found.state == "ok") == (found.mend == ""), found
    return found


def ago(**length):
    return dt.datetime.now(dt.UTC) - dt.timedelta(**length)


def happened(kind, when, seq=0, source="command"):
    Event.objects.create(source=source, epoch=0, seq=seq, type=kind, time=when, entry=b"{}")


def test_a_log_key_that_signs_for_more_than_a_year_is_told(environment):
    happened("a.step", ago(days=40), source="web-1")
    found = only(upkeep.log_key_age, environment)
    assert (found.state, "for 40 days" in found.text) == ("ok", True)


def test_a_log_key_of_two_years_is_to_be_rotated(environment):
    happened("a.step", ago(days=730), source="web-1")
    found = only(upkeep.log_key_age, environment)
    assert (found.state, "for 730 days" in found.text) == ("warning", True)
    assert "keys rotate log" in found.mend


def test_the_age_of_the_last_backup_is_told(environment):
    assert only(upkeep.backup, environment).state == "warning"
    happened("backup.made", ago(days=30))
    found = only(upkeep.backup, environment)
    assert (found.state, "30 days ago" in found.text) == ("warning", True)
    happened("backup.made", ago(days=2), seq=1)
    assert only(upkeep.backup, environment).state == "ok"


def test_exports_say_what_they_take_and_that_their_disk_is_full(environment, tmp_path):
    assert list(upkeep.exports(environment)) == []
    folder = environment.data / "exports"
    folder.mkdir()
    folder.joinpath("one.zip").write_bytes(bytes(3 * 2**20))
    assert "1 files of 3 MiB" in only(upkeep.exports, environment).text
    full = {"DOMICILE_DATA": str(environment.data), "DOMICILE_DISK_FLOOR": str(2**50)}
    assert only(upkeep.exports, read(full)).state == "wrong"


def test_an_erasure_that_waits_is_told_with_its_age_and_why(environment):
    assert only(upkeep.erasures, environment).state == "ok"
    work = Work(fault="The folder vault is missing.")
    one = Erasure.objects.create(
        kind="request", request="0" * 32, actor="anna", reason="Art. 17",
        asked=ago(days=3), certificate=work.text(),
    )  # fmt: skip
    found = only(upkeep.erasures, environment)
    assert (found.state, "The folder vault is missing." in found.text) == ("warning", True)
    assert "for 43" in found.text
    Erasure.objects.filter(pk=one.pk).update(asked=dt.datetime.now(dt.UTC))
    assert only(upkeep.erasures, environment).state == "ok"


@pytest.fixture
def witness(environment):
    key = public_of(One(bytes(32)).current())
    line = cosignature.verifier_key("witness.example.org", key)
    return Witness.objects.create(
        name="witness.example.org", verifier_key=line, address=ADDRESS, asked=ago(minutes=1),
        size=7, cosigned=ago(minutes=1),
    )  # fmt: skip


def test_an_address_that_may_be_asked_and_belongs_to_no_witness_is_told(environment):
    assert ADDRESS in only(upkeep.witnesses, environment).text
    alone = read({"DOMICILE_DATA": str(environment.data)})
    assert only(upkeep.witnesses, alone).state == "ok"


STANDINGS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "ok", "cosigned 7 entries"),
    ({"asked": None}, "warning", "never asked"),
    ({"error": "It does not answer."}, "warning", "does not answer"),
    ({"address": "http://other.example.org/witness"}, "warning", "DOMICILE_WITNESSES"),
    ({"address": "", "cosigned": None}, "ok", "by file; it has signed nothing"),
    ({"conflict": "It claims.", "conflict_generation": 1}, "warning", "It claims."),
    ({"conflict": "It shows.", "conflict_generation": 1, "conflict_size": 9}, "wrong", "shows"),
]


def test_how_it_stands_with_a_witness_is_told(environment, witness):
    for changed, state, words in STANDINGS:
        before = Witness.objects.values(*changed).get() if changed else {}
        Witness.objects.update(**changed)
        found = [one for one in upkeep.witnesses(environment) if one.name != "witnesses"]
        assert [one.state for one in found] == [state], changed
        assert words in found[0].text
        Witness.objects.update(**before)


def test_a_policy_that_is_not_met_is_told(environment, witness):
    text = f"witness w {witness.verifier_key}\nquorum w\n"
    WitnessPolicy.objects.create(text=text, actor="anna", time=ago(days=1))
    found = [one for one in upkeep.witnesses(environment) if one.name == "policy of witnesses"]
    assert [one.state for one in found] == ["warning"]
    assert "NOT witnessed by w" in found[0].text


@pytest.mark.database
def test_what_the_databases_role_may_not_see_is_no_fault_of_the_appliance(
    environment, monkeypatch
):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    monkeypatch.setattr(diagnosis, "CHECKS", (upkeep.erasures,))
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE domicile_blind")
        cursor.execute("SET ROLE domicile_blind")
        (found,) = diagnosis.examine(environment)
        cursor.execute("RESET ROLE")
        cursor.execute("DROP ROLE domicile_blind")
    assert (found.state, "may not look" in found.text) == ("warning", True)

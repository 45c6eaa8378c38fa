"""`manage.py policy`: policies as code, and the ways out."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.db import transaction

from compliance.models import Alarm, PolicyDraft
from compliance.policy.default import DEFAULT
from compliance.policy.rules import canonical, parse
from compliance.versions import keys
from compliance.versions.floor import Floor
from compliance.versions.withdraw import withdraw
from tests.compliance.versions.forging import run, triggers_away, undone
from tests.compliance.versions.people import (
    PASSWORD,
    approver,
    counting,
    details,
    officer,
    person,
    rule,
    standing,
)
from tests.services.appliance import BASE

SOUND = canonical(DEFAULT).decode()
BAD = json.dumps({"name": "x", "version": 1, "rules": [rule("a", "perhaps")]})


def set_back():
    """Let the database be as it was before a second version."""
    triggers_away("compliance_policyversion", "compliance_policysignature")
    run("DELETE FROM compliance_policydraft")
    run("DELETE FROM compliance_policysignature WHERE kind <> 'policy-installed'")
    run("DELETE FROM compliance_policyversion WHERE number > 1")


def policy(capsys, *arguments):
    """Exit code and output."""
    code = 0
    try:
        call_command("policy", *map(str, arguments))
    except SystemExit as end:
        code = int(end.code or 0)
    return code, capsys.readouterr().out


def test_files_are_checked_without_a_database(tmp_path):
    (tmp_path / "good.json").write_text(SOUND)
    (tmp_path / "bad.json").write_text(BAD)
    environment = dict(os.environ) | {
        "DOMICILE_DATA": str(tmp_path / "none"),
        "DOMICILE_DATABASE_URL": f"sqlite:///{tmp_path}/no/such/folder/db.sqlite3",
    }

    def check(*arguments):
        command = [sys.executable, "manage.py", "policy", "check", *map(str, arguments)]
        done = subprocess.run(  # noqa: PLW1510 - the code is what is looked at
            command, cwd=BASE, env=environment, capture_output=True, text=True
        )
        return done.returncode, done.stdout

    code, out = check(tmp_path, "--json")
    bad, good = json.loads(out)
    assert code == 1
    assert good["digest"] == DEFAULT.digest
    assert "rules[0].effect" in bad["faults"][0]["words"]


def test_assertions_of_a_file_are_proved_as_code_with_an_exit_code(tmp_path, capsys):
    never = {"categories": ["personal"], "outside": {"countries": ["DE"]}}
    document = json.loads(SOUND)
    document["assertions"] = [{"id": "stays", "description": "By contract.", "never": never}]
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(document))
    code, out = policy(capsys, "prove", file)
    assert code == 1
    assert "“stays”: Personal data" in out
    assert "Not so: there are requests that have personal data" in out
    assert "Country of the site: France" in out
    document["rules"][-1]["where"] = {"countries": ["DE"]}
    file.write_text(json.dumps(document))
    code, out = policy(capsys, "prove", file, "--json")
    assert (code, json.loads(out)[0]["verdict"]) == (0, "proved")


def test_a_question_of_the_command_that_lacks_something_says_what(tmp_path, capsys):
    file = tmp_path / "policy.json"
    file.write_text(SOUND)
    for options, words in (
        (["--question", "leaves"], "--never"),
        (["--question", "leaves", "--never", "{}"], "--never.outside: missing"),
        (["--question", "looser"], "--old"),
    ):
        code, out = policy(capsys, "prove", file, *options)
        assert code == 2
        assert words in out
    code, out = policy(capsys, "prove", file)
    assert (code, out.strip()) == (0, "This policy has no assertions.")


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        (
            "good.yaml",
            "name: n\nversion: 1\nrules:\n- {id: a, description: d, when: {}, effect: allow}\n",
            0,
        ),
        ("twice.yaml", "name: n\nname: m\n", 1),
        ("bad.json", BAD, 1),
        ("not.json", "{", 1),
        ("readme.txt", "", 2),
    ],
)
def test_the_exit_code_says_how_the_files_are(tmp_path, capsys, name, text, code):
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / name).write_text(text)
    assert policy(capsys, "check", folder)[0] == code


def test_the_schema_is_json(capsys):
    code, out = policy(capsys, "schema")
    assert code == 0
    assert "rules" in json.loads(out)["properties"]


def test_a_version_is_shown_with_who_signed_for_it(appliance, capsys):
    counting(officer(), approver(), rule("extra"))
    code, out = policy(capsys, "show")
    assert code == 0
    for words in ("version 2: active", "proposal: olga", "approval: anna", "extra"):
        assert words in out
    assert "installed: the installer" in policy(capsys, "show", 1)[1]
    assert policy(capsys, "show", 9)[0] == 2


TAMPERED = [
    ("compliance_policysignature", "statement = '{}'", "approval: cannot be read"),
    ("compliance_policysignature", "kind = 'policy-wish'", "wish: cannot be read"),
    ("compliance_policyversion", "document = '{}'", "a policy that cannot be read, version 2"),
]


def test_a_version_that_somebody_changed_is_shown_as_far_as_it_can_be_read(appliance, capsys):
    version = counting(officer(), approver(), rule("extra"))
    said = version.signatures.get(kind="policy-approval").pk
    for table, change, words in TAMPERED:
        with undone(table):
            row = version.pk if "version" in table else said
            run(f"UPDATE {table} SET {change} WHERE id = {row}")  # noqa: S608 - from above
            code, out = policy(capsys, "show", 2)
        assert code == 1
        assert "NOT SOUND: Policy version 2" in out
        assert words in out


@pytest.mark.parametrize("form", ["json", "yaml", "canonical"])
def test_what_is_exported_is_imported_as_a_draft_of_the_same_policy(
    appliance, capsys, tmp_path, form
):
    officer(key=False)
    path = tmp_path / f"policy.{form if form == 'yaml' else 'json'}"
    assert policy(capsys, "export", "--form", form, "--out", path)[0] == 0
    assert policy(capsys, "export", "--form", form, "--out", path)[0] == 2
    assert policy(capsys, "import", path, "--as", "olga")[0] == 0
    made = PolicyDraft.objects.get()
    assert parse(made.document).digest == DEFAULT.digest
    assert made.author.username == "olga"


def test_only_who_writes_policies_imports_one(appliance, capsys, tmp_path):
    person("otto", "Operator")
    path = tmp_path / "policy.json"
    path.write_text(SOUND)
    assert policy(capsys, "import", path, "--as", "otto")[0] == 2
    assert policy(capsys, "import", path, "--as", "nobody")[0] == 2
    assert not PolicyDraft.objects.exists()


def test_an_older_policy_counts_again_only_once_it_is_said_to_be_meant(appliance, capsys):
    counting(officer(), approver(), rule("extra"))
    assert standing(keep=True).active.number == 2
    set_back()
    assert "older" in standing(keep=True).faults[0]
    code, out = policy(capsys, "restored", "--reason", "The backup of May.")
    assert code == 0
    assert "Version 2 counted here before, and counts no more." in out
    assert "withdraw and revoke again" in out
    assert standing(keep=True).active.number == 1
    (detail,) = details("policy.restored")
    assert (detail["last_seen"], detail["policy"]["version"], detail["gone"]) == (2, 1, 2)


def test_who_says_that_a_restore_was_meant_is_told_what_comes_back(appliance, capsys):
    one, other = officer(), approver()
    late = approver("lena").approval_keys.get()
    begins = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    planned = counting(one, other, rule("extra"), active_from=begins)
    with transaction.atomic():
        backup = transaction.savepoint()
        withdraw(planned, one, PASSWORD, "Wrong.")
        keys.revoke(late, other, "It was stolen.")
        assert standing(keep=True).scheduled is None
        transaction.savepoint_rollback(backup)
    assert "2 signatures, certificates or revocations" in standing(keep=True).faults[0]
    code, out = policy(capsys, "restored", "--reason", "The backup of May.")
    assert code == 0
    assert out.count("2 signatures, certificates or revocations") == 1
    assert f"Version 2 begins {begins:%Y-%m-%d %H:%M} UTC; withdraw it" in out
    assert details("policy.restored")[0]["gone"] == 2
    assert standing(keep=True).scheduled.number == 2


def test_a_version_that_counts_because_its_withdrawal_is_gone_is_named(appliance, capsys):
    one, other = officer(), approver()
    standing(keep=True)
    counting(one, other, rule("extra"))
    code, out = policy(capsys, "restored", "--reason", "The backup of May.")
    assert code == 0
    assert "Version 2 began" in out
    assert "was it withdrawn?" in out
    assert "Nothing that was seen here was missing from the database." in out


def test_no_command_takes_for_active_what_the_gate_does_not_decide_by(
    appliance, capsys, tmp_path
):
    counting(officer(), approver(), rule("extra"))
    assert standing(keep=True).active.number == 2
    set_back()
    told = "NOT SOUND: Policy version 2, which counted before, counts no more"
    (path := tmp_path / "asked.json").write_text(SOUND)
    for command in (
        ["show"],
        ["show", 1],
        ["export", "--out", tmp_path / "active.json"],
        ["export", 1, "--out", tmp_path / "first.json"],
        ["prove", 1],
        ["prove", path, "--question", "looser", "--old", 1],
    ):
        code, out = policy(capsys, *command)
        assert (code, told in out) == (1, True), command
        assert "version 1: active\n" not in out
    assert "version 1: active by the database alone" in policy(capsys, "show", 1)[1]
    assert not (tmp_path / "active.json").exists()
    assert parse((tmp_path / "first.json").read_text()).digest == DEFAULT.digest
    call = ("policy", "export", "1", "--form", "canonical")
    with pytest.raises(SystemExit):
        call_command(*call)
    printed = capsys.readouterr()
    assert (printed.out, told in printed.err) == (SOUND, True), "the document alone"
    assert policy(capsys, "prove", path)[0] == 0, "no database is asked"


def test_a_floor_that_cannot_be_read_lets_nothing_count_until_it_is_forgotten(
    appliance, capsys
):
    Floor(appliance).path.write_text("{")
    assert "cannot be read" in standing(keep=True).faults[0]
    code, out = policy(capsys, "restored", "--reason", "The disk.")
    assert code == 0
    assert "how much is gone is not known" in out
    assert details("policy.restored")[0]["gone"] is None
    assert standing(keep=True).active.number == 1


def test_the_installer_key_certifies_a_key_where_no_approver_is_left(appliance, capsys):
    counting(officer(), approver(), rule("extra"))
    late = approver("lena")
    assert policy(capsys, "endorse", "nobody", "--reason", "Anna left.")[0] == 2
    code, out = policy(capsys, "endorse", "lena", "--reason", "Anna left.")
    assert code == 0
    assert "may approve" in out
    assert Alarm.objects.filter(kind="approval_key.recovered").exists()
    assert late.approval_keys.get().signature
    assert standing().faults == ()

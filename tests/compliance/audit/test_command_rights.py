"""A command that the database's role has no right to says which role has it."""

import dataclasses
import io
import os
import re
import shlex
import shutil
import threading
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from compliance.audit import journal
from compliance.audit.keys import create_key
from compliance.audit.notary import Notary
from compliance.management import rights
from compliance.management.commands import audit
from compliance.management.person import actor
from compliance.models import Erasure
from tests.compliance.audit.events import event
from tests.services.waiting import wait_until

pytestmark = pytest.mark.database

ROLES = Path(__file__).parents[3] / "docker" / "postgres" / "roles.sql"
REASON = ("--reason", "Once.")


@pytest.fixture
def data(database, settings, tmp_path):
    """A data folder with a log of 20 entries."""
    folder = tmp_path / "data"
    settings.DOMICILE = dataclasses.replace(
        settings.DOMICILE, data=folder, checkpoints=tmp_path / "outside"
    )
    key = create_key(folder / "keys" / "log.ed25519")
    create_key(folder / "keys" / "subject-index")
    with transaction.atomic():
        journal.record("console", [event("a.step", number=n) for n in range(20)])
    Notary(folder / "log", key, "domicile.local/log/1", tmp_path / "outside").integrate_once()
    return folder


def said(*arguments):
    """Everything that a command said."""
    out = io.StringIO()
    try:
        call_command(*map(str, arguments), stdout=out, stderr=out)
    except SystemExit:
        pass
    except CommandError as error:
        out.write(str(error))
    return out.getvalue()


def commands(folder):
    """Each command of `rights`, as it is typed."""
    folder.mkdir()
    kept, policy = folder / "kept", folder / "policy"
    kept.write_text(said("audit", "checkpoint", "--raw"))
    policy.write_text("quorum none\n")
    return {
        "audit checkpoint": (),
        "audit consistency": (kept,),
        "audit cosign": ("request", folder / "request"),
        "audit cosign policy": ("--set", policy),
        "audit erase": ("--request", "0" * 32, "--yes", *REASON),
        "audit export": (folder / "export.zip",),
        "audit pack": ("record-of-processing", folder / "pack.zip"),
        "audit prove": (7, "--detail"),
        "audit prune": (),
        "audit resume": ("--after-restore", "--yes", *REASON),
        "audit verify": (),
        "keys rotate log": REASON,
    }


def test_each_command_is_done_by_the_role_it_is_for_and_names_it_to_the_others(data, tmp_path):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    with connection.cursor() as cursor:
        cursor.execute(ROLES.read_text())
        refused = set()
        for command, arguments in commands(tmp_path / "files").items():
            for role in (rights.WEB, rights.NOTARY, rights.RECORDS):
                for made in (tmp_path / "files").glob("*.zip"):
                    made.unlink()
                if role == rights.NOTARY:  # it has no vault
                    shutil.rmtree(data / "vault", ignore_errors=True)
                cursor.execute(f"SET ROLE domicile_{role}")
                words = said(*command.split(), *arguments)
                cursor.execute("RESET ROLE")
                if "has no right to this" in words:
                    assert role != rights.RUN_AS[command], (command, words)
                    assert f"as domicile_{rights.RUN_AS[command]}" in words
                    refused.add(command)
                assert "did not do it" not in words, (command, role, words)
    assert {"audit erase", "keys rotate log"} <= refused


def test_two_databases_of_one_server_may_make_the_roles_at_once(database):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    block = re.search(r"DO \$\$.*?\$\$;", ROLES.read_text(), re.DOTALL)
    assert block
    make = block[0].replace("domicile_", prefix := f"twice_{os.getpid()}_")
    ends = []

    def second():
        try:
            with connection.cursor() as cursor:
                ends.append(cursor.execute("SELECT pg_backend_pid()").fetchone()[0])
                cursor.execute(make)
                ends.append("made")
        except DatabaseError as error:
            ends.append(type(error).__name__)
        finally:
            connection.close()

    def waits():
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_locks WHERE NOT granted AND pid = %s", ends[:1])
            return cursor.fetchone() is not None

    thread = threading.Thread(target=second)
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(make)
            thread.start()
            wait_until(lambda: len(ends) > 1 or (ends and waits()), "it waits for the first")
        thread.join()
        assert ends[1:] == ["made"]
    finally:
        with connection.cursor() as cursor:
            for role in ("web", "notary", "records"):
                cursor.execute(f"DROP ROLE IF EXISTS {prefix}{role}")


def test_an_erasure_that_a_role_may_only_ask_for_stays_asked_and_the_command_says_so(data):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    with connection.cursor() as cursor:
        cursor.execute(ROLES.read_text())
        cursor.execute("SET ROLE domicile_web")
        words = said("audit", "erase", "--request", "0" * 32, "--yes", *REASON)
        cursor.execute("RESET ROLE")
    one = Erasure.objects.get()
    assert one.state == Erasure.State.ASKED
    assert f"Erasure no. {one.pk} is asked for; the process `records` does it" in words
    assert "as domicile_records" in words


def test_the_logs_key_is_not_rotated_where_the_notarys_log_is_not(data, tmp_path, settings):
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(data / "keys", elsewhere / "keys")
    (elsewhere / "log").mkdir()
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=elsewhere)
    assert "not the log that the notary writes" in said("keys", "rotate", "log", *REASON)
    assert not list((elsewhere / "keys").glob("*.next"))


def test_every_action_of_audit_has_a_role_and_an_example_that_it_takes(capsys):
    command = audit.Command()
    for action in audit.ACTIONS:
        assert f"audit {action}" in rights.RUN_AS
        example = shlex.split(audit.EXAMPLES[action])
        parsed = command.create_parser("manage.py", "audit").parse_args([action, *example])
        assert parsed.action == action
        with pytest.raises(SystemExit):
            command.create_parser("manage.py", "audit").parse_args([action, "--help"])
        assert f"Example: manage.py audit {action}" in capsys.readouterr().out


def test_a_user_without_a_name_is_named_by_number(monkeypatch):
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_001)  # as in a container
    assert actor() == "command (user 4000001)"

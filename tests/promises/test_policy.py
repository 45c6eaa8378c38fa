"""P7: nobody alone can loosen a policy, the owner of the database neither."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import openai
import pytest

from compliance.policy.default import DEFAULT
from compliance.policy.rules import Condition, Rule, canonical
from compliance.vocabulary import Effect
from tests.services.appliance import Appliance
from tests.services.waiting import PATIENCE, wait_until

SECRET = "My key is AKIAIOSFODNN7EXAMPLE and it works."
BLOCKED = "personal_data_blocked"
KEEPS = "compliance_policyversion_no_delete"
OPEN = replace(
    DEFAULT,
    version=2,
    rules=(Rule("open", "Everything is allowed.", Condition(), Effect.ALLOW),),
)


def code(appliance: Appliance, text: str) -> str:
    """The error code that a request gets; empty where it is answered."""
    with appliance.client(max_retries=0) as client:
        try:
            client.chat.completions.create(
                model=appliance.model,
                messages=[{"role": "user", "content": text}],
                max_tokens=4,
            )
        except openai.APIStatusError as error:
            return str(error.code)
    return ""


def owned(appliance: Appliance) -> closing[sqlite3.Connection]:
    """The database, for whoever owns its file."""
    return closing(sqlite3.connect(appliance.data / "db.sqlite3", timeout=PATIENCE))


@contextmanager
def activated(appliance: Appliance, document: bytes) -> Iterator[None]:
    """While this lasts the database says that a version is active that nobody signed."""
    digest = hashlib.sha256(document).hexdigest()
    now = "2026-01-01 00:00:00"
    with owned(appliance) as database, database:
        database.execute("UPDATE compliance_policyversion SET retired = ?", [now])
        database.execute(
            "INSERT INTO compliance_policyversion"
            " (number, document, digest, note, created, activated)"
            " VALUES (2, ?, ?, '', ?, ?)",
            [document.decode(), digest, now, now],
        )
    try:
        yield
    finally:
        with owned(appliance) as database, database:
            (trigger,) = database.execute(
                "SELECT sql FROM sqlite_master WHERE name = ?", [KEEPS]
            ).fetchone()
            database.execute(f"DROP TRIGGER {KEEPS}")
            database.execute("DELETE FROM compliance_policyversion WHERE number = 2")
            database.execute(trigger)
            database.execute("UPDATE compliance_policyversion SET retired = NULL")


def test_a_version_that_somebody_activates_by_sql_decides_nothing(
    appliance: Appliance,
) -> None:
    assert code(appliance, SECRET) == BLOCKED
    known = len(appliance.events(type="policy.forged"))
    with activated(appliance, canonical(OPEN)):
        wait_until(
            lambda: code(appliance, SECRET) not in {"", BLOCKED},
            "requests are refused",
        )
        assert code(appliance, "What is the capital of France?") != ""
        wait_until(
            lambda: len(appliance.events(type="policy.forged")) > known, "the notary says so"
        )
    wait_until(lambda: code(appliance, SECRET) == BLOCKED, "the policy decides again")


@pytest.fixture(autouse=True)
def _sound(appliance: Appliance) -> Iterator[None]:
    yield
    wait_until(
        lambda: code(appliance, "What is the capital of France?") == "", "requests are answered"
    )

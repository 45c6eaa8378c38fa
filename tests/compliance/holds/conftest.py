"""A gate with a policy that holds, on a database and a vault of the test's own."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.db import connection

from compliance import gate
from compliance.audit.writer import Writer
from compliance.holds import deciding
from compliance.holds.desk import Desk
from compliance.models import Content, Event, Hold
from compliance.policy.rules import parse
from compliance.vocabulary import Approval, Request, Serving
from tests.compliance.test_gate import COVERAGE, Seals, route, scan
from tests.services.waiting import PATIENCE

T = TypeVar("T")
SUBJECT_KEY = bytes(range(32))
HELD = "look-at-this"
OTHER = "look-at-mail"


def rule(name: str, effect: str, **when: Any) -> dict[str, Any]:
    return {"id": name, "description": f"Rule {name}.", "when": when, "effect": effect}


def policy(*more: dict[str, Any], version: int = 1) -> Any:
    """Everything about personal data is pseudonymised; `more` comes on top."""
    rules = [
        rule("rest", "allow"),
        rule("names", "pseudonymise", categories=["personal"]),
        *more,
    ]
    return parse(json.dumps({"name": "holds", "version": version, "rules": rules}))


HOLDING = policy(rule(HELD, "hold", models=["m"]))


@pytest.fixture
def data(settings: Any, tmp_path: Path) -> Path:
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=tmp_path / "data")
    return tmp_path / "data"


class Counter:
    """Where a request is brought: a gate, a writer, and the desk that holds are kept at."""

    def __init__(self, writer: Writer, desk: Desk) -> None:
        self.writer, self.desk, self.seal = writer, desk, Seals()

    async def admit(
        self, asked: Request, rules: Any = HOLDING, approval: Approval | None = None
    ) -> gate.Admitted[int]:
        return await gate.admit(
            asked,
            scan=scan,
            policy=rules,
            coverage=COVERAGE,
            append=self.writer.append,
            route=route,
            seal=self.seal,
            serving=lambda _model: Serving(),
            subject_key=SUBJECT_KEY,
            holder=self.desk,
            approval=approval,
        )

    async def held(self, asked: Request, rules: Any = HOLDING) -> gate.Held:
        with pytest.raises(gate.Held) as raised:
            await self.admit(asked, rules)
        return raised.value


@pytest.fixture
async def counter(database: Any, data: Path) -> AsyncIterator[Counter]:
    writer = Writer("web-1", on_fenced=lambda: None, timeout=PATIENCE)
    writer.start()
    desk = Desk(SUBJECT_KEY)
    yield Counter(writer, desk)
    await desk.stop()
    writer.stop()


async def aside(work: Callable[[], T]) -> T:
    """`work`, which asks the database, in a thread that does not outlive it."""

    def done() -> T:
        try:
            return work()
        finally:
            connection.close()

    return await asyncio.to_thread(done)


def told(kind: str) -> list[dict[str, Any]]:
    """The details of the events of a type, oldest first."""
    rows = Event.objects.filter(type=kind).order_by("id")
    return [json.loads(bytes(row.detail or b"")) for row in rows]


def again(asked: Request, **changes: object) -> Request:
    """The same request, sent once more."""
    return dataclasses.replace(asked, id=secrets.token_hex(16), **changes)  # type: ignore[arg-type]


def shifted(hold: str, by: timedelta) -> None:
    """Let the hold and its text have come that much earlier."""
    Hold.objects.filter(pk=hold).update(expires=datetime.now(UTC) + timedelta(hours=24) - by)
    Content.objects.filter(request=hold).update(
        expires=datetime.now(UTC) + timedelta(hours=24) - by
    )


async def approved(counter: Counter, asked: Request) -> str:
    held = await counter.held(asked)
    await aside(lambda: deciding.approve(held.hold, "dora", "Seen."))
    return held.hold

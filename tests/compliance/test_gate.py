"""One path for every request: detect, decide, record, clear; and refuse what fails."""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from django.db import connection

from compliance import gate
from compliance.audit import subjects
from compliance.audit.entry import canonical
from compliance.audit.writer import Writer
from compliance.detection.segments import segments
from compliance.gate import Blocked, Outcome, Refused
from compliance.gate.duties import bounded
from compliance.models import Event as StoredEvent
from compliance.policy.canonical import policy
from compliance.policy.default import DEFAULT
from compliance.policy.terms import Ignored
from compliance.vocabulary import (
    Append,
    Application,
    Category,
    DetectionFailed,
    Effect,
    Endpoint,
    Event,
    Finding,
    NoRoute,
    Obligations,
    Place,
    RecordUnavailable,
    Request,
    Scan,
    Seal,
    Segment,
    Serving,
)
from tests.services.waiting import PATIENCE

EMAIL = "anna@example.org"
KEY = "AKIAQ3EGRXVTZH2B5KLM"
COVERAGE = frozenset({(Category.PERSONAL, "EMAIL_ADDRESS"), (Category.CREDENTIAL, "API_KEY")})
HOME = Place("home", "DE", bytes(32), "m", "0" * 64, "MIT", "inference.home.m")


def application(name: str = "shop", days: int = 0) -> Application:
    identity = str(uuid.uuid4())
    return Application(identity, name, "Tests", "6-1-f", "T-1", bytes(32), 0, 0, 0, days)


def request(text: str, name: str = "shop", days: int = 0, **more) -> Request:
    body = {"messages": [{"role": "user", "content": text}], **more}
    return Request(
        id=secrets.token_hex(16),
        application=application(name, days),
        api_key="0123456789ab",
        endpoint=Endpoint.CHAT,
        model="m",
        stream=False,
        body=body,
        segments=segments(body),
        subjects=(),
        received=gate.now(),
    )


async def scan(texts: Sequence[Segment], _own: object = ()) -> Scan:
    """Finds the two values above, as a recogniser would."""
    found = [
        Finding(index, start, start + len(value), entity, category, 1.0, "test")
        for index, segment in enumerate(texts)
        for value, entity, category in (
            (EMAIL, "EMAIL_ADDRESS", Category.PERSONAL),
            (KEY, "API_KEY", Category.CREDENTIAL),
        )
        if (start := segment.text.find(value)) >= 0
    ]
    unchecked = any("größer" in segment.text for segment in texts)
    return Scan(tuple(found), names_unchecked=unchecked)


def route(model: str, sites: tuple[str, ...] | None) -> Place:
    return HOME


def nowhere(model: str, sites: tuple[str, ...] | None) -> Place:
    raise NoRoute("No node that serves m answers at: home.")


class Seals:
    """What was sealed, and what was on the record at that moment."""

    def __init__(self) -> None:
        self.sealed: list[tuple[dict[str, Any], int]] = []

    def __call__(
        self, request: Request, body: Mapping[str, Any], place: Place, attempt: int
    ) -> int:
        assert request.id
        assert place is HOME
        self.sealed.append((dict(body), attempt))
        return attempt


@pytest.fixture
async def writer(database) -> AsyncIterator[Writer]:
    writer = Writer("web-1", on_fenced=lambda: None, timeout=PATIENCE)
    writer.start()
    yield writer
    writer.stop()


@pytest.fixture
def seal() -> Seals:
    return Seals()


def admit(asked: Request, seal: Seal[int], append: Append, **more: Any):
    parts: dict[str, Any] = {
        "scan": scan,
        "policy": DEFAULT,
        "coverage": COVERAGE,
        "append": append,
        "route": route,
        "seal": seal,
        "serving": lambda _model: Serving(),
    }
    return gate.admit(asked, **parts | more)


async def recorded(asked: Request) -> list[tuple[str, dict[str, Any]]]:
    def read() -> list[tuple[str, dict[str, Any]]]:
        try:
            rows = StoredEvent.objects.filter(request=asked.id).order_by("seq")
            return [(row.type, json.loads(bytes(row.detail or b""))) for row in rows]
        finally:
            connection.close()  # the thread outlives this test's database

    return await asyncio.to_thread(read)


@pytest.mark.database
def test_a_bound_on_answers_is_put_into_a_body_that_asks_for_text_and_into_no_other():
    """An engine that makes vectors would refuse a parameter that it does not know."""
    short = Obligations(max_tokens=5)
    assert bounded({"prompt": "x", "max_tokens": 16}, short) == {"prompt": "x", "max_tokens": 5}
    assert bounded({"messages": []}, short) == {"messages": [], "max_tokens": 5}
    assert bounded({"input": ["x"]}, short) == {"input": ["x"]}


async def test_an_admitted_request_is_on_the_record_before_it_is_sealed(writer, seal):
    asked = request("Hello.")
    at_append: list[int] = []

    async def append(events: Sequence[Event]) -> None:
        at_append.append(len(seal.sealed))
        await writer.append(events)

    admitted = await admit(asked, seal, append)
    assert at_append == [0]
    assert seal.sealed == [(dict(asked.body), 1)]
    ((kind, detail),) = await recorded(asked)
    assert kind == "request.admitted"
    assert detail["decision"] == "allow"
    assert detail["policy"]["digest"] == DEFAULT.digest
    assert detail["application"]["name"] == "shop"
    assert (detail["site"], detail["country"]) == ("home", "DE")
    assert admitted.pseudonyms == {}


async def test_personal_data_is_sealed_as_pseudonyms_and_is_in_no_event(writer, seal):
    asked = request(f"Write to {EMAIL}, again {EMAIL}.")
    admitted = await admit(asked, seal, writer.append)
    (token,) = admitted.pseudonyms
    assert admitted.pseudonyms[token] == EMAIL
    text = seal.sealed[0][0]["messages"][0]["content"]
    assert text == f"Write to {token}, again {token}."
    assert EMAIL not in json.dumps(await recorded(asked))
    assert asked.body["messages"][0]["content"].count(EMAIL) == 2, "the request is not changed"


@pytest.mark.parametrize(
    ("text", "more", "rule"),
    [
        (f"Sign in with {KEY}", {}, "credentials"),
        ("Die Welt ist größer.", {}, "names-unchecked"),
        ("Hello.", {"stop": [EMAIL]}, "personal-data"),
    ],
    ids=["credential", "unchecked names", "a place that must stay"],
)
async def test_what_the_policy_forbids_is_blocked_on_the_record(writer, seal, text, more, rule):
    asked = request(text, **more)
    with pytest.raises(Blocked) as raised:
        await admit(asked, seal, writer.append)
    ((kind, detail),) = await recorded(asked)
    assert (kind, detail["decision"]) == ("request.blocked", "block")
    assert rule in detail["rules"]
    assert seal.sealed == []
    assert KEY not in str(raised.value)
    assert EMAIL not in str(raised.value)
    blocks = {one.id for one in DEFAULT.rules if one.effect is Effect.BLOCK}
    assert set(detail["blocked_by"]) == blocks & set(detail["rules"])
    for one in DEFAULT.rules:
        assert (one.description in str(raised.value)) == (one.id in detail["blocked_by"]), (
            one.id
        )


async def test_the_demo_application_may_send_unchecked_names(writer, seal):
    await admit(request("Die Welt ist größer.", "demo"), seal, writer.append)
    assert len(seal.sealed) == 1


async def test_rules_that_no_recogniser_can_trigger_are_named(writer, seal):
    asked = request("Hello.")
    admitted = await admit(asked, seal, writer.append)
    ((_, detail),) = await recorded(asked)
    assert set(detail["rules_not_enforced"]) == set(admitted.decision.not_enforced)
    assert "special-categories" in detail["rules_not_enforced"]


async def test_what_the_policy_ignores_counts_for_nothing_but_is_counted(writer, seal):
    ours = Ignored("ours", "Our own address.", values=frozenset({EMAIL.upper()}))
    lenient = policy("lenient", 1, DEFAULT.rules, ignored=(ours,))
    asked = request(f"Write to {EMAIL}.")
    admitted = await admit(asked, seal, writer.append, policy=lenient)
    assert admitted.decision.effect is Effect.ALLOW
    assert EMAIL in str(admitted.body)
    ((_, detail),) = await recorded(asked)
    assert (detail["findings"], detail["ignored"]) == ({}, {"ours": 1})


async def test_a_detector_that_fails_refuses_on_the_record(writer, seal):
    async def down(texts: Sequence[Segment], _own: object = ()) -> Scan:
        raise DetectionFailed("the detector is still loading")

    asked = request("Hello.")
    with pytest.raises(Refused, match="loading") as raised:
        await admit(asked, seal, writer.append, scan=down)
    assert raised.value.reason == "detection_unavailable"
    ((kind, detail),) = await recorded(asked)
    assert (kind, detail["reason"]) == ("request.refused", "detection_unavailable")
    assert seal.sealed == []


async def test_without_a_route_a_request_is_refused_on_the_record(writer, seal):
    asked = request("Hello.")
    with pytest.raises(Refused) as raised:
        await admit(asked, seal, writer.append, route=nowhere)
    assert raised.value.reason == "no_route"
    ((kind, detail),) = await recorded(asked)
    assert (kind, detail["reason"]) == ("request.refused", "no_route")


@pytest.mark.parametrize("text", ["Hello.", f"Sign in with {KEY}"], ids=["admitted", "blocked"])
async def test_what_cannot_be_recorded_does_not_happen(seal, text):
    async def full(events: Sequence[Event]) -> None:
        raise RecordUnavailable("The disk is nearly full.")

    with pytest.raises(Refused) as raised:
        await admit(request(text), seal, full)
    assert raised.value.reason == "record_unavailable"
    assert seal.sealed == []


async def test_a_seal_that_fails_ends_what_was_admitted(writer):
    def broken(request: Request, body: Mapping[str, Any], place: Place, attempt: int) -> int:
        raise ValueError("no key")

    asked = request("Hello.")
    with pytest.raises(Refused) as raised:
        await admit(asked, broken, writer.append)
    assert raised.value.reason == "clearance_unavailable"
    kinds = [kind for kind, _ in await recorded(asked)]
    assert kinds == ["request.admitted", "request.failed"]


@pytest.mark.database
async def test_attempts_are_recorded_and_the_end_counts_them(writer, seal):
    asked = request("Hello.")
    admitted = await admit(asked, seal, writer.append)
    await gate.reissue(admitted, "silent", append=writer.append, route=route, seal=seal)
    assert (admitted.attempt, admitted.ticket) == (2, 2)
    with pytest.raises(Refused):
        await gate.reissue(admitted, "silent", append=writer.append, route=nowhere, seal=seal)
    assert admitted.attempt == 2
    await gate.conclude(admitted, Outcome("completed", {"chunks": 3}), writer.append)
    kinds = await recorded(asked)
    assert [kind for kind, _ in kinds] == [
        "request.admitted",
        "request.attempt",
        "request.completed",
    ]
    told = {"attempts": 2, "chunks": 3, "site": "home"}
    assert kinds[-1][1].items() >= told.items()


@pytest.mark.database
async def test_a_request_ends_once(writer, seal):
    asked = request("Hello.")
    admitted = await admit(asked, seal, writer.append)
    await gate.conclude(admitted, Outcome("completed"), writer.append)
    with pytest.raises(RecordUnavailable):
        await gate.conclude(admitted, Outcome("failed"), writer.append)
    assert [kind for kind, _ in await recorded(asked)][1:] == ["request.completed"]


class Told:
    """What was to be recorded."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def append(self, events: Sequence[Event]) -> None:
        self.events += events


@pytest.fixture
def told() -> Told:
    return Told()


async def test_what_was_asked_is_kept_as_it_was_asked_with_where_its_findings_are(seal, told):
    asked = request(f"Größe? Write to {EMAIL}.".replace("Größe", "Size"), days=3)
    before = gate.now()
    await admit(asked, seal, told.append, subject_key=bytes(32))
    content = told.events[0].content
    assert content is not None
    kept = json.loads(content.text)
    assert json.loads(kept["body"]) == asked.body
    (finding,) = kept["findings"]
    assert finding["pointer"] == "/messages/0/content"
    text = json.loads(kept["body"])["messages"][0]["content"]
    assert text[finding["start"] : finding["end"]] == EMAIL
    assert content.subjects == (subjects.blind(bytes(32), EMAIL),)
    days = 3 * 86_400_000_000
    assert before + days <= content.expires <= gate.now() + days
    assert content.text == canonical(kept)


async def test_an_application_that_keeps_nothing_keeps_nothing(seal, told):
    asked = request(f"Write to {EMAIL}.")
    admitted = await admit(asked, seal, told.append, subject_key=bytes(32))
    await gate.conclude(admitted, Outcome("completed", choices=b"[]"), told.append)
    assert [event.content for event in told.events] == [None, None]


async def test_what_the_caller_got_is_kept_for_the_same_persons(seal, told):
    asked = request(f"Write to {EMAIL}.", days=1)
    admitted = await admit(asked, seal, told.append, subject_key=bytes(32))
    await gate.conclude(admitted, Outcome("failed", choices=b'[{"index":0}]'), told.append)
    prompt, output = (event.content for event in told.events)
    assert prompt is not None
    assert output is not None
    assert json.loads(output.text) == {"part": "output", "choices": '[{"index":0}]'}
    assert output.subjects == prompt.subjects


async def test_nothing_is_kept_whose_persons_could_not_be_found_again(seal, told):
    with pytest.raises(ValueError, match="index"):
        await admit(request("Hello.", days=1), seal, told.append)
    assert told.events == []


async def test_what_is_blocked_is_not_kept(seal, told):
    with pytest.raises(Blocked):
        await admit(
            request(f"Sign in with {KEY}", days=1), seal, told.append, subject_key=bytes(32)
        )
    assert [event.content for event in told.events] == [None]


async def test_what_cannot_be_written_down_to_be_kept_is_refused(seal, told):
    with pytest.raises(Refused) as raised:
        await admit(request("Hi", days=1, seed=2**70), seal, told.append, subject_key=bytes(32))
    assert raised.value.reason == "record_unavailable"
    assert seal.sealed == []

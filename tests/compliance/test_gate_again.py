"""What a decision obliges to, and deciding anew what no node has begun."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from compliance import gate
from compliance.detection.restore import restore
from compliance.gate import Admitted, Blocked, Outcome, Refused
from compliance.gate.said import rule_digests
from compliance.policy import recorded
from compliance.policy.decide import decide
from compliance.policy.rules import parse
from compliance.vocabulary import (
    Candidate,
    Category,
    Effect,
    Endpoint,
    Event,
    NoRoute,
    Place,
    Request,
    RequestClass,
    Serving,
)
from tests.compliance.test_gate import COVERAGE, EMAIL, HOME, Seals, admit, request, route

ALLOW = {"id": "allow", "description": "All.", "when": {}, "effect": "allow"}
SERVING = Serving("MIT", "us", candidates=(Candidate("away", "US"), Candidate("home", "DE")))


def policy(*rules: dict[str, Any], version: int = 1) -> Any:
    return parse(json.dumps({"name": "p", "version": version, "rules": list(rules)}))


def rule(name: str, effect: str = "allow", **more: Any) -> dict[str, Any]:
    return {"id": name, "description": f"Rule {name}.", "when": {}, "effect": effect} | more


class Record:
    """What was to be recorded."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def append(self, events: Sequence[Event]) -> None:
        self.events += events

    @property
    def last(self) -> Event:
        return self.events[-1]


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.fixture
def seal() -> Seals:
    return Seals()


async def admitted(
    asked: Request, record: Record, seal: Seals, *rules: dict[str, Any], **more: Any
) -> Admitted[int]:
    given = {"policy": policy(*rules), "serving": lambda _model: SERVING} | more
    found: Admitted[int] = await admit(asked, seal, record.append, **given)
    return found


def anew(
    one: Admitted[int], record: Record, seal: Seals, *rules: dict[str, Any], **more: Any
) -> Any:
    given: dict[str, Any] = {
        "policy": policy(*rules, version=2),
        "coverage": COVERAGE,
        "append": record.append,
        "route": route,
        "seal": seal,
        "serving": lambda _model: SERVING,
    }
    return gate.readmit(one, **given | more)


async def test_obligations_bound_the_answer_and_what_is_kept(
    record: Record, seal: Seals
) -> None:
    obliged = rule("o", obligations={"max_tokens": 9, "content_days": 1, "review": True})
    asked = request("Hello.", days=3, max_tokens=50)
    one = await admitted(asked, record, seal, obliged, subject_key=bytes(32))
    assert seal.sealed[0][0]["max_tokens"] == 9
    assert one.max_tokens == 9
    said = record.last.detail
    assert said["obligations"] == {"max_tokens": 9, "content_days": 1, "review": True}
    assert said["max_tokens"] == 9
    assert record.last.content is not None
    assert record.last.content.expires <= gate.now() + 86_400_000_000


@pytest.mark.parametrize("days", [3, 0])
async def test_content_that_is_never_to_be_kept_is_not(
    record: Record, seal: Seals, days: int
) -> None:
    never = rule("o", obligations={"content_days": 0})
    one = await admitted(request("Hello.", days=days), record, seal, never)
    await gate.conclude(one, Outcome("completed", choices=b"[]"), record.append)
    assert [event.content for event in record.events] == [None, None]


async def test_a_shorter_answer_that_was_asked_for_stays_short(
    record: Record, seal: Seals
) -> None:
    one = await admitted(
        request("Hi", max_tokens=3), record, seal, rule("o", obligations={"max_tokens": 9})
    )
    assert seal.sealed[0][0]["max_tokens"] == 3
    assert one.max_tokens is None
    assert "max_tokens" not in record.last.detail


async def test_the_facts_on_record_lead_to_the_same_decision(
    record: Record, seal: Seals
) -> None:
    asked = replace(
        request(
            f"Write to {EMAIL}.", tools=[{"type": "function", "function": {"name": "post"}}]
        ),
        request_class=RequestClass.BATCH,
    )
    rules = (ALLOW, rule("mail", "pseudonymise", when={"categories": ["personal"]}))
    one = await admitted(asked, record, seal, *rules)
    facts = recorded.read(record.last.detail["facts"])
    assert decide(policy(*rules), facts, COVERAGE) == one.decision
    assert facts.entities == {(Category.PERSONAL, "EMAIL_ADDRESS"): 1}
    assert (facts.request_class, facts.tools) == (
        RequestClass.BATCH,
        frozenset({"post"}),
    )
    assert facts.serving == SERVING
    assert EMAIL not in json.dumps(record.last.detail)


async def test_a_function_whose_name_is_somebodys_is_not_on_the_record(
    record: Record, seal: Seals
) -> None:
    tool = {"type": "function", "function": {"name": EMAIL}}
    with pytest.raises(Blocked):
        await admitted(
            request("Hi", tools=[tool]),
            record,
            seal,
            ALLOW,
            policy=policy(
                ALLOW, rule("mail", "pseudonymise", when={"categories": ["personal"]})
            ),
        )
    assert record.last.type == "request.blocked"
    assert EMAIL not in json.dumps(record.last.detail)


async def test_where_no_site_is_left_the_rules_that_left_them_out_are_named(
    record: Record, seal: Seals
) -> None:
    def none(_model: str, sites: tuple[str, ...] | None) -> Place:
        assert sites == ()
        raise NoRoute("No permitted site serves m.")

    here = rule("here", where={"countries": ["FR"]})
    with pytest.raises(Refused) as raised:
        await admitted(request("Hi"), record, seal, here, route=none)
    assert raised.value.reason == "no_route"
    assert "away (rule here), home (rule here)" in str(raised.value)
    said = record.last.detail
    assert (said["reason"], said["excluded"]) == (
        "no_route",
        {"away": "here", "home": "here"},
    )


async def test_a_hold_that_nobody_can_keep_is_refused(record: Record, seal: Seals) -> None:
    with pytest.raises(Refused):
        await admitted(request("Hi"), record, seal, rule("h", "hold"))
    assert record.last.type == "request.refused"
    assert seal.sealed == []


async def test_what_a_newer_version_decides_is_sent_under_the_next_attempt(
    record: Record, seal: Seals
) -> None:
    asked = request(f"Write to {EMAIL}.")
    one = await admitted(asked, record, seal, ALLOW)
    assert EMAIL in json.dumps(seal.sealed[0][0])
    mail = rule("mail", "pseudonymise", when={"categories": ["personal"]})
    await anew(one, record, seal, ALLOW, mail)
    body, attempt = seal.sealed[1]
    assert attempt == one.attempt == one.ticket == 2
    assert EMAIL not in json.dumps(body)
    assert one.body == body
    assert list(one.pseudonyms.values()) == [EMAIL]
    assert one.decision.version == 2
    said = record.last
    assert (said.type, said.request, said.detail["attempt"]) == (
        "request.redecided",
        asked.id,
        2,
    )
    assert (said.detail["policy"]["version"], said.detail["site"]) == (2, "home")


@pytest.mark.parametrize(
    ("effect", "words"), [("block", "Rule no."), ("hold", "send it again to have it held")]
)
async def test_a_newer_version_that_forbids_or_holds_stops_it(
    record: Record, seal: Seals, effect: str, words: str
) -> None:
    one = await admitted(request("Hi"), record, seal, ALLOW)
    with pytest.raises(Blocked, match=words):
        await anew(one, record, seal, ALLOW, rule("no", effect))
    assert (record.last.type, record.last.detail["decision"]) == ("request.redecided", effect)
    assert len(seal.sealed) == 1
    assert (one.attempt, one.decision.version) == (1, 1), "nothing of it changed"


async def test_what_a_person_approved_stays_approved_by_a_newer_version(
    record: Record, seal: Seals
) -> None:
    one = await admitted(request("Hi"), record, seal, ALLOW)
    look = rule("look", "hold")
    one.approved = rule_digests(policy(ALLOW, look), {"look"})
    await anew(one, record, seal, ALLOW, look)
    assert one.decision.effect is Effect.ALLOW


async def test_what_a_person_approved_is_not_approved_for_a_rule_that_was_rewritten(
    record: Record, seal: Seals
) -> None:
    one = await admitted(request("Hi"), record, seal, ALLOW)
    one.approved = rule_digests(policy(ALLOW, rule("look", "hold")), {"look"})
    with pytest.raises(gate.Blocked):
        await anew(
            one, record, seal, ALLOW, rule("look", "hold", when={"applications": ["shop"]})
        )


async def test_a_newer_version_that_leaves_no_place_refuses(
    record: Record, seal: Seals
) -> None:
    def none(_model: str, sites: tuple[str, ...] | None) -> Place:
        raise NoRoute("Nowhere.")

    one = await admitted(request("Hi"), record, seal, ALLOW)
    with pytest.raises(Refused, match="Nowhere"):
        await anew(one, record, seal, ALLOW, route=none)
    assert one.place is HOME
    assert len(seal.sealed) == 1


@pytest.mark.parametrize("way", ["again", "anew"])
async def test_another_ticket_that_cannot_be_sealed_is_refused_in_words(
    record: Record, seal: Seals, way: str
) -> None:
    class Damaged(Seals):
        def __call__(
            self, request: Request, body: Mapping[str, Any], place: Place, attempt: int
        ) -> int:
            super().__call__(request, body, place, attempt)
            raise ValueError("The site's key is damaged.")

    one = await admitted(request("Hi"), record, seal, ALLOW)
    sending = (
        gate.reissue(one, "Silent.", append=record.append, route=route, seal=Damaged())
        if way == "again"
        else anew(one, record, Damaged(), ALLOW)
    )
    with pytest.raises(Refused, match="could not be sealed for site home") as raised:
        await sending
    assert raised.value.reason == "clearance_unavailable"
    assert (one.attempt, one.ticket) == (1, 1), "the former one stands"


async def test_a_newer_version_that_keeps_less_keeps_no_answer(
    record: Record, seal: Seals
) -> None:
    one = await admitted(request("Hi", days=3), record, seal, ALLOW, subject_key=bytes(32))
    await anew(one, record, seal, rule("o", obligations={"content_days": 0}))
    await gate.conclude(one, Outcome("completed", choices=b"[]"), record.append)
    assert record.last.content is None


async def test_what_cannot_be_replaced_is_blocked_anew(record: Record, seal: Seals) -> None:
    one = await admitted(request("Hi", stop=[EMAIL]), record, seal, ALLOW)
    mail = rule("mail", "pseudonymise", when={"categories": ["personal"]})
    with pytest.raises(Blocked) as raised:
        await anew(one, record, seal, ALLOW, mail)
    assert EMAIL not in str(raised.value)
    assert record.last.detail["decision"] == "block"


async def test_pseudonyms_read_as_the_version_says_that_decides(
    record: Record, seal: Seals
) -> None:
    mail = {"when": {"categories": ["personal"]}}
    tokens = rule("mail", "pseudonymise", **mail)
    names = rule("mail", "pseudonymise", **mail, obligations={"realistic_pseudonyms": True})
    asked = request(f"Write to {EMAIL}.")
    one = await admitted(asked, record, seal, ALLOW, names)
    first = seal.sealed[0][0]["messages"][0]["content"]
    assert re.fullmatch(r"Write to [a-z]\.[a-z]+@example\.(com|net|org)\.", first)
    assert restore(first, one.pseudonyms) == f"Write to {EMAIL}."
    await anew(one, record, seal, ALLOW, tokens)
    assert seal.sealed[1][0]["messages"][0]["content"] == "Write to [EMAIL_ADDRESS_1]."
    assert one.pseudonyms == {"[EMAIL_ADDRESS_1]": EMAIL}
    await anew(one, record, seal, ALLOW, names)
    assert seal.sealed[2][0]["messages"][0]["content"] == first


QUIET = rule("quiet", obligations={"withhold_reasoning": True})
REASONS = replace(SERVING, reasons=True)


async def test_reasoning_that_cannot_be_told_apart_is_withheld_with_the_whole_answer(
    record: Record, seal: Seals
) -> None:
    asked = replace(request("Hello."), endpoint=Endpoint.COMPLETIONS)
    with pytest.raises(Blocked, match="cannot be told apart") as blocked:
        await admitted(asked, record, seal, QUIET, serving=lambda _model: REASONS)
    assert "Rule quiet" not in str(blocked.value), "that rule lets it go on"
    assert not seal.sealed
    assert record.last.type == "request.blocked"
    assert (record.last.detail["rules"], record.last.detail["blocked_by"]) == (["quiet"], [])
    one = await admitted(asked, record, seal, ALLOW, serving=lambda _model: REASONS)
    with pytest.raises(Blocked, match="cannot be told apart"):
        await anew(one, record, seal, QUIET, serving=lambda _model: REASONS)
    assert (record.last.type, record.last.detail["decision"]) == ("request.redecided", "block")
    assert len(seal.sealed) == 1


@pytest.mark.parametrize(
    ("endpoint", "serving"),
    [
        (Endpoint.CHAT, REASONS),
        (Endpoint.EMBEDDINGS, REASONS),
        (Endpoint.COMPLETIONS, SERVING),
    ],
)
async def test_where_there_is_none_or_it_is_told_apart_the_request_goes_on(
    record: Record, seal: Seals, endpoint: Endpoint, serving: Serving
) -> None:
    asked = replace(request("Hello."), endpoint=endpoint)
    one = await admitted(asked, record, seal, QUIET, serving=lambda _model: serving)
    assert one.decision.obligations.withhold_reasoning

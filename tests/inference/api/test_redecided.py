"""What a caller is told whose request was admitted and then forbidden by a newer version."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from compliance.gate import Admitted, Outcome
from compliance.policy.default import DEFAULT
from compliance.vocabulary import Decision, Effect, Endpoint, Scan
from inference.api.answering import Answering
from inference.api.asked import Call
from inference.api.http import Exchange
from inference.clearance import Receipt
from inference.dispatch import AnswerFailed
from inference.routing import ServedModel
from tests.compliance.test_gate import HOME, request

FORMER = Decision(Effect.ALLOW, {}, ("all",), ("All.",), "p", 1, "0" * 64)
NEWER = replace(FORMER, effect=Effect.BLOCK, rules=("no",), reasons=("No more.",), version=2)


class Gone:
    """A dispatcher of requests that a newer version forbids."""

    async def follow(self, _admitted: Any, **_given: Any) -> AsyncGenerator[Receipt, None]:
        raise AnswerFailed("policy_blocked", "No more.", decision=NEWER)
        yield  # what makes it a generator


@pytest.mark.parametrize("stream", [True, False])
async def test_its_headers_say_the_newer_decision_and_name_no_site(stream: bool) -> None:
    sent: list[MutableMapping[str, Any]] = []
    ends: list[Outcome] = []

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    exchange = Exchange({"headers": []}, receive, send, "1" * 32)
    exchange._read = True  # of its body nothing is left
    exchange.add_headers([(b"domicile-decision", b"allow"), (b"domicile-policy-version", b"1")])
    answering = Answering(
        cast(
            "Any",
            SimpleNamespace(
                dispatcher=Gone(),
                append=None,
                endings=SimpleNamespace(conclude=lambda _admitted, end: ends.append(end)),
            ),
        ),
        exchange,
        call=Call(Endpoint.CHAT, ServedModel("m", 9, 0, "tests"), {}, stream=stream),
        admitted=cast(
            "Any", Admitted(request("Hi"), FORMER, {}, {}, HOME, ticket=1, found=Scan(()))
        ),
        passage=cast("Any", None),
        begun=0.0,
        policy=DEFAULT,
    )
    assert await answering.run() == "failed"
    head = dict(sent[0]["headers"])
    assert sent[0]["status"] == 403
    assert (head[b"domicile-decision"], head[b"domicile-policy-version"]) == (b"block", b"2")
    assert b"domicile-site" not in head
    assert orjson.loads(sent[-1]["body"])["error"]["code"] == "policy_blocked"
    assert ends[0].detail["reason"] == "policy_blocked"

"""Callers who go on asking while one version of the policy follows the other."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.inference.api.laboratory import Laboratory, ask
from tests.inference.api.node import Attempt, Node, answers
from tests.services.appliance import BASE, Recorded
from tests.services.waiting import PATIENCE, until

CALLERS = 8
TURNS = 4
NAME = "turned"  # the application that every version treats in another way
WAITS = "Wait until the next version decides."
DECIDES = {"request.admitted", "request.redecided"}
ENDS = {"request.completed", "request.failed", "request.cancelled", "request.lost"}

Sign = Callable[..., Awaitable[tuple[int, str]]]


def blocks(turn: int) -> bool:
    return turn % 3 == 0


def rule(turn: int) -> dict[str, Any]:
    """Each third version blocks, and each of the others allows a length of its own."""
    said = {"id": "turn", "description": f"Turn {turn}.", "when": {"applications": [NAME]}}
    if blocks(turn):
        return said | {"effect": "block"}
    return said | {"effect": "allow", "obligations": {"max_tokens": turn}}


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    digest: str
    turn: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What a caller was told. `since` is the newest version its gateway had named before."""

    request: str
    since: int
    status: int
    version: int
    most: str | None


@dataclass
class Callers:
    """Some ask until it is `over`; for others an answer lasts until the next version counts."""

    lab: Laboratory
    client: httpx.AsyncClient
    heard: list[Heard] = field(default_factory=list)
    newest: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    told: set[tuple[str, int, int]] = field(default_factory=set)
    next: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    async def ask(self, gateway: str, text: str, *, stream: bool) -> int:
        """The status."""
        since = self.newest[gateway]
        body = ask(text, max_tokens=50, stream=stream)
        answer = await self.client.post(f"{gateway}/v1/chat/completions", json=body)
        headers, status = answer.headers, answer.status_code
        version = int(headers.get("domicile-policy-version", 0))
        most = headers.get("domicile-max-tokens")
        self.heard.append(Heard(headers["domicile-request"], since, status, version, most))
        self.newest[gateway] = max(self.newest[gateway], version)
        self.told.add((gateway, version, status))
        return status

    async def stay(self, gateway: str, *, stream: bool) -> None:
        """Ask for what lasts; a machine that is too busy is asked again."""
        while await self.ask(gateway, WAITS, stream=stream) != 200 and not self.over:
            pass

    async def go_on(self, place: int) -> None:
        gateway = self.lab.gateways[place % 2].url
        while not self.over:
            await self.ask(gateway, "Good day.", stream=place % 4 < 2)

    async def hear(self, version: Version) -> None:
        """Return once each gateway has decided by this version."""
        status = 403 if blocks(version.turn) else 200
        wanted = {(one.url, version.number, status) for one in self.lab.gateways[:2]}
        await until(lambda: wanted <= self.told, f"version {version.number} decides")

    async def script(self, attempt: Attempt) -> None:
        following = self.next
        if attempt.said == WAITS and not self.over:
            beating = asyncio.create_task(attempt.beat())
            await following.wait()
            beating.cancel()
        await answers(attempt)

    def release(self) -> None:
        """A new version decides: what waited for it is answered."""
        self.next.set()
        self.next = asyncio.Event()


@asynccontextmanager
async def signing(lab: Laboratory) -> AsyncIterator[Sign]:
    """Two people, who give the number and the digest of the version that they signed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.services.signing"),
        cwd=BASE,
        env=lab.environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    into, out = process.stdin, process.stdout
    assert into is not None
    assert out is not None

    async def sign(*rules: dict[str, Any]) -> tuple[int, str]:
        into.write(json.dumps(rules).encode() + b"\n")
        number, digest = (await asyncio.wait_for(out.readline(), PATIENCE)).decode().split()
        return int(number), digest

    try:
        yield sign
    finally:
        into.close()
        await process.wait()


async def test_while_versions_change_each_request_is_decided_by_one_and_never_by_an_older(
    lab: Laboratory, node: Node
) -> None:
    key = await asyncio.to_thread(lab.application, name=NAME)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(timeout=PATIENCE, headers=headers) as client:
        callers = Callers(lab, client)
        node.script = callers.script
        async with signing(lab) as sign:
            versions = await turned(callers, node, sign)
            await sign()  # the others' tests find the rules that they know
    decided = {one.request: one for one in callers.heard}
    assert len(decided) == len(callers.heard) >= CALLERS * TURNS
    stories = await ended(lab, decided.keys())
    digests = defaultdict(set)
    for attempt in node.attempts:
        digests[attempt.ticket.request].add(attempt.ticket.policy_digest)
    for heard in callers.heard:
        if not heard.version:  # refused before any version was asked
            assert heard.status in {429, 503}, "only a machine that is too busy"
            continue
        assert heard.version >= heard.since, "an older version than one that was seen"
        if heard.version in versions:  # the first callers may have met the version before
            story = stories[heard.request]
            insist(heard, versions[heard.version], story, digests[heard.request])


async def turned(callers: Callers, node: Node, sign: Sign) -> dict[int, Version]:
    """Let one version follow the other under the callers' requests; by number."""
    versions: dict[int, Version] = {}
    async with asyncio.TaskGroup() as group:
        try:
            for place in range(CALLERS):
                group.create_task(callers.go_on(place))
            for turn in range(1, TURNS + 1):
                version = Version(*await sign(rule(turn)), turn)
                versions[version.number] = version
                await callers.hear(version)
                callers.release()
                if not blocks(turn):
                    gateway = callers.lab.gateways[turn % 2].url
                    group.create_task(callers.stay(gateway, stream=turn % 4 < 2))
                    await until(lambda: _waits(node, version.digest), "it waits at the node")  # noqa: B023 - called in this turn
        finally:
            callers.over = True
            callers.release()
    return versions


def _waits(node: Node, digest: str) -> bool:
    return any(
        one.said == WAITS and one.ticket.policy_digest == digest for one in node.attempts
    )


async def ended(lab: Laboratory, requests: Any) -> dict[str, list[Recorded]]:
    """The events of each request, once whatever was admitted has ended."""
    stories: defaultdict[str, list[Recorded]] = defaultdict(list)

    def all_ended() -> bool:
        stories.clear()
        for event in lab.events():
            if event.request is not None and event.request in requests:
                stories[event.request].append(event)
        return all(
            any(event.type in ENDS for event in story)
            for story in stories.values()
            if story[0].type == "request.admitted"
        )

    await until(all_ended, "every admitted request has an end", every=0.2)
    return stories


def insist(heard: Heard, version: Version, story: list[Recorded], tickets: set[str]) -> None:
    """What the caller, the node and the record know is one version's decision."""
    kinds = [event.type for event in story]
    decisions = [one for one in story if one.type in DECIDES or one.type == "request.blocked"]
    if not decisions:
        assert heard.status in {429, 503}, "only a machine that is too busy"
        return
    policy = decisions[-1].detail["policy"]
    assert (policy["version"], policy["digest"]) == (version.number, version.digest)
    if heard.status == 403:
        assert kinds == ["request.blocked"]
        assert blocks(version.turn)
        assert not tickets
        return
    assert kinds.count("request.admitted") == 1, kinds
    assert sum(kind in ENDS for kind in kinds) == 1, kinds
    assert not blocks(version.turn)
    assert tickets <= {version.digest} or "request.redecided" in kinds
    if heard.status == 200:
        assert heard.most == str(version.turn), "the length that this version allows"

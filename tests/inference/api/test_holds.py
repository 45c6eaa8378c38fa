"""A held request through the official client: refused, approved by a person, sent again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress
from typing import Any

import openai
import pytest

from tests.inference.api.laboratory import Laboratory, ask
from tests.inference.api.node import Node, unlike
from tests.services.appliance import BASE

PLANTED = "quartzfinch"


@pytest.fixture(scope="module")
def key(lab: Laboratory) -> str:
    """Of the application whose requests a person looks at."""
    return lab.application(name="held")


def decided(lab: Laboratory, **said: str) -> None:
    """A person says `approve` or `deny`, each of one hold, as the console does."""
    calls = "; ".join(
        f"deciding.{verb}({one!r}, 'dora', 'Seen.')" for verb, one in said.items()
    )
    code = f"from compliance.holds import deciding; {calls}"
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code],
        cwd=BASE,
        env=lab.environment,
        check=True,
        capture_output=True,
    )


def state(lab: Laboratory, hold: str, key: str) -> Any:
    return lab.http.get(
        f"{lab.url}/v1/holds/{hold}", headers={"Authorization": f"Bearer {key}"}
    )


def in_clear(lab: Laboratory) -> list[str]:
    """Files of the data folder and of what the processes said that hold the planted word."""
    found = []
    for path in [*lab.data.rglob("*"), *lab.data.parent.glob("*.output")]:
        with suppress(OSError):  # sockets; what just went
            if path.is_file() and PLANTED.encode() in path.read_bytes():
                found.append(str(path))
    return found


def held(lab: Laboratory, body: Any, key: str, hold: str = "") -> Any:
    return lab.post(body, key=key, headers={"Domicile-Hold": hold} if hold else {})


async def test_a_request_waits_is_approved_and_answered_once(
    lab: Laboratory, node: Node, key: str
) -> None:
    body = ask(f"{unlike()} Begin with {PLANTED}.")
    with lab.client(key) as client:
        with pytest.raises(openai.PermissionDeniedError) as raised:
            await asyncio.to_thread(lambda: client.chat.completions.create(**body))
        assert raised.value.code == "held_for_approval"
        hold = raised.value.response.headers["domicile-hold"]
        assert hold in raised.value.message
        assert "A person looks at what this application asks." in raised.value.message
        assert "What no other rule restricts" not in raised.value.message, "only what holds it"
        waiting = (await asyncio.to_thread(state, lab, hold, key)).json()
        assert (waiting["id"], waiting["state"], waiting["object"]) == (hold, "waiting", "hold")
        assert 0 < waiting["expires"] - waiting["created"] <= 86_400
        too_soon = await asyncio.to_thread(held, lab, body, key, hold)
        assert (too_soon.status_code, too_soon.headers["domicile-hold"]) == (403, hold)
        assert not node.attempts
        assert await asyncio.to_thread(in_clear, lab) == []

        await asyncio.to_thread(decided, lab, approve=hold)
        assert (await asyncio.to_thread(state, lab, hold, key)).json()["state"] == "approved"
        approved = {"Domicile-Hold": hold}
        answer = await asyncio.to_thread(
            lambda: client.chat.completions.create(**body, extra_headers=approved)
        )
    assert answer.choices[0].message.content == "Good day."
    assert (await asyncio.to_thread(state, lab, hold, key)).json()["state"] == "used"
    again = await asyncio.to_thread(held, lab, body, key, hold)
    assert (again.status_code, again.json()["error"]["code"]) == (403, "hold_used")
    attempt = node.attempts[-1]  # a busy machine may have needed more than one
    (admitted, *_) = await asyncio.to_thread(lab.story, attempt.ticket.request)
    assert (admitted.detail["hold"], admitted.detail["decision"]) == (hold, "allow")
    assert PLANTED in str(attempt.ticket.body)
    assert await asyncio.to_thread(in_clear, lab) == []
    assert not list((lab.data / "vault" / "keys").glob(f"held.{hold}"))


async def test_what_an_approval_is_not_for_is_refused_by_name(
    lab: Laboratory, node: Node, key: str
) -> None:
    body = ask(unlike())
    ids = [
        (await asyncio.to_thread(held, lab, body, key)).headers["domicile-hold"]
        for _ in range(2)
    ]
    await asyncio.to_thread(decided, lab, deny=ids[0], approve=ids[1])
    stranger = await asyncio.to_thread(lab.application)
    cases = [
        (body, key, ids[0], 403, "hold_denied"),
        (ask("Another text."), key, ids[1], 403, "hold_mismatch"),
        (body, stranger, ids[1], 404, "hold_not_found"),
        (body, key, "0" * 32, 404, "hold_not_found"),
        (body, key, "not an id", 400, "invalid_request_error"),
    ]
    for given, whose, hold, status, code in cases:
        answer = await asyncio.to_thread(held, lab, given, whose, hold)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert (await asyncio.to_thread(state, lab, ids[1], stranger)).status_code == 404
    assert (await asyncio.to_thread(state, lab, "x/../y", key)).status_code == 404
    assert (await asyncio.to_thread(state, lab, ids[1], "dom_wrong")).status_code == 401
    assert not node.attempts


async def test_two_repetitions_at_two_gateways_are_answered_once(
    lab: Laboratory, node: Node, key: str
) -> None:
    body = ask(unlike())
    hold = (await asyncio.to_thread(held, lab, body, key)).headers["domicile-hold"]
    await asyncio.to_thread(decided, lab, approve=hold)
    answers = await asyncio.gather(
        *(
            asyncio.to_thread(
                lab.post, body, key=key, url=gateway.url, headers={"Domicile-Hold": hold}
            )
            for gateway in lab.gateways[:2]
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 403]
    events = await asyncio.to_thread(lab.events, type="request.admitted")
    (admitted,) = [event for event in events if event.detail.get("hold") == hold]
    assert {attempt.ticket.request for attempt in node.attempts} == {admitted.request}

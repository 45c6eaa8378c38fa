"""What a decision obliges to reaches the engine, the caller and the record."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.inference.api.laboratory import Laboratory, ask
from tests.inference.api.node import Node, unlike


@pytest.fixture(scope="module")
def key(lab: Laboratory) -> str:
    """Of the application that keeps content, and whose rule obliges to much."""
    return lab.application(name="obliged", content_days=3)


async def test_an_obliged_answer_is_short_marked_looked_at_and_not_kept(
    lab: Laboratory, node: Node, key: str
) -> None:
    response = await asyncio.to_thread(lab.post, ask(unlike(), max_tokens=50), key=key)
    headers, content = response.headers, response.json()
    assert headers["domicile-max-tokens"] == "5"
    assert headers["domicile-ai-generated"] == "true"
    assert headers["domicile-human-review"] == "required"
    assert content["domicile"] == {"ai_generated": True}
    assert node.attempts[-1].ticket.body["max_tokens"] == 5
    request = headers["domicile-request"]
    (admitted, *_) = await asyncio.to_thread(lab.story, request)
    assert admitted.detail["obligations"] == {
        "content_days": 0,
        "mark_output": True,
        "max_tokens": 5,
        "review": True,
    }
    assert admitted.detail["max_tokens"] == 5
    assert admitted.detail["facts"]["request_class"] == "interactive"
    kept = await asyncio.to_thread(
        lab.sql, "SELECT count(*) FROM compliance_content WHERE request = ?", [request]
    )
    assert kept == [(0,)]


async def test_a_shorter_bound_of_the_caller_stays(
    lab: Laboratory, node: Node, key: str
) -> None:
    response = await asyncio.to_thread(lab.post, ask(unlike(), max_tokens=3), key=key)
    assert "domicile-max-tokens" not in response.headers
    assert node.attempts[-1].ticket.body["max_tokens"] == 3


async def test_the_official_client_reads_a_marked_answer_and_a_marked_stream(
    lab: Laboratory, node: Node, key: str
) -> None:
    async with lab.async_client(key) as client:
        answer = await client.chat.completions.create(**ask(unlike()))
        stream = await client.chat.completions.create(**ask(unlike()), stream=True)
        chunks = [part async for part in stream]
    assert answer.choices[0].message.content == "Good day."
    assert (answer.model_extra or {})["domicile"] == {"ai_generated": True}
    marks = [(part.model_extra or {}).get("domicile") for part in chunks]
    assert marks == [{"ai_generated": True}, *[None] * (len(chunks) - 1)]
    texts = [part.choices[0].delta.content for part in chunks if part.choices]
    assert "".join(text for text in texts if text) == "Good day."


async def test_an_answer_that_nothing_obliges_to_mark_is_as_it_was(
    lab: Laboratory, node: Node
) -> None:
    response = await asyncio.to_thread(lab.post, ask(unlike(), max_tokens=50))
    assert "domicile" not in response.json()
    assert not [name for name in response.headers if name.startswith("domicile-ai")]
    assert node.attempts[-1].ticket.body["max_tokens"] == 50


async def test_a_flexible_tier_is_the_class_of_batches(
    lab: Laboratory, node: Node, key: str
) -> None:
    blocked = await asyncio.to_thread(lab.post, ask(unlike(), service_tier="flex"), key=key)
    assert blocked.status_code == 403
    assert "people, not files" in json.dumps(blocked.json())
    allowed = await asyncio.to_thread(lab.post, ask(unlike(), service_tier="flex"))
    assert allowed.status_code == 200
    (admitted, *_) = await asyncio.to_thread(lab.story, allowed.headers["domicile-request"])
    assert admitted.detail["facts"]["request_class"] == "batch"

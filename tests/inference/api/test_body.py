"""A body that does not come."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from inference.api import body
from inference.api.errors import APIError
from tests.services.waiting import PATIENCE


async def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(body, "READ_TIMEOUT", 0.2)

    async def trickle() -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(APIError) as raised:
            await body.read(trickle, {})
    assert (raised.value.status, raised.value.code) == (408, "request_timeout")
    assert raised.value.headers["Connection"] == "close"

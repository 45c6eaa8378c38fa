"""What answers beside the API, without its lifespan."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.conf import settings

from appliance.front import Front


async def test_figures_are_put_together_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch):
    """Reading the files of every process would hold up every stream."""
    front = Front(settings.DOMICILE)
    asked: list[threading.Thread] = []
    monkeypatch.setattr(front, "_gauges", lambda: asked.append(threading.current_thread()))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError

    await front({"type": "http", "path": "/metrics"}, receive, send)
    assert sent[0]["status"] == 200
    assert b"domicile_append_seconds" in sent[1]["body"]
    assert asked
    assert asked[0] is not threading.main_thread()

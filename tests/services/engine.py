"""What an appliance's engine says of its own work, asked on its socket past everybody."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import httpx

from appliance import env
from tests.services.appliance import Appliance


def ask(appliance: Appliance, path: str) -> httpx.Response | None:
    """The engine's answer to GET `path`; None where no engine answers."""
    for socket in env.read(appliance.variables).run.glob("engine-*.sock"):
        transport = httpx.HTTPTransport(uds=str(socket))
        with suppress(httpx.HTTPError), httpx.Client(transport=transport, timeout=30) as client:
            return client.get(f"http://engine{path}")
    return None


def slots(appliance: Appliance) -> list[dict[str, Any]]:
    """Its slots: which task each has or had last, whether it works on it, what it made."""
    answer = ask(appliance, "/slots")
    assert answer is not None, "no engine answers"
    return list(answer.json())


def tasks(appliance: Appliance) -> list[int | None]:
    """The last task of each slot: as long as this stays the same, the engine ran nothing."""
    return [slot.get("id_task") for slot in slots(appliance)]


def at_work(appliance: Appliance) -> int:
    """How many tokens the task in hand has by now; 0 where the engine is idle."""
    return sum(
        part["n_decoded"]
        for slot in slots(appliance)
        if slot["is_processing"]
        for part in slot.get("next_token", ())
    )

"""The first credentials: shown once, and kept for their owner in welcome.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.services import folder

WELCOME = "welcome.json"
UNCONFIRMED = ".welcome.json.unconfirmed"
"""The credentials before their rows are committed; see `appliance.setup`."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is shown once: an administrator's password and the demo application's key."""

    admin: str
    password: str
    api_key: str
    model: str


def kept_credentials(data: Path) -> Credentials | None:
    """Those in welcome.json, or None once it was taken away."""
    for name in (WELCOME, UNCONFIRMED):
        try:
            found = json.loads(data.joinpath(name).read_bytes())
            return Credentials(
                found["admin"], found["password"], found["api_key"], found["model"]
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def write_welcome(data: Path, credentials: Credentials, base: str) -> None:
    """welcome.json: how to reach the appliance that was just set up."""
    addresses = {"base_url": f"{base}/v1", "console_url": f"{base}/console/"}
    folder.write(data / WELCOME, addresses | asdict(credentials))
    data.joinpath(UNCONFIRMED).unlink(missing_ok=True)


def keep_unconfirmed(data: Path, credentials: Credentials) -> None:
    """Put them on the disk, for a set-up that is cut short after its commit."""
    folder.write(data / UNCONFIRMED, asdict(credentials))

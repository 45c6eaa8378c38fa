"""Time zones by their names (IANA), from the pinned package tzdata.

The machine's own table is not read: the same policy must mean the same hours on every machine,
and when a decision is looked at again.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

UTC = "UTC"

ZONES: frozenset[str] = frozenset(
    resources.files("tzdata").joinpath("zones").read_text("utf-8").split()
)
"""Every known name, such as Europe/Berlin."""


@lru_cache(maxsize=32)
def zone(name: str) -> ZoneInfo:
    """The zone of a known name; raises `KeyError` for another."""
    if name not in ZONES:
        raise KeyError(name)
    with resources.files("tzdata").joinpath(f"zoneinfo/{name}").open("rb") as file:
        return ZoneInfo.from_file(file, key=name)

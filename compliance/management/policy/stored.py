"""A version by its number, as the commands take it; whether the database can be believed."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.models import PolicyVersion
from compliance.versions import load
from compliance.versions.chain import Standing


class NoVersion(Exception):
    """There is no such version. The message says which there are."""


def standing() -> Standing:
    """What counts as the gate sees it: what this data folder has seen of the policy too."""
    return load.standing(heed=True)


def doubts(standing: Standing) -> Iterator[str]:
    """What is wrong with the policy, a line each, to be said before what the database holds."""
    yield from (f"NOT SOUND: {fault}" for fault in standing.faults)


def version(number: int | None, standing: Standing) -> PolicyVersion:
    """The version of this number, or the active one; raises `NoVersion`."""
    if number is None:
        if standing.active is None:
            raise NoVersion("No version counts now; name one by its number.")
        number = standing.active.number
    row = PolicyVersion.objects.filter(number=number).first()
    if row is None:
        newest = PolicyVersion.objects.order_by("-number").first()
        last = newest.number if newest else 0
        raise NoVersion(f"There is no version {number}; the newest is {last}.")
    return row

"""A version by its number, as the commands take it."""

from __future__ import annotations

from compliance.models import PolicyVersion
from compliance.versions.chain import Standing


class NoVersion(Exception):
    """There is no such version. The message says which there are."""


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

"""Exports that hold kept content which was erased since: their files go too.

A run with contents notes, when it begins, how many erasures had found something by then. Where
there are more later, its file may hold in clear what nobody is to open any more. Counting needs
no clock, and asking again is harmless: whoever erases calls `clear`, and so does every sweep of
the process `records`, in case that the one who erased died in between.
"""

from __future__ import annotations

from collections.abc import Collection

from compliance.audit.asking import Work, affected
from compliance.evidence import runs
from compliance.models import Content, Erasure, Export

MARK = "erasures"  # of a run's scope
_CHUNK = 500  # requests of one query
REASON = "content in it may have been erased"


def mark() -> dict[str, int]:
    """What a run that begins now adds to its scope."""
    return {MARK: count()}


def outdated(run: Export) -> bool:
    """Whether content in `run` may have been erased after it began."""
    return bool(run.scope.get("contents")) and count() > int(run.scope.get(MARK, 0))


def clear(actor: str) -> int:
    """Remove the finished files that may hold what was erased; how many, each on the record.

    What is unfinished is not touched here: `running` throws it away and begins anew.
    """
    done = Export.objects.filter(form="evidence", state=Export.State.DONE, removed=None)
    found = [run for run in done if outdated(run)]
    return sum(runs.remove(actor, run, REASON) for run in found)


def count() -> int:
    """How many erasures have found something so far."""
    return Erasure.objects.filter(state=Erasure.State.DONE, requests__gt=0).count()


def touched(requests: Collection[str]) -> bool:
    """Whether kept content of any of these was erased, or will be by who erases now.

    What was asked for is looked at first: what is done between both looks shows at the second.
    """
    asked = Erasure.objects.filter(state=Erasure.State.ASKED)
    erasures = [(one, Work.of(one)) for one in asked]
    ids = sorted(requests)
    for first in range(0, len(ids), _CHUNK):
        part = ids[first : first + _CHUNK]
        if any(affected(*one).filter(request__in=part).exists() for one in erasures):
            return True
        if Content.objects.filter(request__in=part).values("request").distinct().count() < len(
            part
        ):
            return True
    return False

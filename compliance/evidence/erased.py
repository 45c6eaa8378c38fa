"""Exports that hold kept content which was erased since: their files go too.

A run with contents notes, when it begins, how many erasures had found something by then. Where
there are more later, its file may hold in clear what nobody is to open any more. Counting needs
no clock, and asking again is harmless: whoever erases calls `clear`, and so does every sweep of
the process `records`, in case that the one who erased died in between.
"""

from __future__ import annotations

from compliance.evidence import runs
from compliance.models import Erasure, Export

MARK = "erasures"  # of a run's scope
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

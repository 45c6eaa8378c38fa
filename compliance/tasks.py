"""What the worker `records` does: long work on the record, one piece at a time.

A task names a row and no more: whoever can write to the broker can have work begun that
somebody with the right to it asked for, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.sharedctypes import RawValue

from celery import shared_task
from django.db import connections

from compliance.evidence import running
from compliance.evidence.packs import form

EXPORT, SWEEP = "compliance.tasks.export", "compliance.tasks.sweep"

form.register()

_stopping = RawValue("b", 0)
"""Set by the worker, read by its child: no lock, which a killed child might hold for ever."""


def stop() -> None:
    """Let the run that is at work give way; it is begun again by the next worker."""
    _stopping.value = 1


def _at_rest(work: Callable[..., None], *arguments: int) -> None:
    """Do it on connections of its own, so that none is old and none is left open."""
    connections.close_all()
    try:
        work(*arguments)
    finally:
        connections.close_all()


def carry_out(pk: int) -> None:
    """Carry out the run `pk`, unless it is done, cancelled or at work elsewhere."""
    _at_rest(_export, pk)


def _export(pk: int) -> None:
    running.carry_out(pk, stopping=lambda: bool(_stopping.value))


def take_up() -> None:
    """Take up what was left, and remove what is past its time."""
    _at_rest(_sweep)


def _sweep() -> None:
    for pk in running.left():
        export.apply_async((pk,), queue="records")
    running.tidy()


export = shared_task(name=EXPORT, ignore_result=True)(carry_out)
sweep = shared_task(name=SWEEP, ignore_result=True)(take_up)

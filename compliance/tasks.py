"""What the worker `records` does: long work on the record, and what the vault is to lose.

A task names a row and no more: whoever can write to the broker can have work begun that
somebody with the right to it asked for, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.sharedctypes import RawValue

from celery import shared_task
from django.db import connections

from compliance import background
from compliance.audit import caretaker
from compliance.evidence import erased, running, shelf
from compliance.evidence.packs import form
from compliance.holds import ending
from compliance.simulation import replay

form.register()

RECORDS = "records"  # who acts where no person does

_stopping = RawValue("b", 0)
"""Set by the worker, read by its children: no lock, which a killed one might hold for ever."""


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
    """One export at a time; whoever ends one takes up the next that waits."""
    with shelf.turn() as mine:
        if not mine:
            return
        running.carry_out(pk, stopping=lambda: bool(_stopping.value))
    waiting = running.next_waiting()
    if waiting is not None and not _stopping.value:
        export.apply_async((waiting,), queue="records")


def erase_content(pk: int) -> None:
    """Carry out the erasure `pk`, unless it is done."""
    _at_rest(_erase, pk)


def _erase(pk: int) -> None:
    caretaker.carry_out(pk)
    erased.clear(RECORDS)


def simulate_policy(pk: int) -> None:
    """Carry out the simulation `pk`, unless it is ended or at work elsewhere."""
    _at_rest(_simulate, pk)


def _simulate(pk: int) -> None:
    replay.carry_out(pk, stopping=lambda: bool(_stopping.value))


def take_up() -> None:
    """Take up what was left, and remove what is past its time."""
    _at_rest(_sweep)


def _sweep() -> None:
    caretaker.look()
    ending.end()
    erased.clear(RECORDS)
    for pk in running.left():
        export.apply_async((pk,), queue="records")
    for pk in replay.left():
        simulate.apply_async((pk,), queue="records")
    running.tidy()


export = shared_task(name=background.EXPORT, ignore_result=True)(carry_out)
erase = shared_task(name=background.ERASE, ignore_result=True)(erase_content)
simulate = shared_task(name=background.SIMULATE, ignore_result=True)(simulate_policy)
sweep = shared_task(name=background.SWEEP, ignore_result=True)(take_up)

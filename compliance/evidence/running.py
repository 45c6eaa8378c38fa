"""Carries runs of exports out, in the worker `records`.

In this order, and a crash after any step is mended by beginning again: (1) the form writes the
file under its scratch name and puts it on record, both or neither; (2) the row gets the file's
name; (3) the file does; (4) the row says that it is done. Whoever finds a whole file that is on
record goes on from there, so that there is one event for one file.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from compliance.audit.keys import KeyUnusable
from compliance.audit.keystore import VaultUnavailable, VaultUnreadable
from compliance.evidence import erased, runs, shelf
from compliance.evidence.file import ExportImpossible
from compliance.evidence.forms import FORMS, Form, Made, ScopeInvalid
from compliance.models import Export

BEAT = 1.0  # seconds between two signs of life
LOOK = 0.2  # seconds until a cancelling is seen
UNSEEN = dt.timedelta(seconds=5)
"""A run that was not seen for so long is looked at: who works at it holds its lock."""
ATTEMPTS = 5  # a run whose process dies each time is given up

UNREADABLE = (VaultUnavailable, VaultUnreadable)
State = Export.State
log = structlog.get_logger(__name__)


class Ended(Exception):
    """The run is to end here: cancelled, the worker stops, or what it discloses was erased."""


class Pulse:
    """Writes progress into the row, once a second, on a connection of its own.

    So the work itself may be inside a transaction, or in a step that says nothing. Called with
    what is done and what there is to do; raises `Ended` or `ExportImpossible` to end the work.
    """

    def __init__(self, run: Export, stopping: Callable[[], bool]) -> None:
        self._run = run
        self._stopping = stopping
        self._now = (0, 0)
        self._ended = self._full = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def __call__(self, done: int, total: int) -> None:
        self._now = (done, total)
        if self._ended or self._stopping():
            raise Ended
        if self._full:
            raise ExportImpossible(
                "The disk is down to what must stay free, so the export was given up and what "
                "there was of it removed. Make room, and export again."
            )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self._thread.join()

    def _beat(self) -> None:
        try:
            told = 0.0
            while not self._done.is_set():
                if time.monotonic() - told >= BEAT:
                    self._tell()
                    told = time.monotonic()
                else:
                    self._look()
                self._done.wait(LOOK)
        finally:
            connection.close()

    def _tell(self) -> None:
        done, total = self._now
        self._full = not shelf.room()
        self._ask(lambda run: bool(run.update(seen=timezone.now(), done=done, total=total)))

    def _look(self) -> None:
        self._ask(lambda run: run.exists())

    def _ask(self, alive: Callable[[QuerySet[Export]], bool]) -> None:
        try:
            at_work = Export.objects.filter(pk=self._run.pk, state=State.RUNNING)
            self._ended = not alive(at_work) or erased.outdated(self._run)
        except DatabaseError as error:  # it is busy, or away; the work notices by itself
            log.warning("progress_not_kept", kind=type(error).__name__)
            connection.close()


def left() -> list[int]:
    """Runs that nobody seems to work at, oldest first."""
    before = timezone.now() - UNSEEN
    waiting = Export.objects.filter(state=State.WAITING, asked__lt=before)
    silent = Export.objects.filter(state=State.RUNNING, seen__lt=before)
    found = (waiting | silent).order_by("pk").values_list("pk", flat=True)
    return list(found)


def next_waiting() -> int | None:
    """The run that has waited for longest."""
    waiting = Export.objects.filter(state=State.WAITING).order_by("pk")
    return waiting.values_list("pk", flat=True).first()


def tidy() -> None:
    """Finish or remove what ended runs left in the folder, and files past their time."""
    runs.expire()
    ended = Export.objects.exclude(state__in=runs.UNFINISHED)
    for pk in shelf.left():
        with shelf.hold(pk) as held:
            if held and (run := ended.filter(pk=pk).first()):
                _put_away(run)
            elif held and not Export.objects.filter(pk=pk).exists():
                shelf.sweep_up(pk)
    gone = Export.objects.exclude(removed=None).values_list("file", flat=True)
    for name in gone:
        path = shelf.kept(name)
        if path is not None:
            path.unlink(missing_ok=True)


def _put_away(run: Export) -> None:
    """A file that went on record in the moment of its cancelling stays; others go."""
    made = FORMS[run.form].made(shelf.part(run.pk)) if run.form in FORMS else None
    if made is None:
        shelf.sweep_up(run.pk)
    else:
        _finish(run, made)


def carry_out(pk: int, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Make the export of run `pk`, unless it is done, ended, or at work elsewhere.

    Can be called as often as one likes. Raises `DatabaseError` where the database is away;
    the run is then begun again.
    """
    with shelf.hold(pk) as held:
        run = Export.objects.filter(pk=pk).first() if held else None
        if run is None:
            return
        if run.state not in runs.UNFINISHED:
            _put_away(run)
            return
        form = FORMS.get(run.form)
        if form is None:
            _fail(run, f"This version knows no form {run.form}.")
            return
        found = form.made(_where(run))
        if found is not None:
            _finish(run, found)
        elif _begin(run):
            _work(run, form, stopping)


def _where(run: Export) -> Path:
    """The file of a run that may have got its name already."""
    return (shelf.kept(run.file) if run.file else None) or shelf.part(run.pk)


def _begin(run: Export) -> bool:
    """Take the run up; False if it was cancelled meanwhile, or has failed too often."""
    shelf.sweep_up(run.pk)
    if run.attempts >= ATTEMPTS:
        _fail(
            run,
            f"It was begun {ATTEMPTS} times, and each time its process ended, or kept content "
            "was erased, before it was done. Read the log of the process records, and ask for "
            "a smaller range.",
        )
        return False
    run.attempts += 1
    if run.scope.get("contents"):
        run.scope |= erased.mark()
    again = f", begun {run.attempts} times" if run.attempts > 1 else ""
    step = f"is being written{again}"
    rows = Export.objects.filter(pk=run.pk, state__in=runs.UNFINISHED)
    fields = {"state": State.RUNNING, "seen": timezone.now(), "done": 0, "total": 0}
    changed = rows.update(scope=run.scope, attempts=run.attempts, step=step, **fields)
    return bool(changed)


def _work(run: Export, form: Form, stopping: Callable[[], bool]) -> None:
    path = shelf.part(run.pk)
    try:
        with _scratch(run.pk), Pulse(run, stopping) as progress:
            form.make(run.scope, path, actor=run.actor, progress=progress)
        _settle(run, form, "What was written is not what is on record.")
    except Ended:
        shelf.sweep_up(run.pk)
        _give_back(run)
    except (ExportImpossible, ScopeInvalid, KeyUnusable, *UNREADABLE) as error:
        _settle(run, form, str(error))
    except DatabaseError:
        raise  # begun again once it is back
    except Exception as error:
        log.exception("export_failed", kind=type(error).__name__)
        _fail(run, f"It could not be made: {type(error).__name__}. Run `manage.py doctor`.")


def _settle(run: Export, form: Form, words: str) -> None:
    """Finished if the file is whole and on record, whatever was said; else failed with `words`.

    Where the database went away in the middle of recording, only now it is known which.
    """
    made = form.made(shelf.part(run.pk))
    if made is None:
        _fail(run, words)
    else:
        _finish(run, made)


@contextmanager
def _scratch(pk: int) -> Iterator[None]:
    """Let scratch files lie beside the export: /tmp may be small, and others' to read."""
    before = tempfile.tempdir
    with shelf.scratch_folder(pk) as folder:
        tempfile.tempdir = str(folder)
        try:
            yield
        finally:
            tempfile.tempdir = before


def _give_back(run: Export) -> None:
    """The run waits for a worker again. A cancelled one stays cancelled.

    Where the worker stops, the attempt does not count; where something was erased it does, so
    that a run which takes longer than erasures are apart comes to an end.
    """
    attempts = run.attempts if erased.outdated(run) else max(0, run.attempts - 1)
    rows = Export.objects.filter(pk=run.pk, state=State.RUNNING)
    rows.update(state=State.WAITING, attempts=attempts, step="waits", done=0, total=0)


def _fail(run: Export, words: str) -> None:
    shelf.sweep_up(run.pk)
    rows = Export.objects.filter(pk=run.pk, state__in=runs.UNFINISHED)
    rows.update(state=State.FAILED, words=words, finished=timezone.now(), step="")


def _finish(run: Export, made: Made) -> None:
    """Steps 2 to 4. A run that was cancelled too late is done: its file is on record."""
    path = _where(run)
    if erased.outdated(run):
        _throw_away(run, path)
        return
    if not run.file:
        when = run.asked.astimezone(dt.UTC).strftime("%Y%m%dt%H%M%Sz")
        run.file = f"domicile-{run.form}-{when}-{made.part}-run-{run.pk}.zip"
        Export.objects.filter(pk=run.pk).update(file=run.file)
    if path == shelf.part(run.pk):
        path = shelf.place(path, run.file)
    Export.objects.filter(pk=run.pk).update(
        state=State.DONE,
        size=path.stat().st_size,
        digest=shelf.digest(path),
        words="\n".join(made.words),
        finished=timezone.now(),
        seen=timezone.now(),
        step="",
    )
    shelf.sweep_up(run.pk)
    if run.scope.get("contents"):
        erased.clear("records")  # what was erased between the question above and now


def _throw_away(run: Export, path: Path) -> None:
    """The file holds what was erased while it was made: it goes, and the run begins anew."""
    told = {"export": run.pk, "file": run.file, "sha256": shelf.digest(path)}
    path.unlink()
    shelf.sweep_up(run.pk)
    with transaction.atomic():
        runs.record("records", "evidence.removed", told | {"reason": erased.REASON})
        Export.objects.filter(pk=run.pk).update(file="")
        _give_back(run)

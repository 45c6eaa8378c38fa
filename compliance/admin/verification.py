"""The "Verify the log" button: checks the whole record in the background.

The run is a row, so that every web process can show it; a thread of the process that was
asked does the work. Who asked and what came out are on the record.
"""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import suppress

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_GET

from compliance.admin import generations, stamped, witnesses
from compliance.admin.recording import actor, record
from compliance.admin.site import console
from compliance.audit.verify import verify_log
from compliance.models import Verification

SILENT = dt.timedelta(seconds=30)
"""A run that was not seen for so long has died with its process."""
BEAT = 5.0  # seconds between two signs of life
SHOWN = 20  # runs in the list

log = structlog.get_logger(__name__)


def urls() -> list[URLPattern]:
    """The addresses of these views."""
    return [
        path("verify/", console.admin_view(verify_view), name="verify"),
        path("verify/<int:pk>.json", console.admin_view(state_view), name="verification"),
    ]


console.pages.append(urls)


def alive(run: Verification) -> bool:
    """Whether a run is still at work."""
    return run.finished is None and timezone.now() - run.seen < SILENT


def start(name: str) -> Verification:
    """Begin a run for the user `name`, or join the one that is at work."""
    now = timezone.now()
    with transaction.atomic():
        latest = Verification.objects.select_for_update().first()
        if latest is not None and alive(latest):
            return latest
        run = Verification.objects.create(actor=name, started=now, seen=now)
        record(name, "log.verification_started", {"verification": run.pk})
    threading.Thread(target=_verify, args=(run.pk, name), name="verify", daemon=True).start()
    return run


def _verify(pk: int, name: str) -> None:
    done = threading.Event()
    pulse = threading.Thread(target=_beat, args=(pk, done), daemon=True)
    pulse.start()
    try:
        report = verify_log()
        counts = report.words[0].partition(". ")[2]  # the page gives the verdict itself
        words = "\n".join((counts, *report.words[1:]))
        state = Verification.State.INTACT if report.ok else Verification.State.BROKEN
    except Exception as error:
        log.exception("verification_failed", verification=pk)
        state = Verification.State.FAILED
        words = f"The log could not be verified: {type(error).__name__}. Nothing is proven."
    finally:
        done.set()
        pulse.join()
    try:
        with transaction.atomic():
            Verification.objects.filter(pk=pk).update(
                state=state, words=words, finished=timezone.now()
            )
            record(name, "log.verified", {"verification": pk, "verdict": str(state)})
    except DatabaseError:
        log.exception("verdict_unrecorded", verification=pk)  # the run shows as interrupted
    finally:
        connection.close()


def _beat(pk: int, done: threading.Event) -> None:
    try:
        while not done.wait(BEAT):
            with suppress(DatabaseError):
                Verification.objects.filter(pk=pk).update(seen=timezone.now())
    finally:
        connection.close()


@csrf_protect
def verify_view(request: HttpRequest) -> HttpResponse:
    """The button, and what came out of earlier runs."""
    if not request.user.has_perm("compliance.view_event"):
        raise PermissionDenied
    if request.method == "POST":
        start(actor(request))
        return HttpResponseRedirect(reverse("admin:verify"))
    runs = list(Verification.objects.all()[: SHOWN + 1])
    latest = runs[0] if runs else None
    signed = generations.signed()
    return console.page(
        request,
        "admin/verify.html",
        "Verify the log",
        latest=latest,
        running=latest is not None and alive(latest),
        runs=[(run, outcome(run)) for run in runs[:SHOWN]],
        older=len(runs) > SHOWN,
        outcome=outcome(latest) if latest else "",
        signed=signed,
        stamped=stamped.newest(signed) if signed else None,
        tsa=settings.DOMICILE.tsa,
        ended=generations.ended(),
        **witnesses.of_log(),
    )


@require_GET
def state_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether a run has ended, for the page that waits for it."""
    if not request.user.has_perm("compliance.view_event"):
        raise PermissionDenied
    run = Verification.objects.filter(pk=pk).first()
    return JsonResponse({"running": run is not None and alive(run)})


def outcome(run: Verification) -> str:
    """A run's state in a word: also `interrupted`, which a run cannot say of itself."""
    if run.finished is None and not alive(run):
        return "interrupted"
    return str(run.state)

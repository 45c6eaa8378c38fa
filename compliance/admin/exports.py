"""Exports: asked for in a form, made by the worker `records`, downloaded here.

Nothing is made in the request: the page shows how far a run is, and moves without a script by
loading it again. Who asked, cancelled, downloaded and removed is on the record.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import IO, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from compliance.admin.editing import ReadOnly
from compliance.admin.export_form import CONTENTS, ExportForm
from compliance.admin.recording import actor
from compliance.admin.site import console
from compliance.audit import checkpoint
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.files import VERIFIER_KEY, LogFolder, folder_of
from compliance.audit.ledger import current, ended
from compliance.evidence import forms as kinds
from compliance.evidence import report, runs, shelf
from compliance.evidence.forms import ScopeInvalid
from compliance.models import Application, Export
from compliance.templatetags.console import grouped

RIGHT = "compliance.add_export"
SHOWN = 20  # runs of a page
BLOCK = 1 << 18  # bytes read at once
State = Export.State


@admin.register(Export, site=console)
class ExportAdmin(ReadOnly):
    """The list, the form, a run's page, and its file."""

    section, rank, title = "Record", 35, "Exports"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may make exports; one with kept contents is for who may read them."""
        return bool(request.user.has_perm(RIGHT))

    def get_urls(self) -> list[URLPattern]:
        """Django's list, and our pages of a run."""
        guard = self.admin_site.admin_view
        return [
            path("new/", guard(self.new_view), name="new_export"),
            path("<int:pk>/state.json", guard(self.state_view), name="export_state"),
            path("<int:pk>/download/", guard(self.download_view), name="download_export"),
            path("<int:pk>/cancel/", guard(self.cancel_view), name="cancel_export"),
            path("<int:pk>/remove/", guard(self.remove_view), name="remove_export"),
            path("<int:pk>/", guard(self.run_view), name="export"),
            *super().get_urls(),
        ]

    def _allowed(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _run(self, request: HttpRequest, pk: int) -> Export:
        self._allowed(request)
        run = Export.objects.filter(pk=pk).first()
        if run is None:
            raise Http404
        return run

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Runs, newest first."""
        self._allowed(request)
        pages = Paginator(Export.objects.all(), SHOWN)
        page = pages.get_page(request.GET.get("page"))
        return console.page(
            request,
            "admin/exports.html",
            "Exports",
            page=page,
            runs=[(run, standing(run), title_of(run)) for run in page],
            moving=any(run.state in runs.UNFINISHED for run in page),
            untaken=runs.untaken(),
            days=settings.DOMICILE.export_days,
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """Django's own page of a row leads to ours."""
        self._allowed(request)
        if object_id is None or not object_id.isdigit():
            return HttpResponseRedirect(reverse("admin:new_export"))
        return HttpResponseRedirect(reverse("admin:export", args=[int(object_id)]))

    @method_decorator(csrf_protect)
    def new_view(self, request: HttpRequest) -> HttpResponse:
        """Ask; show what there is; start."""
        self._allowed(request)
        form = ExportForm(request.POST or None, user=request.user)
        found = None
        if request.method == "POST" and form.is_valid():
            if request.POST.get("start"):
                try:
                    run = runs.start(actor(request), "evidence", form.scope())
                except ScopeInvalid as error:
                    form.refuse(error)
                else:
                    return HttpResponseRedirect(reverse("admin:export", args=[run.pk]))
            elif not request.POST.get("change"):
                found = form.preview()
        return console.page(
            request,
            "admin/new_export.html",
            "New export",
            form=form,
            errors=form.errors,
            found=found,
        )

    def run_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One run: how it stands, what came out, and how the receiver checks it."""
        run = self._run(request, pk)
        return console.page(
            request,
            "admin/export.html",
            f"Export no. {run.pk}",
            run=run,
            state=standing(run),
            what=title_of(run),
            moving=run.state in runs.UNFINISHED,
            untaken=runs.untaken(),
            progress=progress(run),
            scope=described(run.scope),
            there=run.removed is None and shelf.kept(run.file) is not None,
            readable=_readable(request, run),
            days=settings.DOMICILE.export_days,
            key=log_key(run.scope.get("generation", 0)) if run.form == "evidence" else None,
        )

    def state_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How far it is, for the script of the page that waits for it."""
        run = self._run(request, pk)
        return JsonResponse(
            {
                "running": run.state in runs.UNFINISHED,
                "done": run.done,
                "total": run.total,
                "words": progress(run),
            }
        )

    @method_decorator((csrf_protect, require_POST))
    def download_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The file, after its download is on record."""
        run = self._run(request, pk)
        if not _readable(request, run):
            raise PermissionDenied
        found = shelf.kept(run.file) if run.state == State.DONE and not run.removed else None
        if found is None:
            messages.error(request, "The file is not there any more; export again.")
            return HttpResponseRedirect(reverse("admin:export", args=[pk]))
        told = {"export": run.pk, "file": run.file, "sha256": run.digest}
        with transaction.atomic():
            runs.record(actor(request), "evidence.downloaded", told)
        answer = StreamingHttpResponse(_blocks(found), content_type="application/zip")
        answer.headers["Content-Length"] = str(found.stat().st_size)
        answer.headers["Content-Disposition"] = f'attachment; filename="{run.file}"'
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    @method_decorator((csrf_protect, require_POST))
    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a run."""
        self._run(request, pk)
        if runs.cancel(actor(request), pk):
            messages.success(request, "The export is cancelled.")
        else:
            messages.warning(request, "It had ended already.")
        return HttpResponseRedirect(reverse("admin:export", args=[pk]))

    @method_decorator((csrf_protect, require_POST))
    def remove_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let the file go; the run and its events stay."""
        run = self._run(request, pk)
        if runs.remove(actor(request), run, "asked for"):
            messages.success(request, "The file is removed.")
        else:
            messages.warning(request, "There is no file to remove.")
        return HttpResponseRedirect(reverse("admin:export", args=[pk]))


def _readable(request: HttpRequest, run: Export) -> bool:
    """Whether this person may have the file: with kept contents in it, who may read those."""
    return not run.scope.get("contents") or bool(request.user.has_perm(CONTENTS))


async def _blocks(found: Path) -> AsyncIterator[bytes]:
    """The file in pieces, read beside the event loop; never whole in memory."""
    file: IO[bytes] = await sync_to_async(lambda: found.open("rb"))()
    try:
        while block := await sync_to_async(file.read)(BLOCK):
            yield block
    finally:
        await sync_to_async(file.close)()


def standing(run: Export) -> str:
    """A run's state in a word; also `file removed`, which is none of a run."""
    if run.state == State.DONE:
        return "file removed" if run.removed else "completed"
    return str(run.state)


def progress(run: Export) -> str:
    """How far a run is, in words."""
    if run.state == State.WAITING:
        return "Waits for its turn."
    if run.state != State.RUNNING:
        return ""
    if not run.total:
        return f"It {run.step}."
    return f"It {run.step}: {grouped(run.done)} of {grouped(run.total)} entries."


def title_of(run: Export) -> str:
    """What a run makes."""
    form = kinds.FORMS.get(run.form)
    return form.title if form else run.form


def described(scope: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked for, in words; of a form that is not evidence, its own members."""
    if "applications" not in scope:
        return [
            (name.replace("_", " ").capitalize(), str(scope[name])) for name in sorted(scope)
        ]
    names = dict(Application.objects.values_list("pk", "name"))
    wanted = [name for pk, name in names.items() if str(pk) in scope["applications"]]
    rows = [
        ("From", _from(str(scope.get("begin", "0")))),
        ("To", str(scope.get("end") or "") or "the last entry then"),
        ("Applications", ", ".join(sorted(wanted)) or "all"),
        ("Types of events", ", ".join(scope.get("types", ())) or "all"),
        ("Tables and report", "yes" if scope.get("tables") else "no"),
    ]
    if ended():
        generation = scope.get("generation")
        rows.insert(0, ("Generation", str(generation) if generation else "the one then"))
    if scope.get("contents"):
        rows.append(("Contents, because", str(scope.get("reason"))))
    return rows


def _from(begin: str) -> str:
    return "the first entry" if begin == "0" else begin


def log_key(generation: int = 0) -> tuple[str, str] | None:
    """The log's verifier key and its fingerprint, from the log's folder; None without one.

    Of the current generation for 0: the name in the key is another in each.
    """
    folder = folder_of(settings.DOMICILE.data / "log", generation or current().number)
    line = LogFolder(folder).read(VERIFIER_KEY)
    try:
        text = (line or b"").decode()
        checkpoint.parse_verifier_key(text.strip())
    except (CheckpointInvalid, ValueError):
        return None
    return text.strip(), report.fingerprint(text)

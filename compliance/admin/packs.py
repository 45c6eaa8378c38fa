"""Packs: what a regulation asks for, what officers type, what is missing, and the file.

A person's identifiers (GDPR Art. 15) are in no address, in no row and on no record: they are
sent in a form, looked for, and written into the file that is sent back.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from compliance.admin.editing import ReadOnly
from compliance.admin.pack_forms import AnswerForm, BuildForm, subjects
from compliance.admin.recording import actor
from compliance.admin.site import console
from compliance.audit.keys import KeyUnusable
from compliance.evidence import packs, runs
from compliance.evidence.forms import ScopeInvalid
from compliance.evidence.packs import answers
from compliance.evidence.packs import form as background
from compliance.evidence.packs.deadlines import Deadline, deadlines
from compliance.evidence.packs.law import Law, laws
from compliance.models import PackAnswer

TYPE, EXPORT = "compliance.add_packanswer", "compliance.add_export"
DISCLOSE = "compliance.disclose_content"
MOST = 100_000  # entries that are read while somebody waits: some seconds
HOUSE = "organisation"

background.register()


def clocks(law: Law, case: str) -> list[tuple[Deadline, str, str]]:
    """A case's deadlines, each with its state and words now."""
    now = timezone.now()
    found = deadlines(law, answers.current(law, case))
    return [(one, one.state(now), one.words(now)) for one in found]


def missing(law: Law, subject: str) -> int:
    """How many fields that must be there an officer has not answered."""
    known = answers.current(law, subject)
    place = HOUSE if not subject else law.of
    return sum(
        1
        for one in law.fields
        if one.of == place
        and one.origin == "officer"
        and one.need == "required"
        and not (one.id in known and known[one.id].value)
    )


@admin.register(PackAnswer, site=console)
class PackAdmin(ReadOnly):
    """The packs."""

    section, rank, title = "Record", 60, "Packs"

    def get_urls(self) -> list[URLPattern]:
        """Ours only: answers are shown with the pack that they belong to."""
        guard = self.admin_site.admin_view
        name = "compliance_packanswer_changelist"
        return [
            path("", guard(self.packs_view), name=name),
            path("<slug:pack>/", guard(self.pack_view), name="pack"),
            path("<slug:pack>/<slug:subject>/", guard(self.subject_view), name="pack_subject"),
            path(
                "<slug:pack>/<slug:subject>/<slug:field>/",
                guard(self.history_view_of),
                name="pack_history",
            ),
        ]

    def packs_view(self, request: HttpRequest) -> HttpResponse:
        """Every pack, with what the law asks and the clocks that run."""
        self._look(request)
        rows = [
            (
                law,
                [
                    (case, clock, state, words)
                    for case in (answers.cases(law) if law.deadlines else ())
                    for clock, state, words in clocks(law, case)
                    if state in ("running", "overdue")
                ],
            )
            for law in laws().values()
        ]
        return console.page(request, "admin/packs.html", "Packs", rows=rows)

    @method_decorator((csrf_protect, sensitive_post_parameters()))
    def pack_view(self, request: HttpRequest, pack: str) -> HttpResponse:
        """One pack: whom it is about, and the way to build it."""
        law = self._law(request, pack)
        if request.method == "POST" and not request.user.has_perm(
            TYPE if law.of == "case" else EXPORT
        ):
            raise PermissionDenied
        if request.method == "POST" and law.of == "case":
            return HttpResponseRedirect(
                reverse("admin:pack_subject", args=[law.id, answers.new_case()])
            )
        build = None
        if law.of != "case" and self._may_build(request, law):
            build = BuildForm(law, request.POST or None)
        if build is not None and request.method == "POST":
            made = self._build(request, law, build, "")
            if made is not None:
                return made
        rows = [
            (name, title, missing(law, name), clocks(law, name))
            for name, title in subjects(law)
        ]
        return console.page(
            request,
            "admin/pack.html",
            law.title,
            law=law,
            rows=rows,
            build=build,
            house=any(one.of == HOUSE for one in law.fields),
            house_missing=missing(law, ""),
            may_type=request.user.has_perm(TYPE),
        )

    @method_decorator((csrf_protect, sensitive_post_parameters()))
    def subject_view(self, request: HttpRequest, pack: str, subject: str) -> HttpResponse:
        """What an officer types for the organisation, an application or a case."""
        law = self._law(request, pack)
        title = self._title(law, subject)
        house = subject == HOUSE
        key = "" if house else subject
        fields = [one for one in law.fields if one.of == (HOUSE if house else law.of)]
        wanted = [one for one in fields if one.origin == "officer"]
        may_type = request.user.has_perm(TYPE)
        building = request.method == "POST" and "build" in request.POST
        saving = request.method == "POST" and not building
        form = AnswerForm(law, wanted, key, request.POST if saving else None)
        build = None
        if law.of == "case" and not house and self._may_build(request, law):
            build = BuildForm(law, request.POST if building else None)
        if saving:
            if not may_type:
                raise PermissionDenied
            if form.is_valid():
                return self._save(request, law, form, subject)
        elif building:
            if build is None:
                raise PermissionDenied
            made = self._build(request, law, build, key)
            if made is not None:
                return made
        return console.page(
            request,
            "admin/pack_subject.html",
            title,
            law=law,
            subject=subject,
            form=form,
            errors=form.errors,
            read=[one for one in fields if one.origin != "officer"],
            build=build,
            clocks=clocks(law, key) if key else [],
            house=not house and any(one.of == HOUSE for one in law.fields),
            house_missing=missing(law, ""),
            may_type=may_type,
        )

    def history_view_of(
        self, request: HttpRequest, pack: str, subject: str, field: str
    ) -> HttpResponse:
        """Every answer to one field, newest first."""
        law = self._law(request, pack)
        one = next((one for one in law.fields if one.id == field), None)
        if one is None or (one.of == HOUSE) != (subject == HOUSE):
            raise Http404
        title = self._title(law, subject)
        rows = answers.history(law, one, "" if subject == HOUSE else subject)
        for row in rows:
            row.value = one.words(row.value)  # shown, never saved
        return console.page(
            request,
            "admin/pack_history.html",
            one.label,
            law=law,
            field=one,
            subject=subject,
            about=title,
            rows=rows,
        )

    def _save(
        self, request: HttpRequest, law: Law, form: AnswerForm, subject: str
    ) -> HttpResponse:
        key = "" if subject == HOUSE else subject
        kept = answers.answer(law, form.changed, key, actor=actor(request))
        said = f"{len(kept)} answers are kept" if kept else "Nothing was changed"
        messages.success(request, f"{said}.")
        return HttpResponseRedirect(reverse("admin:pack_subject", args=[law.id, subject]))

    def _build(
        self, request: HttpRequest, law: Law, build: BuildForm, case: str
    ) -> HttpResponse | None:
        """The file; None where the form has to be shown again, with what is wrong."""
        if not self._may_build(request, law):
            raise PermissionDenied
        if not build.is_valid():
            return None
        name = f"domicile-{law.id}-{timezone.now():%Y%m%dt%H%M%Sz}.zip"
        try:
            with tempfile.TemporaryDirectory() as folder:
                made = packs.build(
                    law.id,
                    build.parameters(case),
                    Path(folder) / name,
                    actor=actor(request),
                    most=MOST,
                )
                data = made.path.read_bytes()
        except packs.PackTooLong as error:
            return self._begun(request, law, build, build.parameters(case), str(error))
        except (packs.PackImpossible, KeyUnusable) as error:
            build.add_error(None, str(error))
            return None
        response = HttpResponse(data, content_type="application/zip")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        response.headers["Cache-Control"] = "no-store, private"
        return response

    def _begun(
        self,
        request: HttpRequest,
        law: Law,
        build: BuildForm,
        parameters: packs.Parameters,
        why: str,
    ) -> HttpResponse | None:
        """Have it made in the background; not the pack that names a person."""
        if law.personal:
            build.add_error(
                None, f"{why} Choose a shorter period, or use `manage.py audit pack`."
            )
            return None
        try:
            run = runs.start(actor(request), law.id, background.scope_of(parameters))
        except ScopeInvalid as error:
            build.add_error(None, str(error))
            return None
        messages.success(request, f"{why} It is made in the background.")
        return HttpResponseRedirect(reverse("admin:export", args=[run.pk]))

    def _look(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _law(self, request: HttpRequest, pack: str) -> Law:
        self._look(request)
        if pack not in laws():
            raise Http404
        return laws()[pack]

    @staticmethod
    def _may_build(request: HttpRequest, law: Law) -> bool:
        """Whoever may export; the pack about a person, who may disclose content too."""
        user = request.user
        return user.has_perm(EXPORT) and (not law.personal or user.has_perm(DISCLOSE))

    @staticmethod
    def _title(law: Law, subject: str) -> str:
        """What is answered here is about; 404 for what is no such thing."""
        if subject == HOUSE and any(one.of == HOUSE for one in law.fields):
            return "The organisation"
        if law.of == "case" and answers.CASE.match(subject):
            return f"Case {subject}"
        if law.of != "case" and subject in (known := dict(subjects(law))):
            return known[subject]
        raise Http404

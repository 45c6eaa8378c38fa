"""Policies as text: taken in as JSON or YAML, handed out as either, and their schema."""

from __future__ import annotations

import json
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_protect

from compliance.admin import policy_document as documents
from compliance.admin.policy_conflict import Conflict
from compliance.admin.policy_draft import drafted, named, open_draft, page_of, person
from compliance.admin.policy_rights import SEE_DRAFTS, VIEW, demand
from compliance.admin.site import console
from compliance.models import PolicyDraft, PolicyVersion
from compliance.policy.rules import PolicyRefused, parse
from compliance.policy.schema import SCHEMA
from compliance.policy.yaml import from_yaml, to_yaml
from compliance.versions import Refused, drafts

BYTES_MAX = 1 << 20  # of a policy's text
TYPES = {"json": "application/json", "yaml": "application/yaml"}


def urls(guard: Any) -> list[URLPattern]:
    """The addresses below those of policies."""
    return [
        path("schema.json", guard(schema_view), name="policy_schema"),
        path("<int:pk>/document.json", guard(document_view), name="policy_document"),
        path("<int:pk>/document.yaml", guard(yaml_view), name="policy_yaml"),
        path("drafts/<int:pk>/text/", guard(import_view), name="policy_import"),
        path(
            "drafts/<int:pk>/draft.<str:form>", guard(export_view), name="policy_draft_export"
        ),
    ]


class TextForm(forms.Form):
    """A policy, pasted or as a file."""

    file = forms.FileField(
        required=False,
        label="A file",
        help_text="JSON up to 1 MiB, YAML up to 256 KiB. It counts before the text below.",
    )
    text = forms.CharField(
        required=False,
        label="Or its text",
        max_length=BYTES_MAX,
        widget=forms.Textarea({"rows": 18, "spellcheck": "false", "class": "code"}),
        help_text="JSON or YAML. It takes the place of the whole draft.",
    )

    def clean(self) -> dict[str, Any]:
        """The document as JSON, in `document`; a file that is wrong is shown to be mended."""
        given = super().clean() or {}
        name, text = "text", str(given.get("text") or "")
        if (file := given.get("file")) is not None:
            name, text = "file", self._read(file)
        if not self.errors and not text.strip():
            self.add_error("text", "Choose a file, or paste the text of a policy.")
        if not self.errors:
            self._parse(name, text)
        return given

    def show(self, text: str) -> None:
        """Let the form be drawn with this text."""
        data = cast("QueryDict", self.data).copy()
        data["text"] = text
        self.data = data

    def _read(self, file: Any) -> str:
        if file.size > BYTES_MAX:
            self.add_error("file", "The file is larger than 1 MiB, so it is no policy.")
            return ""
        try:
            return str(file.read().decode("utf-8"))
        except UnicodeDecodeError as error:
            self.add_error("file", f"The file is not UTF-8 at byte {error.start}.")
            return ""

    def _parse(self, name: str, text: str) -> None:
        try:
            document = text if text.lstrip().startswith("{") else from_yaml(text)
            parse(document)
        except PolicyRefused as error:
            self.add_error(name, f"{error}.".replace("..", "."))
            if name == "file":  # so that it can be mended here
                self.show(text)
            return
        self.document = documents.written(json.loads(document))


@csrf_protect
def import_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Replace a draft's whole text; somebody else's change meanwhile is not overwritten."""
    draft = open_draft(request, pk)
    form = TextForm(
        request.POST or None, request.FILES or None, initial={"text": draft.document}
    )
    conflict, seen = None, draft.revision
    if request.method == "POST" and form.is_valid():
        if request.POST.get("seen") != str(seen):
            conflict = Conflict(
                "Somebody else changed this draft meanwhile",
                "Nothing was saved. Your text is still below: save again to put it in the "
                "place of what is stored, or cancel to leave that as it is.",
                draft.document,
                long=True,
            )
            form.show(form.document)
        elif _saved(request, draft, form):
            return page_of(draft)
    return console.page(
        request,
        "admin/policy_import.html",
        "Replace the text of the draft",
        form=form,
        errors=form.errors,
        conflict=conflict,
        seen=seen,
        draft=draft,
        name=named(draft),
    )


def _saved(request: HttpRequest, draft: PolicyDraft, form: TextForm) -> bool:
    try:
        drafts.save(draft, form.document, person=person(request), seen=draft.revision)
    except Refused as error:
        form.add_error(None, error.message)
        return False
    messages.success(request, "The text of the draft is replaced.")
    return True


def export_view(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """A draft as a file, in JSON or YAML."""
    demand(request, SEE_DRAFTS)
    if form not in TYPES:
        raise Http404
    draft = drafted(pk)
    policy, _fault = documents.policy_of(draft.document)
    if policy is None:
        raise Http404
    text = draft.document if form == "json" else to_yaml(policy)
    return _file(text, form, f"policy-draft-{pk}")


def document_view(request: HttpRequest, pk: int) -> HttpResponse:
    """The canonical JSON, byte for byte what the digest is of."""
    demand(request, VIEW)
    version = _version(pk)
    return _file(version.document, "json", f"policy-version-{version.number}")


def yaml_view(request: HttpRequest, pk: int) -> HttpResponse:
    """A version in YAML, for people."""
    demand(request, VIEW)
    version = _version(pk)
    try:
        text = to_yaml(parse(version.document))
    except PolicyRefused as error:
        raise Http404 from error
    return _file(text, "yaml", f"policy-version-{version.number}")


def schema_view(request: HttpRequest) -> HttpResponse:
    """The JSON Schema of policies, for editors and checks elsewhere."""
    demand(request, VIEW)
    return _file(json.dumps(SCHEMA, indent=2), "json", "policy-schema")


def _version(pk: int) -> PolicyVersion:
    found = PolicyVersion.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _file(text: str, form: str, name: str) -> HttpResponse:
    return HttpResponse(
        text.encode(),
        content_type=TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}.{form}"'},
    )

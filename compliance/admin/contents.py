"""Kept content, shown to whoever may see it and says why. Each time is on the record first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.csrf import csrf_protect

from compliance.admin.recording import actor, record
from compliance.admin.site import console
from compliance.admin.spoken import answered, asked
from compliance.audit import vault
from compliance.audit.keystore import VaultUnreadable
from compliance.models import Content

RIGHT = "compliance.disclose_content"
DISCLOSED = "content.disclosed"
REASON_MAX = 2_000  # characters


class DiscloseForm(forms.Form):
    """Why somebody wants to read it."""

    reason = forms.CharField(
        max_length=REASON_MAX,
        label="Why you need to read it",
        help_text="On the record with your name.",
        widget=forms.Textarea({"rows": 3}),
    )


@dataclass(frozen=True, slots=True)
class Text:
    """A message: who speaks, and pieces of text, each with the entity found there or none."""

    role: str
    pieces: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Part:
    """Prompt or output: its texts, and all of it as JSON."""

    title: str
    texts: Sequence[Text]
    whole: str


def urls() -> list[URLPattern]:
    """The address of the page."""
    view = console.admin_view(content_view)
    return [path("requests/<slug:request_id>/content/", view, name="content")]


console.pages.append(urls)


def kept(request_id: str) -> bool:
    """Whether anything of a request is kept and not past its time."""
    parts = Content.objects.filter(request=request_id, expires__gt=timezone.now())
    return parts.exclude(part=vault.HELD).exists()


@csrf_protect
def content_view(request: HttpRequest, request_id: str) -> HttpResponse:
    """Ask for the reason; then record the disclosure and show what is kept."""
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied
    if not kept(request_id):
        raise Http404
    form = DiscloseForm(request.POST or None)
    parts: list[Part] = []
    fault = ""
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            detail = {"requests": 1, "request": request_id, **form.cleaned_data}
            record(actor(request), DISCLOSED, detail)
        try:
            parts = [part(text) for _, _, text in vault.read(request_id)]
        except VaultUnreadable as error:
            fault = str(error)
    response = console.page(
        request,
        "admin/content.html",
        "Kept content",
        request_id=request_id,
        form=form,
        errors=form.errors,
        parts=parts,
        fault=fault,
    )
    response.headers["Cache-Control"] = "no-store, private"
    return response


def part(text: bytes) -> Part:
    """What is kept, for people."""
    said = json.loads(text)
    if said["part"] == vault.PROMPT:
        whole = json.loads(said["body"])
        spoken, findings = asked(whole), said["findings"]
    else:
        whole = json.loads(said["choices"])
        spoken, findings = answered(whole), ()
    texts = [Text(one.role, _pieces(one.text, findings, one.pointer)) for one in spoken]
    title = "Prompt, as it was asked" if said["part"] == vault.PROMPT else "Answer, as given"
    return Part(title, texts, json.dumps(whole, indent=2, ensure_ascii=False))


def _pieces(
    text: str, findings: Sequence[Mapping[str, Any]], pointer: str
) -> list[tuple[str, str]]:
    """The text cut where findings begin and end, in order."""
    pieces, last = [], 0
    for one in findings:
        if one["pointer"] == pointer:
            pieces.append((text[last : one["start"]], ""))
            pieces.append((text[one["start"] : one["end"]], str(one["entity"])))
            last = one["end"]
    return [*pieces, (text[last:], "")]

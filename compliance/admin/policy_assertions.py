"""Standing assertions of a draft: kept from a question that was asked, and taken out again."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from compliance.admin import policy_document as documents
from compliance.admin.policy_draft import open_draft, page_of, person
from compliance.admin.site import console
from compliance.models import PolicyDraft
from compliance.policy.rules import PolicyRefused, assertion_of
from compliance.versions import Refused, drafts


@csrf_protect
@require_POST
def keep_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Add what was asked to the draft."""
    draft = open_draft(request, pk)
    document = documents.read(draft.document)
    kept = list(document.get("assertions", ()))
    try:
        asserted = {
            "id": request.POST.get("id", "").strip(),
            "description": request.POST.get("description", "").strip(),
            "never": json.loads(request.POST.get("never", "")),
        }
        assertion_of(asserted)
    except (PolicyRefused, ValueError, RecursionError) as error:
        messages.error(request, f"The assertion was not kept. {_words(error)}")
        return page_of(draft)
    if asserted["id"] in {one.get("id") for one in kept}:
        messages.error(request, f"The draft already has an assertion named {asserted['id']}.")
        return page_of(draft)
    changed = documents.with_edition({**document, "assertions": [*kept, asserted]})
    return _saved(request, draft, changed, f"The draft now asserts {asserted['id']}.")


def _words(error: Exception) -> str:
    if isinstance(error, PolicyRefused):
        return f"{error}."
    return "What it is about could not be read; ask the question again."


@csrf_protect
@require_POST
def remove_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an assertion out of the draft."""
    draft = open_draft(request, pk)
    document = documents.read(draft.document)
    name = request.POST.get("id", "")
    kept = [one for one in document.get("assertions", ()) if one.get("id") != name]
    changed = {**document, "assertions": kept}
    if not kept:
        del changed["assertions"]
    return _saved(request, draft, changed, f"The assertion {name} was taken out of the draft.")


def _saved(
    request: HttpRequest, draft: PolicyDraft, document: dict[str, Any], said: str
) -> HttpResponseRedirect:
    text = documents.written(document)
    try:
        drafts.save(draft, text, person=person(request), seen=draft.revision)
    except Refused as error:
        messages.error(request, error.message)
    else:
        messages.success(request, said)
    return page_of(draft)


def urls() -> list[URLPattern]:
    """The addresses of these views."""
    return [
        path(
            "proofs/<int:pk>/keep/",
            console.admin_view(keep_view),
            name="policy_assertion_keep",
        ),
        path(
            "proofs/<int:pk>/remove/",
            console.admin_view(remove_view),
            name="policy_assertion_remove",
        ),
    ]


console.pages.append(urls)

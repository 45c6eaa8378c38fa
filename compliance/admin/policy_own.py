"""The organisation's own entities in a draft: added, changed, tried, taken out and put back."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from compliance.admin import policy_document as documents
from compliance.admin.policy_conflict import Conflict
from compliance.admin.policy_draft import OWN_REMOVED, named, open_draft, page_of, person
from compliance.admin.policy_own_form import OwnForm, samples
from compliance.admin.site import console
from compliance.models import PolicyDraft
from compliance.policy import words
from compliance.versions import Refused, drafts


@csrf_protect
def own_view(request: HttpRequest, pk: int) -> HttpResponse:
    """The form of one definition: a new one, or one of the draft (`name`)."""
    draft = open_draft(request, pk)
    if request.method == "POST":
        return _posted(request, draft)
    name = request.GET.get("name", "")
    entity = documents.own_entity(documents.read(draft.document), name)
    if name and entity is None:
        messages.warning(request, f"This draft has no entity that is called {name}.")
        return page_of(draft)
    return _drawn(request, draft, OwnForm(entity=entity), name, documents.mark(entity))


def _posted(request: HttpRequest, draft: PolicyDraft) -> HttpResponse:
    original, opened = request.POST.get("original", ""), request.POST.get("opened", "")
    document = documents.read(draft.document)
    others = {str(one.get("name")) for one in documents.own_entities(document)} - {original}
    form = OwnForm(request.POST, others=others)
    if not form.is_valid() or "save" not in request.POST:
        return _drawn(request, draft, form, original, opened)
    stored = documents.own_entity(document, original)
    if documents.mark(stored) != opened:
        conflict = Conflict(
            "Somebody else changed this entity meanwhile",
            "Nothing was saved. What you typed is still below: save again to put it in the "
            "place of what is stored, or cancel to leave that as it is.",
            documents.written(stored) if stored else "This entity was taken out.",
            long=True,
        )
        return _drawn(request, draft, form, original, documents.mark(stored), conflict)
    changed = documents.with_own(document, form.definition(), original)
    if not _kept(request, draft, changed):
        return _drawn(request, draft, form, original, opened)
    messages.success(request, f"The entity {form.cleaned_data['name']} is saved.")
    return page_of(draft)


def _drawn(  # noqa: PLR0917 - a page and all that it shows
    request: HttpRequest,
    draft: PolicyDraft,
    form: OwnForm,
    original: str,
    opened: str,
    conflict: Conflict | None = None,
) -> HttpResponse:
    entity = form.entity if form.is_bound else None
    return console.page(
        request,
        "admin/policy_own.html",
        f"Entity {original}" if original else "A new entity of your own",
        draft=draft,
        name=named(draft),
        form=form,
        errors=form.errors,
        original=original,
        opened=opened,
        conflict=conflict,
        sentence=words.own(entity) if entity else "",
        samples=samples(entity, form.cleaned_data.get("tried", "")) if entity else [],
    )


@csrf_protect
@require_POST
def remove_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a definition out; it can be put back until another one is taken out."""
    draft = open_draft(request, pk)
    document = documents.read(draft.document)
    name = request.POST.get("name", "")
    entity = documents.own_entity(document, name)
    if entity is None:
        messages.warning(request, f"The entity {name} is not in this draft any more.")
    elif _kept(request, draft, documents.without_own(document, name)):
        request.session[OWN_REMOVED] = {"draft": pk, "id": name, "entity": json.dumps(entity)}
    return page_of(draft)


@csrf_protect
@require_POST
def restore_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the definition back that was taken out last."""
    draft = open_draft(request, pk)
    removed = request.session.get(OWN_REMOVED) or {}
    document = documents.read(draft.document)
    if removed.get("draft") != pk:
        messages.warning(request, "There is nothing to put back.")
    elif documents.own_entity(document, removed["id"]) is not None:
        messages.warning(request, f"There is another entity {removed['id']} now.")
    elif _kept(request, draft, documents.with_own(document, json.loads(removed["entity"]), "")):
        del request.session[OWN_REMOVED]
        messages.success(request, f"The entity {removed['id']} is back.")
    return page_of(draft)


def _kept(request: HttpRequest, draft: PolicyDraft, document: dict[str, Any]) -> bool:
    text = documents.written(document)
    try:
        drafts.save(draft, text, person=person(request), seen=draft.revision)
    except Refused as error:
        messages.error(request, error.message)
        return False
    return True


def urls() -> list[URLPattern]:
    """The addresses of these views."""
    views = {
        "policy_own": ("", own_view),
        "policy_own_remove": ("remove/", remove_view),
        "policy_own_restore": ("restore/", restore_view),
    }
    return [
        path(f"own-entities/<int:pk>/{rest}", console.admin_view(view), name=name)
        for name, (rest, view) in views.items()
    ]


console.pages.append(urls)

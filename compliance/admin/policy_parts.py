"""Parts of a draft that stand beside its rules: own entities, and what is ignored.

They are added, changed, tried, taken out and put back in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from compliance.admin import policy_document as documents
from compliance.admin import policy_world
from compliance.admin.policy_conflict import Conflict
from compliance.admin.policy_draft import PART_REMOVED, kept, named, open_draft, page_of
from compliance.admin.policy_ignored_form import IgnoredForm
from compliance.admin.policy_own_form import OwnForm
from compliance.admin.site import console
from compliance.models import PolicyDraft

Form = OwnForm | IgnoredForm


@dataclass(frozen=True, slots=True)
class Part:
    """A member of the document that is a list of definitions, and how its pages call it."""

    member: str
    key: str  # the member of a definition that names it
    noun: str
    new: str
    form: type[Form]


PARTS: Mapping[str, Part] = {
    "own-entities": Part("own_entities", "name", "entity", "A new entity of your own", OwnForm),
    "ignored": Part("ignored", "id", "exception", "A new exception", IgnoredForm),
}
"""By the last part of their address."""


@csrf_protect
def part_view(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """The form of one definition: a new one, or one of the draft (`name`)."""
    part, draft = _part(slug), open_draft(request, pk)
    document = documents.read(draft.document)
    if request.method == "POST":
        return _posted(request, draft, slug, document)
    name = request.GET.get("name", "")
    given = documents.part(document, part.member, part.key, name)
    if name and given is None:
        messages.warning(request, f"This draft has no {part.noun} that is called {name}.")
        return page_of(draft)
    form = part.form(_known(document), given=given)
    return _drawn(request, draft, slug, form, name, documents.mark(given))


def _posted(
    request: HttpRequest, draft: PolicyDraft, slug: str, document: documents.Document
) -> HttpResponse:
    part = _part(slug)
    original, opened = request.POST.get("original", ""), request.POST.get("opened", "")
    names = {str(one.get(part.key)) for one in documents.parts(document, part.member)}
    form = part.form(_known(document), request.POST, others=names - {original})
    if not form.is_valid() or "save" not in request.POST:
        return _drawn(request, draft, slug, form, original, opened)
    stored = documents.part(document, part.member, part.key, original)
    if documents.mark(stored) != opened:
        conflict = Conflict(
            f"Somebody else changed this {part.noun} meanwhile",
            "Nothing was saved. What you typed is still below: save again to put it in the "
            "place of what is stored, or cancel to leave that as it is.",
            documents.written(stored) if stored else f"This {part.noun} was taken out.",
            long=True,
        )
        mark = documents.mark(stored)
        return _drawn(request, draft, slug, form, original, mark, conflict)
    given = form.definition()
    changed = documents.with_part(document, part.member, part.key, given, original)
    if not kept(request, draft, changed):
        return _drawn(request, draft, slug, form, original, opened)
    messages.success(request, f"The {part.noun} {given[part.key]} is saved.")
    return page_of(draft)


def _drawn(  # noqa: PLR0917 - a page and all that it shows
    request: HttpRequest,
    draft: PolicyDraft,
    slug: str,
    form: Form,
    original: str,
    opened: str,
    conflict: Conflict | None = None,
) -> HttpResponse:
    part = _part(slug)
    valid = form.is_bound and form.read is not None
    return console.page(
        request,
        "admin/policy_part.html",
        f"{part.noun.capitalize()} {original}" if original else part.new,
        draft=draft,
        name=named(draft),
        noun=part.noun,
        form=form,
        errors=form.errors,
        original=original,
        opened=opened,
        conflict=conflict,
        sentence=form.sentence() if valid else "",
        samples=form.samples() if valid else [],
    )


@csrf_protect
@require_POST
def remove_view(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """Take a definition out; it can be put back until another one is taken out."""
    part, draft = _part(slug), open_draft(request, pk)
    document = documents.read(draft.document)
    name = request.POST.get("name", "")
    given = documents.part(document, part.member, part.key, name)
    if given is None:
        messages.warning(request, f"The {part.noun} {name} is not in this draft any more.")
    elif kept(request, draft, documents.without_part(document, part.member, part.key, name)):
        request.session[PART_REMOVED] = {
            "draft": pk,
            "id": name,
            "slug": slug,
            "given": json.dumps(given),
        }
    return page_of(draft)


@csrf_protect
@require_POST
def restore_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the definition back that was taken out last."""
    draft = open_draft(request, pk)
    removed = request.session.get(PART_REMOVED) or {}
    if removed.get("draft") != pk:
        messages.warning(request, "There is nothing to put back.")
        return page_of(draft)
    part, document = _part(removed["slug"]), documents.read(draft.document)
    given = json.loads(removed["given"])
    if documents.part(document, part.member, part.key, removed["id"]) is not None:
        messages.warning(request, f"There is another {part.noun} {removed['id']} now.")
    elif kept(request, draft, documents.with_part(document, part.member, part.key, given, "")):
        del request.session[PART_REMOVED]
        messages.success(request, f"The {part.noun} {removed['id']} is back.")
    return page_of(draft)


def _part(slug: str) -> Part:
    if slug not in PARTS:
        raise Http404
    return PARTS[slug]


def _known(document: documents.Document) -> policy_world.Known:
    return policy_world.known(documents.parts(document, "own_entities"))


def urls(guard: Any) -> list[URLPattern]:
    """The addresses below those of policies."""
    return [
        path("drafts/<int:pk>/beside/put-back/", guard(restore_view), name="policy_restore"),
        path("drafts/<int:pk>/beside/<slug:slug>/", guard(part_view), name="policy_part"),
        path(
            "drafts/<int:pk>/beside/<slug:slug>/remove/",
            guard(remove_view),
            name="policy_part_remove",
        ),
    ]

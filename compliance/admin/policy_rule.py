"""A rule of a draft: its form, what it says while it is typed, its removal and return."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.forms import BoundField
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from compliance.admin import policy_document as documents
from compliance.admin import policy_world
from compliance.admin.policy_conflict import Conflict
from compliance.admin.policy_draft import (
    REMOVED,
    UNREADABLE,
    kept,
    named,
    open_draft,
    page_of,
    store,
)
from compliance.admin.policy_rule_form import RuleForm
from compliance.admin.site import console
from compliance.models import PolicyDraft
from compliance.policy import words
from compliance.policy.rules import PolicyRefused
from compliance.versions import Refused

REMOVED_MEANWHILE = "This rule was removed. Saving yours adds it again."


def urls(guard: Any) -> list[URLPattern]:
    """The addresses below those of policies."""
    return [
        path("drafts/<int:pk>/rule/", guard(rule_view), name="policy_rule"),
        path("drafts/<int:pk>/rule/preview/", guard(preview_view), name="policy_rule_preview"),
        path("drafts/<int:pk>/rule/remove/", guard(remove_view), name="policy_rule_remove"),
        path("drafts/<int:pk>/rule/restore/", guard(restore_view), name="policy_rule_restore"),
    ]


def bound(request: HttpRequest, draft: PolicyDraft) -> RuleForm:
    """What was typed, beside the other rules of the draft."""
    document = documents.read(draft.document)
    ids = set(documents.ids(document))
    others = ids - {request.POST.get("original", "")}
    return RuleForm(
        policy_world.known(documents.parts(document, "own_entities")),
        request.POST,
        others=others,
    )


def sentence(draft: PolicyDraft, form: RuleForm) -> str:
    """What the typed rule says; empty, with errors at the fields, where it says nothing."""
    if not form.is_valid():
        return ""
    document = documents.read(draft.document)
    if not document:
        form.add_error(None, UNREADABLE)
        return ""
    try:
        policy = documents.alone(document, form.rule())
    except PolicyRefused as error:
        form.refuse(error)
        return ""
    return words.rule(policy.rules[0])


@csrf_protect
def rule_view(request: HttpRequest, pk: int) -> HttpResponse:
    """The form of one rule: a new one, one of the draft (`id`) or the copy of one (`copy`)."""
    draft = open_draft(request, pk)
    if request.method == "POST":
        return _posted(request, draft)
    document = documents.read(draft.document)
    name, copied = request.GET.get("id", ""), request.GET.get("copy", "")
    rule = documents.rule_of(document, name or copied)
    if (name or copied) and rule is None:
        messages.warning(request, f"This draft has no rule that is called {name or copied}.")
        return page_of(draft)
    shown = {**rule, "id": ""} if rule is not None and copied else rule
    form = RuleForm(policy_world.known(documents.parts(document, "own_entities")), rule=shown)
    said = words.rule(documents.alone(document, rule).rules[0]) if rule else ""
    return _drawn(request, draft, form, said, name, documents.mark(rule if name else None))


def _posted(request: HttpRequest, draft: PolicyDraft) -> HttpResponse:
    form = bound(request, draft)
    said = sentence(draft, form)
    original = request.POST.get("original", "")
    opened = request.POST.get("opened", "")
    if not said or "save" not in request.POST:
        return _drawn(request, draft, form, said, original, opened)
    document = documents.read(draft.document)
    stored = documents.rule_of(document, original)
    if documents.mark(stored) != opened:
        return _drawn(
            request,
            draft,
            form,
            said,
            original,
            documents.mark(stored),
            conflict=_conflict(document, stored, said),
        )
    try:
        store(request, draft, documents.with_rule(document, form.rule(), original))
    except Refused as error:
        form.add_error(None, error.message)
        return _drawn(request, draft, form, said, original, opened)
    messages.success(request, f"The rule {form.cleaned_data['id']} is saved.")
    return page_of(draft)


def _conflict(
    document: documents.Document, stored: dict[str, Any] | None, said: str
) -> Conflict:
    theirs = words.rule(documents.alone(document, stored).rules[0]) if stored else ""
    return Conflict(
        "Somebody else changed this rule meanwhile",
        "Nothing was saved. What you typed is still below: save again to put it in the place "
        "of what is stored, or cancel to leave that as it is.",
        theirs or REMOVED_MEANWHILE,
        said,
    )


def _drawn(  # noqa: PLR0917 - a page and all that it shows
    request: HttpRequest,
    draft: PolicyDraft,
    form: RuleForm,
    said: str,
    original: str,
    opened: str,
    conflict: Conflict | None = None,
) -> HttpResponse:
    return console.page(
        request,
        "admin/policy_rule.html",
        f"Rule {original}" if original else "A new rule",
        draft=draft,
        name=named(draft),
        form=form,
        errors=form.errors,
        wrong=[(_anchor(bound), bound.label) for bound in form if bound.errors],
        parts=form.parts(),
        regions=policy_world.regions_now(),
        sentence=said,
        original_id=original,
        opened=opened,
        conflict=conflict,
    )


def _anchor(bound: BoundField) -> str:
    """Where a link to a field leads, so that the keyboard goes on there."""
    one = bound.widget_type not in ("boxes", "radioselect", "length")
    return bound.id_for_label if one else f"group_{bound.html_name}"


@csrf_protect
@require_POST
def preview_view(request: HttpRequest, pk: int) -> HttpResponse:
    """What the typed rule says, for the page's script; else what is missing."""
    draft = open_draft(request, pk)
    form = bound(request, draft)
    said = sentence(draft, form)
    missing = [str(bound_.label) for bound_ in form if bound_.errors]
    return JsonResponse({"sentence": said, "missing": missing})


@csrf_protect
@require_POST
def remove_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a rule out; it can be put back until another one is taken out."""
    draft = open_draft(request, pk)
    document = documents.read(draft.document)
    name = request.POST.get("id", "")
    rule = documents.rule_of(document, name)
    if rule is None:
        messages.warning(request, f"The rule {name} is not in this draft any more.")
    elif documents.mark(rule) != request.POST.get("opened", ""):
        messages.warning(
            request,
            f"Somebody else changed the rule {name} meanwhile, so it was not removed. Read it "
            "again.",
        )
    elif len(documents.ids(document)) == 1:
        messages.error(
            request, "A policy has one rule at least. Add another one before you remove this."
        )
    elif kept(request, draft, documents.without(document, name)):
        request.session[REMOVED] = {"draft": pk, "id": name, "rule": json.dumps(rule)}
    return page_of(draft)


@csrf_protect
@require_POST
def restore_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the rule back that was taken out last."""
    draft = open_draft(request, pk)
    removed = request.session.get(REMOVED) or {}
    document = documents.read(draft.document)
    if removed.get("draft") != pk:
        messages.warning(request, "There is nothing to put back.")
    elif removed["id"] in documents.ids(document):
        messages.warning(request, f"There is another rule {removed['id']} now.")
    else:
        rule = json.loads(removed["rule"])
        if kept(request, draft, documents.with_rule(document, rule, removed["id"])):
            del request.session[REMOVED]
            messages.success(request, f"The rule {removed['id']} is back.")
    return page_of(draft)

"""One draft: its page, and its settings, which count for every rule."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.csrf import csrf_protect

from compliance.admin import policy_document as documents
from compliance.admin import policy_shown, policy_signed
from compliance.admin.policy_conflict import Conflict
from compliance.admin.policy_rights import APPROVE, DRAFT, SEE_DRAFTS, demand, may
from compliance.admin.policy_rule_form import sentence
from compliance.admin.policy_world import regions_now
from compliance.admin.policy_zone import HELP, ZoneField
from compliance.admin.site import console
from compliance.models import PolicyDraft, PolicyVersion
from compliance.policy import regions
from compliance.policy.rules import MAX_DAYS, PolicyRefused, parse
from compliance.versions import Refused, drafts

REMOVED = "removed policy rule"  # in the session: so that it can be put back
PART_REMOVED = "removed part of a policy"  # likewise

UNREADABLE = "The text of this draft cannot be read. Mend it as text first."


def urls(guard: Any) -> list[URLPattern]:
    """The addresses below those of policies."""
    return [
        path("drafts/start/", guard(start_view), name="policy_start"),
        path("drafts/<int:pk>/", guard(draft_view), name="policy_draft"),
        path("drafts/<int:pk>/settings/", guard(settings_view), name="policy_settings"),
        path("drafts/<int:pk>/discard/", guard(discard_view), name="policy_discard"),
    ]


def person(request: HttpRequest) -> User:
    """The reader, who is logged in on every page of the console."""
    return cast("User", request.user)


def drafted(pk: int) -> PolicyDraft:
    """The draft; raises `Http404`."""
    found = PolicyDraft.objects.select_related("author", "based_on", "version").filter(pk=pk)
    if (draft := found.first()) is None:
        raise Http404
    return draft


def open_draft(request: HttpRequest, pk: int) -> PolicyDraft:
    """A draft that the reader may change; raises `PermissionDenied` or `Http404`."""
    demand(request, DRAFT)
    draft = drafted(pk)
    if draft.state != PolicyDraft.State.OPEN:
        raise Http404
    return draft


def store(request: HttpRequest, draft: PolicyDraft, document: documents.Document) -> None:
    """Save a draft of which a form changed a part; raises `Refused`.

    A text that cannot be read is left as it is: it would be replaced by that part alone,
    whatever somebody wrote there by hand.
    """
    if not documents.read(draft.document):
        raise Refused("", UNREADABLE)
    text = documents.written(document)
    drafts.save(draft, text, person=person(request), seen=draft.revision)


def kept(request: HttpRequest, draft: PolicyDraft, document: documents.Document) -> bool:
    """The same; what is wrong is said on the next page."""
    try:
        store(request, draft, document)
    except Refused as error:
        messages.error(request, error.message)
        return False
    return True


def named(draft: PolicyDraft) -> str:
    """As headings and crumbs call it."""
    return f"{documents.read(draft.document).get('name', 'Policy')}, {draft}"


def page_of(draft: PolicyDraft) -> HttpResponseRedirect:
    """The way back to a draft."""
    return HttpResponseRedirect(reverse("admin:policy_draft", args=[draft.pk]))


def draft_view(request: HttpRequest, pk: int) -> HttpResponse:
    """The rules in sentences, the checks, and what differs from the active version."""
    demand(request, SEE_DRAFTS)
    draft = drafted(pk)
    policy, fault = documents.policy_of(draft.document)
    editable = draft.state == PolicyDraft.State.OPEN and may(request, DRAFT)
    compared = policy_signed.active()
    removed = request.session.get(REMOVED) or {}
    part_removed = request.session.get(PART_REMOVED) or {}
    more: dict[str, Any] = {}
    if policy is not None:
        document = documents.read(draft.document)
        marks = {str(one["id"]): documents.mark(one) for one in document["rules"]}
        more = policy_shown.context(
            policy,
            draft.pk if editable else None,
            rules=policy_shown.shown(policy, marks),
            differences=policy_shown.compared(policy, compared),
        )
    return console.page(
        request,
        "admin/policy_draft.html",
        named(draft),
        draft=draft,
        state="draft" if draft.state == PolicyDraft.State.OPEN else str(draft.state),
        fault=fault,
        editable=editable,
        compared=compared,
        may_simulate=may(request, DRAFT, APPROVE),
        chosen=f"draft-{draft.pk}",
        proved=f"draft={draft.pk}",
        removed=_of(removed, pk) if editable else "",
        part_removed=_of(part_removed, pk) if editable else "",
        **more,
    )


def _of(removed: dict[str, Any], draft: int) -> str:
    """What was taken out of this draft last."""
    return str(removed.get("id", "")) if removed.get("draft") == draft else ""


@csrf_protect
def start_view(request: HttpRequest) -> HttpResponse:
    """Begin a draft: from a version, or from the active one where none is named."""
    demand(request, DRAFT)
    version = _version(request.POST.get("version") or request.GET.get("version", ""))
    form = StartForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            draft = drafts.start(
                person(request), based_on=version, note=form.cleaned_data["note"]
            )
        except Refused as error:
            form.add_error("note" if error.field == "note" else None, error.message)
        else:
            return page_of(draft)
    return console.page(
        request,
        "admin/policy_start.html",
        "Start a draft",
        form=form,
        errors=form.errors,
        version=version,
    )


class StartForm(forms.Form):
    """What the draft is for."""

    note = forms.CharField(
        required=False,
        max_length=256,
        label="What it is for",
        help_text="For your colleagues: what you want to change, and why.",
    )


def _version(number: str) -> PolicyVersion | None:
    if number.isdecimal():
        return PolicyVersion.objects.filter(pk=int(number)).first()
    return policy_signed.active()


class SettingsForm(forms.Form):
    """What counts for every rule of a policy."""

    name = forms.CharField(
        label="Name", max_length=128, help_text="As decisions and the record name the policy."
    )
    zone = ZoneField(
        label="Time zone",
        help_text=f"In which rules with hours and days are read. {HELP}",
    )
    regions = forms.ChoiceField(
        required=False,
        label="Edition of the regions",
        help_text="Which countries belong to the EU, to the EEA, and have an adequacy decision "
        "changes. A policy that names a region says as of which edition.",
    )
    content_days = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_DAYS,
        label="Keep prompts and answers for days, at most",
        help_text="0: never. Empty: each application says.",
    )
    details_days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_DAYS,
        label="Keep details of events for days, at most",
        help_text="Empty: each application says.",
    )

    def __init__(self, settings: dict[str, Any], data: Any = None) -> None:
        kept = settings.get("retention", {})
        begin = {**settings, "zone": settings.get("zone", "UTC"), **kept}
        super().__init__(data, initial=begin)
        chosen = settings.get("regions")
        editions = dict.fromkeys([*reversed(regions.EDITIONS), *([chosen] if chosen else [])])
        cast("ZoneField", self.fields["zone"]).known = begin["zone"]
        region = cast("forms.ChoiceField", self.fields["regions"])
        region.choices = [("", "none"), *((one, _edition(one)) for one in editions)]

    def settings(self) -> dict[str, Any]:
        """As the document holds them; what says nothing is left out."""
        given = self.cleaned_data
        kept = {
            name: given[name]
            for name in ("content_days", "details_days")
            if given[name] is not None
        }
        settings = {"name": given["name"].strip()}
        if given["zone"] != "UTC":
            settings["zone"] = given["zone"]
        if given["regions"]:
            settings["regions"] = given["regions"]
        return settings | ({"retention": kept} if kept else {})


def _edition(name: str) -> str:
    return f"{name}, the newest" if name == regions.NEWEST else name


@csrf_protect
def settings_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what counts for every rule."""
    draft = open_draft(request, pk)
    document = documents.read(draft.document)
    stored = documents.settings_of(document)
    opened, conflict = documents.mark(stored), None
    form = SettingsForm(stored, request.POST or None)
    if request.method == "POST" and form.is_valid():
        if request.POST.get("opened") != opened:
            conflict = Conflict(
                "Somebody else changed the settings meanwhile",
                "Nothing was saved. Yours are still typed below: save again to put them in the "
                "place of what is stored.",
                documents.written(stored),
                long=True,
            )
        elif _stored(request, draft, document, form):
            return page_of(draft)
    return console.page(
        request,
        "admin/policy_settings.html",
        "Settings of the policy",
        form=form,
        errors=form.errors,
        conflict=conflict,
        opened=opened,
        draft=draft,
        name=named(draft),
        regions_now=regions_now(),
    )


def _stored(
    request: HttpRequest, draft: PolicyDraft, document: documents.Document, form: SettingsForm
) -> bool:
    rest = {name: value for name, value in document.items() if name not in documents.SETTINGS}
    text = documents.written({**rest, **form.settings()})
    try:
        parse(text)
        drafts.save(draft, text, person=person(request), seen=draft.revision)
    except PolicyRefused as error:
        member, _colon, words = str(error).partition(": ")
        field = member.rpartition(".")[2]
        known = field in form.fields
        form.add_error(field if known else None, sentence(words if known else str(error)))
        return False
    except Refused as error:
        form.add_error(None, error.message)
        return False
    messages.success(request, "The settings are saved.")
    return True


@csrf_protect
def discard_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then put the draft aside."""
    draft = open_draft(request, pk)
    if request.method == "POST":
        drafts.discard(draft, person(request))
        messages.success(request, f"{named(draft)} is discarded.")
        return HttpResponseRedirect(reverse("admin:compliance_policyversion_changelist"))
    return console.page(
        request,
        "admin/policy_discard.html",
        f"Discard {draft}?",
        draft=draft,
        name=named(draft),
    )

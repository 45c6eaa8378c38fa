"""Policies: the versions and drafts, each in words, and how two of them differ.

A version never changes once it is written. What makes one count is what people signed, which
`compliance.versions` reads; this page shows it.
"""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path

from compliance.admin import (
    policy_draft,
    policy_parts,
    policy_rule,
    policy_shown,
    policy_signed,
    policy_text,
    policy_tighten,
    policy_votes,
)
from compliance.admin.editing import ReadOnly
from compliance.admin.policy_rights import APPROVE, DRAFT, PROPOSE, SEE_DRAFTS, demand, may
from compliance.admin.policy_rights import VIEW as SEE
from compliance.admin.site import console
from compliance.models import PolicyDraft, PolicyVersion
from compliance.policy.rules import PolicyRefused, parse

LISTED = 25  # versions a page
WAITING = ("proposed", "scheduled")


@admin.register(PolicyVersion, site=console)
class PolicyAdmin(ReadOnly):
    """The list, a version, and the pages on which a policy is written and signed."""

    section, rank, title = "Rules", 30, "Policies"
    change_form_template = "admin/policy.html"

    def get_urls(self) -> list[URLPattern]:
        """Django's, and those of drafts, signatures and texts."""
        guard = self.admin_site.admin_view
        return [
            path("difference/", guard(self.difference_view), name="policy_difference"),
            *policy_draft.urls(guard),
            *policy_rule.urls(guard),
            *policy_parts.urls(guard),
            *policy_text.urls(guard),
            *policy_votes.urls(guard),
            *policy_tighten.urls(guard),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, *_a: Any, **_n: Any) -> Any:
        """What counts, what waits, what is being written, and what was."""
        demand(request, SEE)
        standing = policy_signed.standing()
        versions = PolicyVersion.objects.prefetch_related("signatures")
        rows = Paginator(versions, LISTED).get_page(request.GET.get("page"))
        waits = [n for n, state in standing.states.items() if state in WAITING]
        waiting = versions.filter(number__in=waits)
        sees = may(request, SEE_DRAFTS)
        return console.page(
            request,
            "admin/policies.html",
            "Policies",
            standing=standing,
            active=policy_signed.active_row(standing),
            waiting=[policy_signed.row(version, standing) for version in waiting],
            drafts=_drafts() if sees else [],
            sees_drafts=sees,
            versions=[policy_signed.row(version, standing) for version in rows],
            page=rows,
            may_draft=may(request, DRAFT),
            may_tighten=may(request, PROPOSE, APPROVE),
        )

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """One version in words, with what was signed of it and what can be done."""
        standing = policy_signed.standing()
        state = policy_signed.state(obj, standing)
        shared = {
            "version": obj,
            "row": policy_signed.row(obj, standing),
            "state": state,
            "standing": standing,
            "others": PolicyVersion.objects.exclude(pk=obj.pk)[:200],
            "pretty": _pretty(obj.document),
            "may_draft": may(request, DRAFT),
            "may_simulate": may(request, DRAFT, APPROVE),
            "chosen": f"version-{obj.number}",
            "proved": f"version={obj.number}",
            **policy_votes.offered(request, obj, state),
        }
        try:
            policy = parse(obj.document)
        except PolicyRefused as error:
            return shared | {"title": f"Policy, {obj}", "fault": str(error)}
        return policy_shown.context(
            policy,
            title=f"{policy.name}, {obj}",
            rules=policy_shown.shown(policy),
            matches=policy.digest == obj.digest,
            **shared,
        )

    def difference_view(self, request: HttpRequest) -> HttpResponse:
        """How two versions differ, in words."""
        demand(request, SEE)
        old, new = (self._asked(request, name) for name in ("from", "to"))
        try:
            found = policy_shown.compared(parse(new.document), old)
        except PolicyRefused:
            found = None
        return console.page(
            request,
            "admin/policy_difference.html",
            f"What {new} changes in {old}",
            old=old,
            new=new,
            differences=found,
        )

    @staticmethod
    def _asked(request: HttpRequest, name: str) -> PolicyVersion:
        number = request.GET.get(name, "")
        found = PolicyVersion.objects.filter(pk=int(number)) if number.isdecimal() else None
        version = found.first() if found is not None else None
        if version is None:
            raise Http404
        return version


def _drafts() -> list[tuple[PolicyDraft, str]]:
    rows = PolicyDraft.objects.filter(state=PolicyDraft.State.OPEN)
    return [(one, policy_draft.named(one)) for one in rows.select_related("author", "based_on")]


def _pretty(document: str) -> str:
    try:
        return json.dumps(json.loads(document), indent=2, ensure_ascii=False)
    except ValueError:
        return document

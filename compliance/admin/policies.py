"""Policies in words. Read-only: a version never changes once it is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from compliance.admin.coverage import known
from compliance.admin.editing import ReadOnly
from compliance.admin.site import console
from compliance.models import PolicyVersion
from compliance.policy import words
from compliance.policy.decide import not_enforced
from compliance.policy.rules import Policy, PolicyRefused, Rule, parse
from compliance.templatetags.console import badge


@dataclass(frozen=True, slots=True)
class Shown:
    """A rule as the table shows it; `enforced` is None where nobody knows."""

    rule: Rule
    when: str
    sites: str
    enforced: bool | None


def shown(policy: Policy) -> list[Shown]:
    """The rules of a policy, ready for a table."""
    coverage = known()
    idle = None if coverage is None else set(not_enforced(policy, coverage))
    return [
        Shown(
            rule,
            words.condition(rule.when),
            "any" if rule.where is None else words.where(rule.where),
            None if idle is None else rule.id not in idle,
        )
        for rule in policy.rules
    ]


def active() -> PolicyVersion | None:
    """The version by which requests are decided now."""
    return PolicyVersion.objects.filter(activated__isnull=False, retired=None).first()


@admin.register(PolicyVersion, site=console)
class PolicyAdmin(ReadOnly):
    """Versions, newest first. The set-up writes the first, and nothing another yet."""

    section, rank, title = "Rules", 30, "Policies"
    change_form_template = "admin/policy.html"
    list_display = ("__str__", "standing", "note", "activated", "retired", "short_digest")
    list_display_links = ("__str__",)
    search_fields = ("digest", "note")
    search_help_text = "Digest or note"

    @admin.display(description="state")
    def standing(self, obj: Any) -> str:
        """As a badge."""
        return badge(self.state(obj))

    def state(self, version: PolicyVersion) -> str:
        """In one word."""
        if version.retired is not None:
            return "retired"
        return "active" if version.activated is not None else "not activated"

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the document itself."""
        view = path(
            "<int:pk>/document.json",
            self.admin_site.admin_view(self.document_view),
            name="policy_document",
        )
        return [view, *super().get_urls()]

    def document_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The canonical JSON, byte for byte what the digest is of."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        version = self.found(request, pk)
        name = f"policy-version-{version.number}.json"
        return HttpResponse(
            version.document.encode(),
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """One version in words."""
        try:
            policy, fault = parse(obj.document), ""
        except PolicyRefused as error:
            policy, fault = None, str(error)
        return {
            "title": f"{policy.name if policy else 'Policy'}, {obj}",
            "version": obj,
            "state": self.state(obj),
            "rules": shown(policy) if policy else [],
            "bounds": words.bounds(policy) if policy else [],
            "coverage": known(),
            "matches": policy is not None and policy.digest == obj.digest,
            "fault": fault,
            "pretty": _pretty(obj.document),
        }


def _pretty(document: str) -> str:
    try:
        return json.dumps(json.loads(document), indent=2, ensure_ascii=False)
    except ValueError:
        return document

"""Who may do what with policies, asked in one way everywhere."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

VIEW = "compliance.view_policyversion"
SEE_DRAFTS = "compliance.view_policydraft"
DRAFT = "compliance.change_policydraft"
PROPOSE = "compliance.propose_policyversion"
APPROVE = "compliance.approve_policyversion"
SEE_KEYS = "compliance.view_approvalkey"
PEOPLE = ("auth.add_user", "auth.change_user")


def may(request: HttpRequest, *rights: str) -> bool:
    """Whether the reader has one of these rights."""
    return any(request.user.has_perm(right) for right in rights)


def demand(request: HttpRequest, *rights: str) -> None:
    """Raise `PermissionDenied` unless the reader has one of these rights."""
    if not may(request, *rights):
        raise PermissionDenied

"""Drafts: whoever writes policies may change them; none counts before it is proposed."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from compliance.models import PolicyDraft, PolicyVersion
from compliance.models.policies import NOTE_MAX
from compliance.versions import acting, load
from compliance.versions.refused import Refused

DOCUMENT_MAX = 2_000_000  # characters; a thousand rules of normal length take half of it


def start(person: User, *, based_on: PolicyVersion | None, note: str) -> PolicyDraft:
    """A new draft: a copy of `based_on`, or else of the version that counts."""
    _insist(person)
    if based_on is None:
        active = load.standing(heed=True).active
        if active is None:
            raise Refused("based_on", "No version counts now; choose one to start from.")
        based_on = PolicyVersion.objects.get(number=active.number)
    return PolicyDraft.objects.create(
        document=based_on.document, note=note[:NOTE_MAX], author=person, based_on=based_on
    )


def save(draft: PolicyDraft, document: str, *, person: User, seen: int) -> PolicyDraft:
    """Store a draft's new text; `seen` is the revision that was on the page.

    The text may be wrong: a draft is work. Raises `Refused`.
    """
    _insist(person)
    if len(document) > DOCUMENT_MAX:
        raise Refused("document", f"A policy has at most {DOCUMENT_MAX} characters.")
    with transaction.atomic():
        written = PolicyDraft.objects.filter(
            pk=draft.pk, state=PolicyDraft.State.OPEN, revision=seen
        ).update(document=document, revision=F("revision") + 1, updated=timezone.now())
        draft.refresh_from_db()
    if not written:
        raise Refused(
            "document",
            "Somebody else saved this draft after you opened it. Compare both texts, and save "
            "again."
            if draft.state == PolicyDraft.State.OPEN
            else f"This draft is {draft.state}; start another from it.",
        )
    return draft


def discard(draft: PolicyDraft, person: User) -> PolicyDraft:
    """Put a draft away; raises `Refused`."""
    _insist(person)
    standing = PolicyDraft.objects.filter(pk=draft.pk, state=PolicyDraft.State.OPEN)
    if not standing.update(state=PolicyDraft.State.DISCARDED, updated=timezone.now()):
        raise Refused("draft", "This draft is not open any more.")
    draft.refresh_from_db()
    return draft


def _insist(person: User) -> None:
    fresh = User.objects.filter(pk=person.pk, is_active=True).first()
    if fresh is None or not fresh.has_perm(acting.DRAFTING):
        raise Refused("person", "Your role does not let you write policies.")

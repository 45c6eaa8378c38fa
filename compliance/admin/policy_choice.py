"""Which policy a question is about: an open draft, or any version; beside the active one."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.admin.policy_document import policy_of
from compliance.models import PolicyDraft, PolicyVersion
from compliance.policy.rules import Policy
from compliance.versions import load

VERSIONS = 100  # the newest that are offered


class NothingActive(Exception):
    """No version of the policy counts now. Says why."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A policy, and what people call it."""

    title: str
    policy: Policy


def choices() -> list[tuple[str, str]]:
    """What can be asked about: a value, and its words. Drafts come first."""
    drafts = PolicyDraft.objects.filter(state=PolicyDraft.State.OPEN)
    return [
        *((f"draft-{one.pk}", f"{_title(one)} ({one.author})") for one in drafts),
        *(
            (f"version-{one.number}", str(one))
            for one in PolicyVersion.objects.all()[:VERSIONS]
        ),
    ]


def chosen(value: str) -> Chosen:
    """The policy that `value` stands for; raises ValueError with words for the field."""
    kind, _, number = value.partition("-")
    if not number.isdecimal():
        raise ValueError("Choose a draft or a version.")
    if kind == "draft":
        draft = PolicyDraft.objects.filter(pk=int(number)).first()
        text, title = (draft.document, _title(draft)) if draft else ("", "")
    else:
        version = PolicyVersion.objects.filter(number=int(number)).first()
        text, title = (version.document, str(version)) if version else ("", "")
    if not title:
        raise ValueError("It is not there any more; choose another.")
    policy, fault = policy_of(text)
    if policy is None:
        raise ValueError(f"{title} cannot be tried: {fault}. Mend it first.")
    return Chosen(title, policy)


def active() -> Policy:
    """The policy by which requests are decided now; raises `NothingActive`."""
    standing = load.standing(heed=True)
    if standing.active is None:
        raise NothingActive(" ".join(standing.faults) or "No version of the policy is active.")
    return standing.active.policy


def _title(draft: PolicyDraft) -> str:
    return f"Draft {draft.pk}, revision {draft.revision}"

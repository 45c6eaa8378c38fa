"""A draft becomes a version, signed by whoever proposes it. It counts for nothing yet."""

from __future__ import annotations

from dataclasses import replace

from django.contrib.auth.models import User
from django.db.models import Max
from django.http import HttpRequest

from compliance.models import PolicyDraft, PolicyVersion
from compliance.models.policies import NOTE_MAX
from compliance.policy.rules import Policy, PolicyRefused, canonical, parse
from compliance.versions import acting
from compliance.versions.asserted import insist_on_assertions
from compliance.versions.certificates import PROPOSE
from compliance.versions.passing import insist_that_some_may_pass
from compliance.versions.refused import Refused
from compliance.versions.sound import insist
from compliance.versions.statements import PROPOSAL


def propose(
    draft: PolicyDraft,
    person: User,
    password: str,
    *,
    note: str,
    request: HttpRequest | None = None,
) -> PolicyVersion:
    """The new version, proposed to follow the one that counts now; raises `Refused`."""
    note = acting.insist_on_text("note", note, "what changes and why", NOTE_MAX)
    seen = draft.revision
    policy = read(draft.document)
    insist(policy)
    signing = acting.signer(person, password, [PROPOSE], request)
    insist_that_some_may_pass(policy)
    proved = insist_on_assertions(policy)
    with acting.turn() as standing:
        acting.still(signing, standing)
        mine = PolicyDraft.objects.filter(
            pk=draft.pk, state=PolicyDraft.State.OPEN, revision=seen
        )
        if not mine.exists():
            raise Refused("draft", "The draft was changed meanwhile; look at it again.")
        active = acting.active(standing)
        version = store(policy, note)
        said = signing.says(
            PROPOSAL,
            version,
            previous=active.digest,
            note=note,
            time=acting.signing_time(standing),
        )
        mine.update(state=PolicyDraft.State.PROPOSED, version=version)
        detail = {
            "policy": acting.named(version, policy.name),
            "previous": active.digest,
            "note": note,
            **proved,
        }
        about = [version, said]
        acting.say("policy.proposed", signing.name, detail | acting.proof(said), about)
    draft.refresh_from_db()
    return version


def read(document: str) -> Policy:
    """The policy in a draft; raises `Refused`."""
    try:
        return parse(document)
    except PolicyRefused as error:
        raise Refused("document", str(error)) from error


def store(policy: Policy, note: str) -> PolicyVersion:
    """The policy as the next version, which its document names; in the caller's transaction."""
    number = (PolicyVersion.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    document = canonical(replace(policy, version=number)).decode()
    return PolicyVersion.objects.create(
        number=number, document=document, digest=parse(document).digest, note=note
    )

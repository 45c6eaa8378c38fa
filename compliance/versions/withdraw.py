"""A version that was proposed, or approved for a later time, is taken back before it counts."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest

from compliance.models import PolicySignature, PolicyVersion
from compliance.versions import acting, statements
from compliance.versions.certificates import APPROVE, PROPOSE
from compliance.versions.chain import DECLINED, PROPOSED, SCHEDULED, parsed
from compliance.versions.refused import Refused
from compliance.versions.statements import APPROVAL, PROPOSAL, WITHDRAWAL


def withdraw(
    version: PolicyVersion,
    person: User,
    password: str,
    reason: str,
    request: HttpRequest | None = None,
) -> PolicySignature:
    """The withdrawal, by anybody who proposes or approves; raises `Refused`."""
    reason = acting.insist_on_text("reason", reason, "why it is withdrawn")
    signing = acting.signer(person, password, [PROPOSE, APPROVE], request)
    with acting.turn() as standing:
        acting.still(signing, standing)
        state = standing.states.get(version.number, "")
        if state not in (PROPOSED, DECLINED, SCHEDULED):
            raise Refused(
                "version",
                f"Version {version.number} is {state}, and cannot be withdrawn. Propose "
                "another version instead.",
            )
        time = acting.signing_time(standing, *_times(version))
        said = signing.says(WITHDRAWAL, version, reason=reason, time=time)
        detail = {
            "policy": acting.named(version, parsed(version.document).name),
            "reason": reason,
        }
        acting.say("policy.withdrawn", signing.name, detail | acting.proof(said), [said])
    return said


def _times(version: PolicyVersion) -> list[int]:
    """When it was proposed and approved."""
    signed = PolicySignature.objects.filter(version=version, kind__in=[PROPOSAL, APPROVAL])
    return [statements.read(one.kind, one.statement)["time"] for one in signed]

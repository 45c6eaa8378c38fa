"""An approver refuses a proposed version. It lets nothing happen, so nobody signs it."""

from __future__ import annotations

from django.contrib.auth.models import User

from compliance.models import PolicySignature, PolicyVersion
from compliance.versions import acting, statements
from compliance.versions.certificates import APPROVE
from compliance.versions.chain import PROPOSED, parsed
from compliance.versions.refused import Refused
from compliance.versions.statements import DECLINE


def decline(version: PolicyVersion, person: User, reason: str) -> PolicySignature:
    """The refusal; raises `Refused`."""
    reason = acting.insist_on_text("reason", reason, "why it is declined")
    acting.insist_on_role(person, APPROVE)
    name = person.get_username()
    with acting.turn() as standing:
        state = standing.states.get(version.number, "")
        if state != PROPOSED:
            raise Refused(
                "version", f"Version {version.number} is {state}, and cannot be declined."
            )
        statement = statements.written(
            DECLINE,
            digest=version.digest,
            number=version.number,
            person=name,
            reason=reason,
            time=acting.now(),
        )
        said = PolicySignature.objects.create(
            version=version, kind=DECLINE, statement=statement
        )
        detail = {
            "policy": acting.named(version, parsed(version.document).name),
            "reason": reason,
        }
        acting.say("policy.declined", name, detail, [said])
    return said

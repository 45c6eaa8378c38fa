"""A second person lets a proposed version count, from now or from a time on."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib.auth.models import User
from django.http import HttpRequest

from compliance.models import PolicySignature, PolicyVersion
from compliance.versions import acting, statements
from compliance.versions.asserted import insist_on_assertions
from compliance.versions.certificates import APPROVE
from compliance.versions.chain import DECLINED, PROPOSED, WITHDRAWN, Standing, parsed
from compliance.versions.hearing import AHEAD_MAX
from compliance.versions.install import moment
from compliance.versions.refused import Refused
from compliance.versions.statements import APPROVAL, PROPOSAL

_ENDED = {
    WITHDRAWN: "was withdrawn; propose it again",
    DECLINED: "was declined; propose it again",
}


def approve(
    version: PolicyVersion,
    person: User,
    password: str,
    *,
    active_from: datetime | None,
    recall: bool,
    request: HttpRequest | None = None,
) -> PolicySignature:
    """The approval. Without `active_from` the version counts at once; raises `Refused`.

    With `recall` tickets of older versions that were not started are decided anew then.
    """
    _insist_on_time(active_from)
    signing = acting.signer(person, password, [APPROVE], request)
    policy = parsed(version.document)
    proved = insist_on_assertions(policy)
    with acting.turn() as standing:
        acting.still(signing, standing)
        _insist_on_time(active_from)
        proposal = _proposal(version, signing.name, standing)
        proposed = statements.read(PROPOSAL, proposal.statement)["time"]
        now = acting.signing_time(standing, proposed)
        since = now if active_from is None else _microseconds(active_from)
        said = signing.says(
            APPROVAL,
            version,
            proposal=statements.digest(proposal.statement),
            active_from=since,
            recall=recall,
            bootstrap=_bootstrap(standing),
            time=now,
        )
        detail = {
            "policy": acting.named(version, policy.name),
            "active_from": moment(since).isoformat(),
            "recall": recall,
            **proved,
        }
        acting.say("policy.approved", signing.name, detail | acting.proof(said), [said])
    return said


def _proposal(version: PolicyVersion, name: str, standing: Standing) -> PolicySignature:
    """What was proposed, if it may be approved by `name`; raises `Refused`."""
    state = standing.states.get(version.number, "")
    if state != PROPOSED:
        why = _ENDED.get(state, f"is {state or 'not sound'} already")
        raise Refused("version", f"Version {version.number} {why}.")
    proposal = PolicySignature.objects.get(version=version, kind=PROPOSAL)
    said = statements.read(PROPOSAL, proposal.statement)
    if said["person"] == name:
        raise Refused("person", "You proposed this version; somebody else must approve it.")
    if said["previous"] != acting.active(standing).digest:
        raise Refused(
            "version",
            f"Version {version.number} was proposed to follow a version that counts no more; "
            "propose it again.",
        )
    if standing.scheduled is not None:
        raise Refused(
            "version",
            f"Version {standing.scheduled.number} is scheduled already. Withdraw it, or wait "
            "until it counts and propose this one again.",
        )
    return proposal


def _bootstrap(standing: Standing) -> list[str]:
    """The installer's first keys, which the first approval by two people names for good."""
    if standing.two_people:
        return []
    return sorted(mark for mark, key in standing.keys.items() if key.root == mark)


def _insist_on_time(active_from: datetime | None) -> None:
    if active_from is None:
        return
    if active_from.tzinfo is None:
        raise Refused("active_from", "Say in which time zone.")
    ahead = _microseconds(active_from) - acting.now()
    if ahead <= 0:
        raise Refused(
            "active_from", "This time has passed. Choose a later one, or let it count at once."
        )
    if ahead > AHEAD_MAX:
        raise Refused("active_from", "Choose a time within a year.")


def _microseconds(when: datetime) -> int:
    return round(when.astimezone(UTC).timestamp() * 1_000_000)

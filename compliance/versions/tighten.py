"""One person tightens the policy at once: rules that block, or less retention, and no more."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.http import HttpRequest

from compliance.models import PolicyVersion
from compliance.models.policies import NOTE_MAX
from compliance.policy.rules import (
    Policy,
    PolicyRefused,
    Retention,
    Rule,
    canonical,
    parse,
    policy,
)
from compliance.policy.tightening import tightens
from compliance.versions import acting
from compliance.versions.certificates import APPROVE, PROPOSE
from compliance.versions.propose import store
from compliance.versions.refused import Refused
from compliance.versions.statements import TIGHTENING


def tighten(
    rules: Sequence[Rule],
    person: User,
    password: str,
    *,
    reason: str,
    retention: Retention | None = None,
    request: HttpRequest | None = None,
) -> PolicyVersion:
    """The version that counts now with `rules` added, which counts from now on.

    It has `recall`: what older versions let in and nobody started is decided anew. Raises
    `Refused`, also where it does not only tighten.
    """
    reason = acting.insist_on_text("reason", reason, "what happened", NOTE_MAX)
    signing = acting.signer(person, password, [PROPOSE, APPROVE], request)
    with acting.turn() as standing:
        acting.still(signing, standing)
        active = acting.active(standing)
        version = store(_tightened(active.policy, rules, retention), reason)
        why = tightens(active.policy, parse(version.document))
        if why is not None:
            raise Refused("rules", why)
        said = signing.says(
            TIGHTENING,
            version,
            previous=active.digest,
            recall=True,
            reason=reason,
            time=acting.signing_time(standing),
        )
        detail = {
            "policy": acting.named(version, active.policy.name),
            "previous": active.digest,
            "reason": reason,
        }
        about = [version, said]
        acting.say("policy.tightened", signing.name, detail | acting.proof(said), about)
    return version


def _tightened(old: Policy, rules: Sequence[Rule], retention: Retention | None) -> Policy:
    """`old` with more rules; raises `Refused`."""
    try:
        new = policy(
            old.name,
            old.version,
            (*old.rules, *rules),
            old.retention if retention is None else retention,
            regions=old.regions,
            zone=old.zone,
            assertions=old.assertions,
        )
        return parse(canonical(new))
    except PolicyRefused as error:
        raise Refused("rules", str(error)) from error

"""What a policy must be before anybody signs for it."""

from __future__ import annotations

from compliance.models import Application
from compliance.policy.checks import World, faults
from compliance.policy.rules import Policy, PolicyRefused, canonical, parse
from compliance.versions import own
from compliance.versions.refused import Refused


def insist(policy: Policy) -> None:
    """Raises `Refused` where the policy could not be loaded, or must not be proposed."""
    try:
        parse(canonical(policy))
    except PolicyRefused as error:
        raise Refused("document", str(error)) from error
    known = World(applications=frozenset(Application.objects.values_list("name", flat=True)))
    for fault in (*faults(policy, known), *own.faults(policy)):
        if fault.blocking:
            raise Refused("document", f"{fault.at}: {fault.words}" if fault.at else fault.words)

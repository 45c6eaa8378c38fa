"""What a policy must be before anybody signs for it."""

from __future__ import annotations

from compliance.policy.rules import Policy, PolicyRefused, canonical, parse
from compliance.versions.refused import Refused


def insist(policy: Policy) -> None:
    """Raises `Refused` where the policy could not be loaded, or would be of no use."""
    try:
        parse(canonical(policy))
    except PolicyRefused as error:
        raise Refused("document", str(error)) from error

"""What keeps a version's own entities from being used: bad patterns, samples that fail."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.detection import own
from compliance.policy.checks import Fault
from compliance.policy.rules import Policy


def faults(policy: Policy) -> Iterator[Fault]:
    """In the order of the document; each blocks a proposal."""
    for index, entity in enumerate(policy.own_entities):
        for fault in own.faults(entity):
            at = f"own_entities[{index}].{fault.member}"
            yield Fault(at, f"{entity.name}: {fault.words}.", blocking=True)

"""What keeps a version's own entities from being used: names, patterns, samples that fail."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.detection import own
from compliance.detection.categories import CATEGORIES
from compliance.policy.checks import Fault
from compliance.policy.rules import Policy


def faults(policy: Policy) -> Iterator[Fault]:
    """In the order of the document; each blocks a proposal."""
    for index, entity in enumerate(policy.own_entities):
        if entity.name in CATEGORIES:
            taken = f"{entity.name} is the name of an entity that is found already"
            at = f"own_entities[{index}].name"
            yield Fault(at, f"{taken}; choose another.", blocking=True)
        for fault in own.faults(entity):
            at = f"own_entities[{index}].{fault.member}"
            yield Fault(at, f"{entity.name}: {fault.words}.", blocking=True)

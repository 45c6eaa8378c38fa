"""What is measured: texts in, places with entity types out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Place = tuple[int, int, str]
Scan = Callable[[str], list[Place]]

INDIRECT = frozenset({"DATE_TIME", "ORGANIZATION", "ORG", "NRP", "URL", "BIC", "LEI"})
"""Entity types that identify only together with other data, of ours and of stock Presidio."""
COUNTRY = "COUNTRY"
"""The type given to a location that is a whole country, which says little of anybody."""


class _NoNames:
    """Stands where the names model is, for figures without it."""

    def find(self, texts: Sequence[str], seconds: float | None = None) -> list[list[Any]]:
        """No name in any text."""
        del seconds
        return [[] for _ in texts]


def ours(*, names: bool = True) -> Scan:
    """The product's detector, as one of its processes runs it; without names if so asked."""
    from compliance.detection.detector import Detector  # noqa: PLC0415 - loads models
    from compliance.vocabulary import Category  # noqa: PLC0415

    detector = Detector()
    if not names:
        vars(detector)["_names"] = _NoNames()

    def scan(text: str) -> list[Place]:
        return [
            (
                one.start,
                one.end,
                COUNTRY
                if one.entity == "LOCATION" and one.category is Category.INDIRECT
                else one.entity,
            )
            for one in detector.examine(text).findings
        ]

    return scan


def stock() -> Scan:
    """Presidio with its defaults and the English model."""
    from tests.bench.detection import engine  # noqa: PLC0415 - loads models

    analyse = engine().analyze

    def scan(text: str) -> list[Place]:
        return [(one.start, one.end, one.entity_type) for one in analyse(text, "en")]

    return scan


def is_direct(entity: str) -> bool:
    """Whether what is found wrongly as this would be masked or blocked."""
    return entity not in INDIRECT and entity != COUNTRY

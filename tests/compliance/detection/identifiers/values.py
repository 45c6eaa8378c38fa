"""What the tables of values are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Values:
    """Values of one identifier, none of a real person: documented test values, or generated.

    Each valid one is found in the sentence that holds it beside a context word; no invalid one
    (wrong check digit, impossible date, wrong length) is, as this entity. `alike` are values of
    something else (orders, products, phones, other countries' numbers) in their own sentence,
    in which this entity is not found.
    """

    valid: tuple[str, ...]  # at least ten
    invalid: tuple[str, ...]  # at least ten
    alike: tuple[str, ...]  # at least five whole sentences

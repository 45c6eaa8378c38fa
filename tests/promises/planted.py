"""Personal data of nobody, valid in form, fresh for each run so that a hit means this run."""

from __future__ import annotations

import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """What is planted in a prompt."""

    name: str
    email: str
    phone: str
    iban: str
    card: str

    def values(self) -> tuple[str, ...]:
        """Everything that must not be seen outside the gateway."""
        return (self.name, self.email, self.phone, self.iban, self.card)


FIRST = ("Jonathan", "Caroline", "Benjamin", "Katherine", "Nicholas", "Rebecca")
LAST = ("Whitfield", "Hargreaves", "Pemberton", "Ashworth", "Anderson")


def _digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))


def card() -> str:
    """Sixteen digits of a Visa card that pass Luhn's check (ISO/IEC 7812-1)."""
    body = "4" + _digits(14)
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def iban() -> str:
    """A German IBAN with right check digits (ISO 13616)."""
    account = _digits(18)
    check = 98 - int(account + "131400") % 97  # D is 13, E is 14
    return f"DE{check:02d}{account}"


def person() -> Person:
    """Somebody who does not exist."""
    first, last = secrets.choice(FIRST), secrets.choice(LAST)
    return Person(
        name=f"{first} {last}",
        email=f"{first}.{last}.{_digits(5)}@kontor-{_digits(4)}.de".lower(),
        phone=f"+49 30 {secrets.randbelow(8) + 2}{_digits(7)}",
        iban=iban(),
        card=card(),
    )

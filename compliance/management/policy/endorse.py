"""`manage.py policy endorse`: certify a person's key where no approver is left."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import OutputWrapper

from compliance.management.audit import IMPOSSIBLE, SOUND
from compliance.management.person import actor
from compliance.models import ApprovalKey
from compliance.versions import Refused, keys, statements

HELP = "let the installer key certify a person's approval key, as no approver can; an alarm"


def add_arguments(parser: ArgumentParser) -> None:
    """Whose, and why."""
    parser.add_argument("person", help="the user name")
    parser.add_argument("--reason", required=True, help="why; goes on the record")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Certify it, and show its fingerprint."""
    found = ApprovalKey.objects.filter(person__username=options["person"], revoked=None)
    key = found.first()
    if key is None:
        out.write("This person has no approval key that waits. Let them create one first.")
        return IMPOSSIBLE
    try:
        key = keys.recover(key, options["reason"], actor=actor())
    except Refused as error:
        out.write(error.message)
        return IMPOSSIBLE
    out.write(f"The key {statements.fingerprint(key.public_key)} may {key.role} now.")
    return SOUND

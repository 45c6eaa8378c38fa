"""`manage.py policy import`: a draft from a file, to be proposed as any other."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import OutputWrapper

from compliance.management.audit import IMPOSSIBLE, SOUND, UNSOUND
from compliance.management.policy.reading import document
from compliance.policy.rules import PolicyRefused, parse
from compliance.versions import Refused, drafts

HELP = "make a draft of a policy in a file; it counts for nothing until two people sign"


def add_arguments(parser: ArgumentParser) -> None:
    """What, and as whom."""
    parser.add_argument("path", metavar="FILE", type=Path, help="JSON or YAML")
    parser.add_argument(
        "--as", dest="person", required=True, help="the user name of who writes the draft"
    )
    parser.add_argument("--note", default="", help="what changes, for who reads the draft")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Make it, and say its number."""
    person = User.objects.filter(username=options["person"]).first()
    if person is None:
        out.write("Nobody has this user name.")
        return IMPOSSIBLE
    try:
        text = document(options["path"])
        parse(text)
    except PolicyRefused as error:
        out.write(f"{options['path']}: {error}")
        return UNSOUND
    try:
        made = drafts.start(person, based_on=None, note=options["note"] or options["path"].name)
        made = drafts.save(made, text, person=person, seen=made.revision)
    except Refused as error:
        out.write(error.message)
        return IMPOSSIBLE
    out.write(f"Draft {made.pk} is made. Propose it in the console.")
    return SOUND

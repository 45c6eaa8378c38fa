"""`manage.py policy show`: a version in words, who signed for it, and how it stands."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import OutputWrapper

from compliance.management.audit import IMPOSSIBLE, SOUND, UNSOUND
from compliance.management.policy import stored
from compliance.models import PolicySignature, PolicyVersion
from compliance.policy import words
from compliance.policy.rules import PolicyRefused
from compliance.versions import chain, statements

HELP = "say which version counts and who signed for it, and what its rules say"


def add_arguments(parser: ArgumentParser) -> None:
    """Which."""
    parser.add_argument(
        "number", nargs="?", type=int, help="of the version; the active one if left out"
    )


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Print it; 1 where the policy is not what people signed."""
    standing = stored.standing()
    for line in stored.doubts(standing):
        out.write(line)
    try:
        row = stored.version(options["number"], standing)
    except stored.NoVersion as error:
        out.write(str(error))
        return UNSOUND if standing.faults else IMPOSSIBLE
    try:
        policy = chain.parsed(row.document)
    except PolicyRefused:
        policy = None
    state = standing.states.get(row.number, "not signed")
    alone = " by the database alone" if standing.faults else ""
    name = policy.name if policy else "a policy that cannot be read"
    out.write(f"{name}, version {row.number}: {state}{alone}")
    out.write(f"digest {row.digest}")
    for line in _signed(row):
        out.write(line)
    for rule in policy.rules if policy else ():
        out.write(f"- {rule.id}: {words.rule(rule)}")
    return UNSOUND if standing.faults else SOUND


def _signed(row: PolicyVersion) -> list[str]:
    lines = []
    for said in PolicySignature.objects.filter(version=row).order_by("id"):
        verb = ascii(said.kind.removeprefix("policy-"))[1:-1]
        try:
            members = statements.read(said.kind, said.statement)
            who = members.get("person", "the installer")
        except (KeyError, statements.StatementInvalid):  # KeyError: of no kind that is known
            who = "cannot be read"
        lines.append(f"{verb}: {who}, {said.created:%Y-%m-%d %H:%M:%S} UTC")
    return lines

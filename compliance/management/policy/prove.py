"""`manage.py policy prove`: questions about a policy, answered with a proof or an example."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import OutputWrapper

from compliance import registered
from compliance.management.audit import IMPOSSIBLE, SOUND, UNSOUND
from compliance.management.policy import reading, stored
from compliance.policy.asking import Asking, Topic, answer_document
from compliance.policy.prove import Answer, Verdict
from compliance.policy.rules import Never, Policy, PolicyRefused, never_of, parse
from compliance.policy.universe import NOTHING_KNOWN
from compliance.policy.words import assertion, quoted
from compliance.proving import ProofImpossible, prove
from compliance.versions.chain import Standing

HELP = "ask whether something can happen at all under a policy, and get a proof or an example"

ALONE = (Topic.ASSERTIONS, Topic.UNREACHABLE, Topic.SHADOWED, Topic.CONFLICTS)
"""What can be asked of a policy without anything else."""


def add_arguments(parser: ArgumentParser) -> None:
    """Which policy, and which question."""
    parser.add_argument(
        "policy",
        metavar="FILE|N",
        help="a policy in JSON or YAML, for which no database is asked; or a version's number",
    )
    parser.add_argument(
        "--question",
        choices=[*map(str, ALONE), str(Topic.LEAVES), str(Topic.LOOSER)],
        default=str(Topic.ASSERTIONS),
        help="without: whether it keeps to its own assertions",
    )
    parser.add_argument(
        "--never",
        metavar="JSON",
        help="for leaves: the data and the place, as in an assertion, such as "
        '{"categories": ["special"], "outside": {"countries": ["DE"]}}',
    )
    parser.add_argument("--old", metavar="FILE|N", help="for looser: what to compare with")
    parser.add_argument("--json", action="store_true", help="print the answers as JSON")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Ask, and say what came out; undecided counts as not sound.

    So does a stored version, whatever is proved, while the database cannot be believed.
    """
    try:
        standing = stored.standing() if _numbers(options) else Standing()
        for line in stored.doubts(standing):
            (sys.stderr if options["json"] else out).write(f"{line}\n")
        asking = _asking(options, standing)
        answers = () if _nothing(asking) else prove(asking)
    except (PolicyRefused, ProofImpossible, stored.NoVersion, ValueError) as error:
        out.write(f"{error}")
        return IMPOSSIBLE
    if options["json"]:
        written = [answer_document(one) for one in answers]
        out.write(json.dumps(written, indent=1, ensure_ascii=False))
    else:
        for line in _lines(asking, answers):
            out.write(line)
    proved = all(one.verdict is Verdict.PROVED for one in answers)
    return SOUND if proved and not standing.faults else UNSOUND


def _numbers(options: Mapping[str, Any]) -> bool:
    """Whether a stored version is asked about."""
    return any((options[name] or "").isdecimal() for name in ("policy", "old"))


def _nothing(asking: Asking) -> bool:
    return asking.topic is Topic.ASSERTIONS and not asking.policy.assertions


def _asking(options: Mapping[str, Any], standing: Standing) -> Asking:
    topic = Topic(options["question"])
    policy = _policy(options["policy"], standing)
    never, old = options["never"], options["old"]
    if topic is Topic.LEAVES and never is None:
        raise ValueError("Say with --never which data must not be processed where.")
    if topic is Topic.LOOSER and old is None:
        raise ValueError("Say with --old which version to compare with.")
    return Asking(
        topic=topic,
        policy=policy,
        since=time.time_ns() // 1_000,
        known=registered.known() if options["policy"].isdecimal() else NOTHING_KNOWN,
        never=_never(never) if topic is Topic.LEAVES else None,
        old=_policy(old, standing) if topic is Topic.LOOSER else None,
    )


def _policy(name: str, standing: Standing) -> Policy:
    if name.isdecimal():
        return parse(stored.version(int(name), standing).document)
    return reading.policy(Path(name))


def _never(text: str) -> Never:
    return never_of(json.loads(text), "--never")


def _lines(asking: Asking, answers: tuple[Answer, ...]) -> Iterator[str]:
    if _nothing(asking):
        yield "This policy has no assertions."
    asserted = asking.policy.assertions if asking.topic is Topic.ASSERTIONS else ()
    for index, answer in enumerate(answers):
        if index < len(asserted):
            yield f"{quoted(asserted[index].id)}: {assertion(asserted[index])}"
        yield from answer.words
        for example in answer.examples:
            yield ""
            yield f"  {example.words}"
            yield from (f"    {name}: {value}" for name, value in example.table)
        yield f"({answer.verdict}; the solver spent {answer.spent})"

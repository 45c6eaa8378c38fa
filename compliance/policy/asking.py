"""A question as values: what is asked, of which versions, and what is taken for given.

`python -m compliance.policy.asking` reads one as JSON and writes its answers as JSON, so that a
process of its own can pay for the solver. It opens no file and no connection.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from compliance.policy import recorded
from compliance.policy.canonical import canonical, never_document
from compliance.policy.leaving import judged, leaves
from compliance.policy.looser import looser
from compliance.policy.overlaps import conflicts, shadowed, unreachable
from compliance.policy.paths import blocks_all, without_path
from compliance.policy.prove import Answer, Example, Verdict
from compliance.policy.rules import Policy, never_of, parse
from compliance.policy.solver import LIMIT
from compliance.policy.terms import Never
from compliance.policy.universe import NOTHING_KNOWN, Known
from compliance.vocabulary import Category, Facts, Serving

MEMORY = 2 << 30
"""Bytes of address space that a process which proves may take."""


PROCESSOR = 120
"""Seconds of processor time, so that one whose parent is gone ends too."""


class Topic(StrEnum):
    """What can be asked of a policy."""

    LEAVES = "leaves"
    UNREACHABLE = "unreachable"
    SHADOWED = "shadowed"
    CONFLICTS = "conflicts"
    WITHOUT_PATH = "without_path"
    BLOCKS_ALL = "blocks_all"
    LOOSER = "looser"
    ASSERTIONS = "assertions"


@dataclass(frozen=True, slots=True)
class Asking:
    """One question. `since` is in microseconds since the Unix epoch.

    `never` is what `LEAVES` asks about, `old` the version that `LOOSER` compares with.
    """

    topic: Topic
    policy: Policy
    since: int
    known: Known = NOTHING_KNOWN
    never: Never | None = None
    old: Policy | None = None
    limit: int = LIMIT


def answers(asking: Asking) -> tuple[Answer, ...]:
    """The answers: one, or one for each assertion of the policy.

    Raises ValueError where the question lacks what it is about, and `Disagreement`.
    """
    policy, known, limit = asking.policy, asking.known, asking.limit
    bounds: dict[str, Any] = {"since": asking.since, "known": known, "limit": limit}
    if asking.topic is Topic.ASSERTIONS:
        return tuple(one.answer for one in judged(policy, **bounds))
    if asking.topic is Topic.LEAVES:
        if asking.never is None:
            raise ValueError("never: missing; say which data must not be processed where")
        return (leaves(policy, asking.never, **bounds),)
    if asking.topic is Topic.LOOSER:
        if asking.old is None:
            raise ValueError("old: missing; say which version to compare with")
        return (looser(asking.old, policy, **bounds),)
    return (_OF_ONE[asking.topic](policy, **bounds),)


_OF_ONE = {
    Topic.UNREACHABLE: unreachable,
    Topic.SHADOWED: shadowed,
    Topic.CONFLICTS: conflicts,
    Topic.WITHOUT_PATH: without_path,
    Topic.BLOCKS_ALL: blocks_all,
}


def asking_document(asking: Asking) -> dict[str, Any]:
    """A question as JSON values."""
    return {
        "topic": str(asking.topic),
        "policy": canonical(asking.policy).decode(),
        "since": asking.since,
        "known": _known_document(asking.known),
        "never": None if asking.never is None else never_document(asking.never),
        "old": None if asking.old is None else canonical(asking.old).decode(),
        "limit": asking.limit,
    }


def asking_of(value: Mapping[str, Any]) -> Asking:
    """The question of `asking_document`."""
    return Asking(
        topic=Topic(value["topic"]),
        policy=parse(value["policy"]),
        since=value["since"],
        known=_known_of(value["known"]),
        never=None if value["never"] is None else never_of(value["never"]),
        old=None if value["old"] is None else parse(value["old"]),
        limit=value["limit"],
    )


def _known_document(known: Known) -> dict[str, Any]:
    sites = Facts("", "", serving=Serving(candidates=known.sites))
    return {
        "sites": recorded.written(sites),
        "coverage": sorted([str(category), entity] for category, entity in known.coverage),
        "applications": [recorded.written(facts) for facts in known.applications],
        "served": [
            recorded.written(Facts("", model, serving=serving))
            for model, serving in known.served.items()
        ],
    }


def _known_of(value: Mapping[str, Any]) -> Known:
    served = map(recorded.read, value["served"])
    return Known(
        sites=recorded.read(value["sites"]).serving.candidates,
        coverage=frozenset((Category(one), entity) for one, entity in value["coverage"]),
        applications=tuple(map(recorded.read, value["applications"])),
        served={facts.model: facts.serving for facts in served},
    )


def answer_document(answer: Answer) -> dict[str, Any]:
    """An answer as JSON values."""
    return {
        "verdict": str(answer.verdict),
        "words": list(answer.words),
        "examples": [
            {
                "facts": recorded.written(one.facts),
                "words": one.words,
                "table": [list(row) for row in one.table],
            }
            for one in answer.examples
        ],
        "subjects": list(answer.subjects),
        "spent": answer.spent,
    }


def answer_of(value: Mapping[str, Any]) -> Answer:
    """The answer of `answer_document`."""
    return Answer(
        verdict=Verdict(value["verdict"]),
        words=tuple(value["words"]),
        examples=tuple(
            Example(
                recorded.read(one["facts"]),
                one["words"],
                tuple((name, said) for name, said in one["table"]),
            )
            for one in value["examples"]
        ),
        subjects=tuple(value["subjects"]),
        spent=value["spent"],
    )


def main() -> None:
    """One question from standard input, its answers to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))
    os.nice(10)
    asking = asking_of(json.load(sys.stdin))
    json.dump([answer_document(one) for one in answers(asking)], sys.stdout)


if __name__ == "__main__":
    main()

"""Findings that do not count: a policy's allow lists and thresholds.

They are left out before anything is decided, so that no rule sees them; how many were left out
by which definition is on the record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from compliance.policy import reading
from compliance.policy.reading import Reader
from compliance.policy.terms import MAX_IGNORED, Ignored, Policy, PolicyRefused
from compliance.vocabulary import Finding, Scan, Segment

VERSIONS = 4  # of the policy, whose exceptions are kept ready: that in force, and drafts

MEMBERS: Mapping[str, Reader] = {
    "entities": reading.names,
    "applications": reading.names,
    "values": reading.names,
    "below": reading.whole(1, 100, "a number of hundredths"),
}
"""The members that a definition may have besides, each with its reader."""


def ignored_of(value: Any) -> tuple[Ignored, ...]:
    """The member `ignored`; raises `PolicyRefused`."""
    items = reading.listed(value, "ignored", "definition")
    if len(items) > MAX_IGNORED:
        raise PolicyRefused(
            f"ignored: {len(items)} are given, at most {MAX_IGNORED} are possible"
        )
    read = tuple(one_of(item, f"ignored[{n}]") for n, item in enumerate(items))
    seen: set[str] = set()
    for index, one in enumerate(read):
        if one.id in seen:
            raise PolicyRefused(
                f"ignored[{index}].id: {one.id!r} is already used; choose another"
            )
        seen.add(one.id)
    return read


def one_of(value: Any, at: str = "ignored") -> Ignored:
    """One definition of its JSON value; raises `PolicyRefused`."""
    given = reading.members(value, at, required=("id", "description"), optional=MEMBERS)
    if not given.keys() & {"values", "below"}:
        raise PolicyRefused(f"{at}.values: missing; give values, or a score in below")
    read = {name: MEMBERS[name](given[name], f"{at}.{name}") for name in MEMBERS.keys() & given}
    return Ignored(
        id=reading.identifier(given["id"], f"{at}.id"),
        description=reading.text(given["description"], f"{at}.description"),
        **read,
    )


def ignored_document(one: Ignored) -> dict[str, Any]:
    """One definition as JSON values; what says nothing is left out."""
    written: dict[str, Any] = {"id": one.id, "description": one.description}
    for name in ("entities", "applications", "values"):
        if (values := getattr(one, name)) is not None:
            written[name] = sorted(values)
    if one.below is not None:
        written["below"] = one.below
    return written


def counted(
    policy: Policy, application: str, segments: Sequence[Segment], found: Scan
) -> tuple[Scan, Mapping[str, int]]:
    """What counts of a scan for an application; how many each definition left out, by id."""
    if not policy.ignored or not found.findings:
        return found, {}
    definitions = _definitions(policy)
    left_out: Counter[str] = Counter()
    kept: list[Finding] = []
    of_any_value: dict[tuple[str, int], list[str]] = {}
    for finding in found.findings:
        about = (finding.entity, round(finding.score * 100))
        if about not in of_any_value:
            of_any_value[about] = list(_leaving_out(definitions.others, *about, application))
        names = of_any_value[about]
        value = _folded(segments[finding.segment].text[finding.start : finding.end])
        if (exactly := definitions.by_value.get(value)) is not None:
            names = [*names, *_leaving_out(exactly, *about, application)]
        left_out.update(names)
        if not names:
            kept.append(finding)
    return replace(found, findings=tuple(kept)), dict(left_out)


@dataclass(slots=True)
class _Definitions:
    """A policy's, so that a finding is held against few of them."""

    policy: Policy
    by_value: Mapping[str, Sequence[Ignored]]
    others: Sequence[Ignored]  # those of any value


_ready: dict[str, _Definitions] = {}  # by the policy's digest; the oldest goes first


def _definitions(policy: Policy) -> _Definitions:
    known = _ready.get(policy.digest)
    if known is not None and (known.policy is policy or known.policy == policy):
        known.policy = policy  # so that the next look need not compare long lists
        return known
    by_value: dict[str, list[Ignored]] = {}
    for one in policy.ignored:
        for value in {_folded(value) for value in one.values or ()}:
            by_value.setdefault(value, []).append(one)
    others = [one for one in policy.ignored if one.values is None]
    while len(_ready) >= VERSIONS:
        _ready.pop(next(iter(_ready)), None)
    _ready[policy.digest] = _Definitions(policy, by_value, others)
    return _ready[policy.digest]


def _leaving_out(
    definitions: Sequence[Ignored], entity: str, hundredths: int, application: str
) -> Iterator[str]:
    for one in definitions:
        if one.applications is not None and application not in one.applications:
            continue
        if one.entities is not None and entity not in one.entities:
            continue
        if one.below is not None and hundredths >= one.below:
            continue
        yield one.id


def _folded(value: str) -> str:
    return " ".join(value.casefold().split())

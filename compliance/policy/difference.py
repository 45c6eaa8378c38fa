"""What differs between two versions, in words.

Rules are the same rule where they have the same id; their order means nothing and is not
compared, neither are the numbers of the versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from compliance.policy import countries, words
from compliance.policy.regions import REGIONS, memberships
from compliance.policy.terms import NOTHING_ASKED, Policy, Rule


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule that was added, removed or changed, or, with `rule` empty, the policy itself.

    `words` are whole sentences: what the rule says or said, or each part of it that changed.
    """

    kind: Literal["added", "removed", "changed"]
    rule: str
    words: tuple[str, ...]


def differences(old: Policy, new: Policy) -> tuple[Difference, ...]:
    """What differs: the policy itself first, then rules by id; empty where nothing does."""
    before = {rule.id: rule for rule in old.rules}
    after = {rule.id: rule for rule in new.rules}
    found: list[Difference] = []
    if said := tuple(_settings(old, new)):
        found.append(Difference("changed", "", said))
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is None and now is not None:
            found.append(Difference("added", name, _whole(now)))
        elif now is None and was is not None:
            found.append(Difference("removed", name, _whole(was)))
        elif was is not None and now is not None and was != now:
            found.append(Difference("changed", name, tuple(_parts(was, now))))
    return tuple(found)


def _whole(rule: Rule) -> tuple[str, ...]:
    return (words.rule(rule), f"Its description: {rule.description}")


def _parts(was: Rule, now: Rule) -> Iterator[str]:
    if was.when != now.when:
        yield _changed("It spoke", _when(was), _when(now))
    if was.effect is not now.effect:
        yield _changed("Its effect was", words.EFFECTS[was.effect], words.EFFECTS[now.effect])
    if was.where != now.where:
        yield _changed("It may be processed", _where(was), _where(now))
    if was.obligations != now.obligations:
        yield _changed("Its obligations were", _obligations(was), _obligations(now))
    if was.description != now.description:
        yield _retold("Its description was", was.description, now.description)


def _changed(what: str, was: str, now: str) -> str:
    if was == now:
        return (
            f"{what}: “{was}”. What is written now reads the same and yet differs: compare the"
            " two versions as text before you sign."
        )
    return f"{what}: “{was}”. Now: “{now}”."


def _retold(what: str, was: str, now: str) -> str:
    """Texts that people wrote: their own quotation marks must not look like these."""
    return f"{what}: {words.quoted(was)}. Now: {words.quoted(now)}."


def _when(rule: Rule) -> str:
    said = words.condition(rule.when)
    return said if said == "always" else f"if {said}"


def _where(rule: Rule) -> str:
    return "anywhere" if rule.where is None else f"only {words.where(rule.where)}"


def _obligations(rule: Rule) -> str:
    return "none" if rule.obligations == NOTHING_ASKED else words.obligations(rule.obligations)


def _settings(old: Policy, new: Policy) -> Iterator[str]:
    if old.name != new.name:
        yield _retold("The policy's name was", old.name, new.name)
    if old.zone_name != new.zone_name:
        yield _changed("The time zone of its hours was", old.zone_name, new.zone_name)
    if old.regions != new.regions:
        none = "none, since no rule named a region"
        yield _changed(
            "Its list of regions was that of", old.regions or none, new.regions or none
        )
        if old.regions and new.regions:
            yield from _members(old.regions, new.regions)
    if old.retention != new.retention:
        was = " ".join(words.bounds(old)) or "no bounds"
        now = " ".join(words.bounds(new)) or "no bounds"
        yield _changed("How long anything may be kept was", was, now)
    yield from _assertions(old, new)
    yield from _own(old, new)
    yield from _ignored(old, new)


def _assertions(old: Policy, new: Policy) -> Iterator[str]:
    before, after = ({one.id: one for one in policy.assertions} for policy in (old, new))
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is None and now is not None:
            yield f"The assertion {words.quoted(name)} was added: “{words.assertion(now)}”"
        elif now is None and was is not None:
            yield f"The assertion {words.quoted(name)} was removed: “{words.assertion(was)}”"
        elif was is not None and now is not None and was != now:
            said = f"The assertion {words.quoted(name)} was"
            if was.never != now.never:
                yield _changed(said, words.assertion(was), words.assertion(now))
            if was.description != now.description:
                yield _retold(f"{said} described as", was.description, now.description)


def _own(old: Policy, new: Policy) -> Iterator[str]:
    before, after = ({one.name: one for one in of.own_entities} for of in (old, new))
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is None and now is not None:
            yield f"The entity {name} was added: “{words.own(now)}”"
        elif now is None and was is not None:
            yield f"The entity {name} was removed: “{words.own(was)}”"
        elif was is not None and now is not None and was != now:
            if words.own(was) != words.own(now):
                yield _changed(f"The entity {name} was", words.own(was), words.own(now))
            if was.description != now.description:
                yield _retold(
                    f"The entity {name} was described as", was.description, now.description
                )
            if (was.found, was.not_found) != (now.found, now.not_found):
                yield f"The sample texts of the entity {name} differ."


def _ignored(old: Policy, new: Policy) -> Iterator[str]:
    before, after = ({one.id: one for one in of.ignored} for of in (old, new))
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        of = f"What is ignored as {words.quoted(name)}"
        if was is None and now is not None:
            yield f"{of} was added: “{words.ignored(now)}”"
        elif now is None and was is not None:
            yield f"{of} was removed: “{words.ignored(was)}”"
        elif was is not None and now is not None and was != now:
            if replace(was, description=now.description) != now:
                yield _changed(f"{of} was", words.ignored(was), words.ignored(now))
            if was.description != now.description:
                yield _retold(f"{of} was described as", was.description, now.description)


def _members(was: str, now: str) -> Iterator[str]:
    """Which countries' standing two editions of the region data tell differently."""
    before = {
        (one.region, one.country, one.since, one.until, one.scope) for one in memberships(was)
    }
    after = {
        (one.region, one.country, one.since, one.until, one.scope) for one in memberships(now)
    }
    for region, country in sorted({(one[0], one[1]) for one in before ^ after}):
        of = REGIONS.get(region, region)
        yield f"The standing of {countries.phrase(country)} in {of} changed between the lists."

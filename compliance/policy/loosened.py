"""What became looser, gathered by change, and told: in what, from what to what, for whom."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from compliance.policy import words
from compliance.policy.laxer import NAMES, Change, details
from compliance.policy.terms import Ignored, Policy
from compliance.policy.told import kind
from compliance.policy.universe import Kind, Universe
from compliance.policy.unnamed import Unnamed
from compliance.vocabulary import Category, Facts

Kinds = tuple[Kind, ...]
"""What was found: nothing, one kind, or several that show a difference only together."""

Of = Callable[[Category], Collection[Kind]]
"""The kinds of a category that can be found."""


@dataclass(slots=True)
class Loosened:
    """Pairs of an application and kinds found so far, by change, with one example each."""

    pairs: dict[Change, dict[str, set[Kinds]]] = field(default_factory=dict)
    examples: dict[Change, Facts] = field(default_factory=dict)
    count: int = 0
    gave_up: bool = False  # the solver reached its limit, so that there may be more

    def add(self, change: Change, facts: Facts) -> None:
        """One more request for which it is so."""
        kinds = tuple(sorted(facts.entities))
        self.pairs.setdefault(change, {}).setdefault(facts.application, set()).add(kinds)
        self.examples.setdefault(change, facts)
        self.count += 1

    def told(self, world: Universe, of: Of) -> Iterator[str]:
        """Each change as a sentence; applications with the same kinds together."""
        for change, applications in self.pairs.items():
            groups: dict[frozenset[Kinds], list[str]] = {}
            for application, kinds in sorted(applications.items()):
                groups.setdefault(frozenset(kinds), []).append(application)
            for together, names in groups.items():
                who = f"{_for(names, world)}, {_kinds(together, of)}"
                yield f"{who}: {NAMES[change[0]]}{_from(change)}."


def told_details(old: Policy, new: Policy) -> str:
    """That details of events may be kept for longer, as a sentence; empty where not."""
    longer = details(old, new)
    if longer is None:
        return ""
    return f"Details of events may be kept for longer, in days{_from(longer)}."


def told_own(old: Policy, new: Policy) -> str:
    """That own entities are found otherwise or no longer, as a sentence; empty where not."""
    kept = {
        one.name: replace(one, description="", found=(), not_found=())
        for one in new.own_entities
    }
    lost = [
        one.name
        for one in old.own_entities
        if kept.get(one.name) != replace(one, description="", found=(), not_found=())
    ]
    if not lost:
        return ""
    return f"What is found as {words.both(lost)} is found otherwise, or no longer."


def told_ignored(old: Policy, new: Policy) -> str:
    """That findings count no longer which did, as a sentence; empty where not."""
    more = [one.id for one in new.ignored if not any(_covers(was, one) for was in old.ignored)]
    if not more:
        return ""
    return f"Findings do not count any more, by {words.all_of(more)}."


def _covers(was: Ignored, one: Ignored) -> bool:
    """Whether all that one exception leaves out, another left out too."""
    chosen = (
        (was.entities, one.entities),
        (was.applications, one.applications),
        (was.values, one.values),
    )
    narrower = all(
        before is None or (now is not None and now <= before) for before, now in chosen
    )
    less = was.below is None or (one.below is not None and one.below <= was.below)
    return narrower and less


def added_own(old: Policy, new: Policy) -> str:
    """That own entities are looked for which were not, as a sentence; empty where none is."""
    before = {one.name for one in old.own_entities}
    added = [one.name for one in new.own_entities if one.name not in before]
    if not added:
        return ""
    return (
        f"It looks for {words.both(added)} besides. Where that overlaps something else that is"
        " found, it may be treated as the one or as the other; nothing is proved of such texts."
    )


def _from(change: Change) -> str:
    return f" (before: {change[1]}; now: {change[2]})" if change[1] else ""


def _for(names: Collection[str], world: Universe) -> str:
    if len(names) == len(world.choices["application"]):
        return "For every application"
    named = [words.quoted(name) for name in names if not isinstance(name, Unnamed)]
    others = ["every application that no rule names"] if len(named) < len(names) else []
    return f"For {words.both([*named, *others])}"


def _kinds(kinds: Collection[Kinds], of: Of) -> str:
    """Kinds of findings in words, whole categories as such."""
    single = {one[0] for one in kinds if len(one) == 1}
    said: list[str] = ["where nothing was found"] if () in kinds else []
    whole = [c for c in Category if single and set(of(c)) <= single]
    if len(whole) == len(Category) and () in kinds:
        return "whatever was found"
    parts = [words.CATEGORIES[category] for category in whole]
    parts += [kind(one) for one in sorted(single) if one[0] not in whole]
    parts += dict.fromkeys(_together(one) for one in sorted(kinds) if len(one) > 1)
    if parts:
        said.append(f"where {words.either(parts)} was found")
    return words.either(said)


def _together(kinds: Kinds) -> str:
    """Findings of several kinds; an entity is said once, however many categories it is of."""
    said = {entity: _one(category, entity) for category, entity in kinds}
    entities = [said[entity] for entity in sorted(said)]
    if len(entities) == 1:
        return f"{entities[0]} of several categories together"
    return f"{words.both(entities)} together"


def _one(category: Category, entity: str) -> str:
    if isinstance(entity, Unnamed):
        return f"{words.CATEGORIES[category]} of a type that no rule names"
    return words.quoted(entity)

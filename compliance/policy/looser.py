"""Whether a version is anywhere looser than another, and exactly for whom.

Looser, for one request: it goes on where it was blocked; no person is asked where one was; a
finding is treated less strictly; a site is permitted that was not; an obligation is less. What
becomes of a finding that a rule holds is compared as if a person had approved it. Where the
newer version blocks, nothing is looser.

What is asked of a request with findings of several kinds is what is asked of it for each of
them, combined by taking the strictest. So it is enough to look at one kind at a time, save
where a rule counts findings of several kinds together; those are looked for last. An entity
that recognisers find is taken to be of the categories in which they find it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from compliance.policy import words
from compliance.policy.example import plain, read
from compliance.policy.laxer import NAMES, Change, change, details
from compliance.policy.overlaps import amounts
from compliance.policy.prove import (
    GAVE_UP,
    Answer,
    Disagreement,
    Example,
    Question,
    Undecided,
    Verdict,
    decided,
)
from compliance.policy.solver import LIMIT, Term
from compliance.policy.symbolic import Meaning
from compliance.policy.terms import Policy
from compliance.policy.told import told
from compliance.policy.universe import NOTHING_KNOWN, Kind, Known
from compliance.vocabulary import Category, Facts

MOST = 2_000
"""Pairs of an application and a kind of finding that one answer names."""

WRONG = (
    "the solver found a request for which the newer version is looser, and the versions decide"
    " otherwise; nothing that it said of these policies can be relied on"
)


@dataclass(slots=True)
class _Found:
    """Pairs found so far, by change, with one example each.

    The kinds of a pair are none where nothing was found, and several where only findings of all
    of them together make the difference.
    """

    pairs: dict[Change, dict[str, set[tuple[Kind, ...]]]] = field(default_factory=dict)
    examples: dict[Change, Facts] = field(default_factory=dict)
    count: int = 0

    def add(self, loosened: Change, facts: Facts) -> None:
        kinds = tuple(sorted(facts.entities))
        self.pairs.setdefault(loosened, {}).setdefault(facts.application, set()).add(kinds)
        self.examples.setdefault(loosened, facts)
        self.count += 1


def looser(
    old: Policy,
    new: Policy,
    *,
    since: int,
    known: Known = NOTHING_KNOWN,
    limit: int = LIMIT,
) -> Answer:
    """Whether `new` is anywhere looser than `old`; a proof if not, and for whom if it is."""
    found = _Found()
    asked = _Comparison(old, new, since, known, limit)
    verdict = Verdict.PROVED
    try:
        for name, term in asked.terms():
            asked.look(name, term, found)
        if found.pairs or _details(old, new):
            verdict = Verdict.COUNTEREXAMPLE
    except Undecided:
        verdict = Verdict.UNDECIDED
    return Answer(
        verdict,
        tuple(_words(verdict, old, new, found, asked)),
        tuple(_examples(new, found, known)),
        spent=asked.session.spent,
    )


def _examples(new: Policy, found: _Found, known: Known) -> Iterator[Example]:
    for facts in found.examples.values():
        decision = decided(new, facts, known)
        yield Example(facts, f"By the newer version: {told(new, facts, decision, known)}")


def _words(
    verdict: Verdict, old: Policy, new: Policy, found: _Found, asked: _Comparison
) -> Iterator[str]:
    if verdict is Verdict.PROVED:
        yield (
            "Proved: the newer version is nowhere looser. Whatever it lets through, the older"
            " one let through too, treated no more strictly, at the same sites and with no more"
            " duties."
        )
        return
    if verdict is Verdict.UNDECIDED:
        yield GAVE_UP
    if found.pairs or _details(old, new):
        yield "The newer version is looser, in the following."
    for loosened, applications in found.pairs.items():
        groups: dict[frozenset[tuple[Kind, ...]], list[str]] = {}
        for application, kinds in sorted(applications.items()):
            groups.setdefault(frozenset(kinds), []).append(application)
        for together, names in groups.items():
            who = f"{_for(names, asked)}, {_kinds(together, asked)}"
            yield f"{who}: {NAMES[loosened[0]]}{_from(loosened)}."
    if said := _details(old, new):
        yield said


def _details(old: Policy, new: Policy) -> str:
    longer = details(old, new)
    if longer is None:
        return ""
    return f"Details of events may be kept for longer, in days{_from(longer)}."


def _from(loosened: Change) -> str:
    return f" (before: {loosened[1]}; now: {loosened[2]})" if loosened[1] else ""


def _for(names: list[str], asked: _Comparison) -> str:
    every = [str(name) for name in asked.world.choices["application"]]
    if sorted(names) == sorted(every):
        return "For every application"
    named = [name for name in names if name != every[-1]]
    others = ["every application that no rule names"] if every[-1] in names else []
    return f"For {words.both([*named, *others])}"


def _kinds(kinds: Collection[tuple[Kind, ...]], asked: _Comparison) -> str:
    """Kinds of findings in words, whole categories as such."""
    single = {one[0] for one in kinds if len(one) == 1}
    said: list[str] = ["where nothing was found"] if () in kinds else []
    whole = [c for c in Category if single and asked.of(c) <= single]
    if len(whole) == len(Category) and () in kinds:
        return "whatever was found"
    parts = [words.CATEGORIES[category] for category in whole]
    parts += [
        f"{words.CATEGORIES[category]} of type {entity}"
        if entity != asked.world.unnamed[category]
        else f"{words.CATEGORIES[category]} of a type that no rule names"
        for category, entity in sorted(single)
        if category not in whole
    ]
    parts += dict.fromkeys(_together(one) for one in sorted(kinds) if len(one) > 1)
    if parts:
        said.append(f"where {words.either(parts)} was found")
    return words.either(said)


def _together(kinds: tuple[Kind, ...]) -> str:
    """Findings of several kinds; an entity is said once, however many categories it is of."""
    entities = sorted({entity for _category, entity in kinds})
    if len(entities) == 1:
        return f"{entities[0]} of several categories together"
    return f"{words.both(entities)} together"


class _Comparison:
    """Both versions' meanings of one case."""

    def __init__(self, old: Policy, new: Policy, since: int, known: Known, limit: int) -> None:
        self.old, self.new, self.known = old, new, known
        # Applications and models that no rule names are all treated alike, so that one stands
        # for them: a list of every registered one would say no more.
        apart = replace(known, applications=(), served={})
        self.asked = Question([old, new], since=since, known=apart, limit=limit)
        self.case, self.session = self.asked.case, self.asked.session
        self.world = self.asked.world
        self.before, self.after = Meaning(self.case, old), Meaning(self.case, new)
        self.single = self.session.fact("at most one kind")
        found = self.case.found
        self.session.require(
            self.session.z3.Implies(self.single, self.session.z3.AtMost(*found.values(), 1))
        )
        likely = {kind for category in Category for kind in self.of(category)}
        self.session.require(
            *(self.session.no(term) for kind, term in found.items() if kind not in likely)
        )

    def of(self, category: Category) -> set[Kind]:
        """The kinds of a category that can be found."""
        coverage = self.known.coverage
        covered = {entity for _category, entity in coverage}
        return {
            kind
            for kind in self.world.kinds
            if kind[0] is category and (kind in coverage or kind[1] not in covered)
        }

    def terms(self) -> Iterator[tuple[str, Term]]:
        """For each way of being looser, when it is so."""
        session, before, after = self.session, self.before, self.after
        live = session.no(after.blocked)
        both = session.let("both go on", session.all([live, session.no(before.blocked)]))

        def lost(one: Term, other: Term) -> Term:
            return session.all([both, one, session.no(other)])

        yield "allowed", session.all([live, before.blocked])
        yield "held", lost(before.held, after.held)
        yield (
            "treatment",
            session.any(
                lost(term, after.treated[treated]) for treated, term in before.treated.items()
            ),
        )
        yield "place", lost(after.permitted, before.permitted)
        for name in ("content_days", "max_tokens"):
            yield (
                name,
                session.any(
                    lost(self._bounded(before, name, most), self._bounded(after, name, most))
                    for most in self._amounts(name)
                ),
            )
        for name in ("mark_output", "review"):
            yield name, lost(before.obliged(name), after.obliged(name))

    def _amounts(self, name: str) -> list[int]:
        bounds = {*amounts(name, self.old, self.new)}
        if name == "content_days":
            bounds |= {
                kept
                for policy in (self.old, self.new)
                if (kept := policy.retention.content_days) is not None
            }
        return sorted(bounds)

    def _bounded(self, meaning: Meaning, name: str, most: int) -> Term:
        kept = meaning.policy.retention.content_days
        if name == "content_days" and kept is not None and kept <= most:
            return self.session.true
        return meaning.at_most(name, most)

    def look(self, name: str, term: Term, found: _Found) -> None:
        """Every application and kind for which it is so, then what is so only together."""
        session = self.session
        term, left = session.let(name, term), session.fact(f"{name}, not named yet")
        for alone in (self.single, session.true):
            while (model := session.find(term, left, alone)) is not None:
                if found.count >= MOST:
                    raise Undecided
                facts = read(self.case, model)
                changed = change(name, self.old, self.new, facts, self.known)
                if changed is None:
                    raise Disagreement(WRONG)
                if alone is session.true:
                    facts = self._fewest(facts, changed)
                elif changed not in found.examples:
                    found.examples[changed] = self._plain(facts, changed)
                found.add(changed, facts)
                self._strike(left, facts)

    def _plain(self, facts: Facts, changed: Change) -> Facts:
        """As an example; of the same application and kind, which were found together."""
        same = (facts.application, frozenset(facts.entities))
        like = self._like(changed)
        return plain(
            self.world,
            facts,
            lambda tried: (
                (tried.application, frozenset(tried.entities)) == same and like(tried)
            ),
        )

    def _fewest(self, facts: Facts, changed: Change) -> Facts:
        """With no more of its kinds than it takes.

        Of the same application and of no other kind: else what is struck would not be what was
        found, which would then be found for ever.
        """
        like, mine = self._like(changed), facts.entities.keys()
        return plain(
            self.world,
            facts,
            lambda tried: (
                tried.application == facts.application
                and tried.entities.keys() <= mine
                and like(tried)
            ),
        )

    def _strike(self, left: Term, facts: Facts) -> None:
        """From here on, something that is not of this application with these kinds."""
        session, case = self.session, self.case
        mine = [session.no(left), session.no(case.choices["application"][facts.application])]
        if facts.entities:
            mine.extend(session.no(case.found[kind]) for kind in facts.entities)
        else:
            mine.extend(case.found.values())
        session.require(session.any(mine))

    def _like(self, wanted: Change) -> Callable[[Facts], bool]:
        return lambda facts: change(wanted[0], self.old, self.new, facts, self.known) == wanted

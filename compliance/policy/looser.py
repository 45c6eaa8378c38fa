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

from collections.abc import Callable, Iterator
from dataclasses import replace

from compliance.policy.example import plain, read
from compliance.policy.laxer import Change, change
from compliance.policy.loosened import Loosened, added_own, told_details, told_ignored, told_own
from compliance.policy.overlaps import amounts, duties
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
from compliance.policy.told import example
from compliance.policy.universe import NOTHING_KNOWN, Kind, Known
from compliance.vocabulary import STRICTER_DUTIES, Category, Facts

MOST = 2_000
"""Pairs of an application and a kind of finding that one answer names."""

WRONG = (
    "the solver found a request for which the newer version is looser, and the versions decide"
    " otherwise; nothing that it said of these policies can be relied on"
)


def looser(
    old: Policy,
    new: Policy,
    *,
    since: int,
    known: Known = NOTHING_KNOWN,
    limit: int = LIMIT,
) -> Answer:
    """Whether `new` is anywhere looser than `old`; a proof if not, and for whom if it is."""
    found = Loosened()
    asked = _Comparison(old, new, since, known, limit)
    verdict = Verdict.PROVED
    try:
        for name, term in asked.terms():
            asked.look(name, term, found)
        if found.pairs or _besides(old, new):
            verdict = Verdict.COUNTEREXAMPLE
        elif added_own(old, new):
            verdict = Verdict.UNDECIDED
    except Undecided:
        verdict, found.gave_up = Verdict.UNDECIDED, True
    return Answer(
        verdict,
        tuple(_words(verdict, old, new, found, asked)),
        tuple(_examples(new, found, known)),
        spent=asked.session.spent,
    )


def _examples(new: Policy, found: Loosened, known: Known) -> Iterator[Example]:
    for facts in found.examples.values():
        decision = decided(new, facts, known)
        yield example(new, facts, decision, known, by="By the newer version: ")


def _words(
    verdict: Verdict, old: Policy, new: Policy, found: Loosened, asked: _Comparison
) -> Iterator[str]:
    if verdict is Verdict.PROVED:
        yield (
            "Proved: the newer version is nowhere looser. Whatever it lets through, the older"
            " one let through too, treated no more strictly, at the same sites and with no more"
            " duties."
        )
        return
    if found.gave_up:
        yield GAVE_UP
    besides = _besides(old, new)
    if found.pairs or besides:
        yield "The newer version is looser, in the following."
    elif not found.gave_up:
        yield "Nothing was found in which the newer version is looser."
    yield from found.told(asked.world, asked.of)
    yield from besides
    if said := added_own(old, new):
        yield said


def _besides(old: Policy, new: Policy) -> list[str]:
    """What is looser whatever the rules say."""
    told = (told_details(old, new), told_own(old, new), told_ignored(old, new))
    return [said for said in told if said]


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
        for name in duties(STRICTER_DUTIES, self.old):
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

    def look(self, name: str, term: Term, found: Loosened) -> None:
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

"""A request and a site that the solver found, as facts that a person can read.

What the solver finds is one of many, with whatever it happened to choose for facts that do not
matter. So it is made plain: each fact is put back to what says least, as long as the example
still is one, which is asked of `decide` itself and never of the solver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from compliance.policy.moments import SECOND
from compliance.policy.symbolic import Case
from compliance.policy.universe import Kind, Universe
from compliance.vocabulary import Candidate, Endpoint, Facts, RequestClass, Serving


class Disagreement(AssertionError):
    """The solver's model of a policy and `decide` say different things: a fault of Domicile."""


@dataclass(frozen=True, slots=True)
class Example:
    """A request that shows something; its only candidate is `facts.serving.candidates[0]`.

    `words` say what would happen to it, as complete sentences; `table` names each fact of it
    that matters, and says what it is. What stands for all that nobody named is told apart from
    names in these two alone, once an example has left the process that found it.
    """

    facts: Facts
    words: str = ""
    table: tuple[tuple[str, str], ...] = ()

    @property
    def candidate(self) -> Candidate:
        """The site that might process it."""
        return self.facts.serving.candidates[0]


Shows = Callable[[Facts], bool]
"""Whether facts, with one candidate, still are an example; asks `decide`."""


def read(case: Case, model: Any) -> Facts:
    """The facts of a model of the solver's, with the one site of the case as candidate."""
    read = _Reader(case, model)
    time = int(read.choice("time"))
    candidate = Candidate(
        site=read.choice("site"),
        country=read.choice("country"),
        operator=read.choice("operator"),
        certifications=read.chosen("certifications"),
        attested=_proved(read.choice("attested"), time),
        witnessed=_proved(read.choice("witnessed"), time),
    )
    return Facts(
        application=read.choice("application"),
        model=read.choice("model"),
        entities=read.findings(),
        names_unchecked=read.choice("names_unchecked"),
        time=time,
        purpose=read.choice("purpose"),
        legal_basis=read.choice("legal_basis"),
        owner=read.choice("owner"),
        declared=read.chosen("declared"),
        subject_countries=read.chosen("subject_countries"),
        high_risk=read.choice("high_risk"),
        request_class=read.choice("request_class"),
        endpoint=read.choice("endpoint"),
        tools=read.chosen("tools"),
        serving=Serving(
            licence=read.choice("licence"),
            publisher=read.choice("publisher"),
            restricted=read.choice("restricted"),
            candidates=(candidate,),
            reasons=read.choice("reasons"),
        ),
    )


def _proved(age: int | None, time: int) -> int | None:
    return None if age is None else time - age * SECOND


class _Reader:
    def __init__(self, case: Case, model: Any) -> None:
        self._case, self._model, self._z3 = case, model, case.session.z3

    def _true(self, term: Any) -> bool:
        return bool(self._z3.is_true(self._model.eval(term, model_completion=True)))

    def choice(self, name: str) -> Any:
        values = self._case.choices[name].items()
        return next(value for value, term in values if self._true(term))

    def chosen(self, name: str) -> frozenset[Any]:
        values = self._case.sets[name].items()
        return frozenset(value for value, term in values if self._true(term))

    def findings(self) -> dict[Kind, int]:
        found = {}
        for kind, term in self._case.found.items():
            if self._true(term):
                number = self._case.numbers.get(kind)
                if number is None:
                    found[kind] = 1
                else:
                    value = self._model.eval(number, model_completion=True)
                    found[kind] = value.as_long()
        return found


def plain(world: Universe, facts: Facts, shows: Shows) -> Facts:
    """The facts with as little in them as still shows the same.

    Raises `Disagreement` where they do not show it in the first place.
    """
    if not shows(facts):
        raise Disagreement(
            "the solver found an example that the policy decides otherwise; nothing that it "
            "said of this policy can be relied on"
        )
    for simpler in _SIMPLER:
        for tried in simpler(world, facts):
            if shows(tried):
                facts = tried
                break
    for kind in sorted(facts.entities):
        fewer = {one: count for one, count in facts.entities.items() if one != kind}
        if shows(tried := replace(facts, entities=fewer)):
            facts = tried
    for kind in sorted(facts.entities):
        facts = _plain_kind(world, facts, kind, shows)
    return facts


def _plain_kind(world: Universe, facts: Facts, kind: Kind, shows: Shows) -> Facts:
    """One finding instead of many, and of an entity that recognisers know, if any does."""
    rest = {one: count for one, count in facts.entities.items() if one != kind}
    for count in _counts(world, facts.entities[kind], sum(rest.values())):
        for other in _alternatives(world, kind):
            if other in rest:
                continue
            tried = replace(facts, entities=rest | {other: count})
            if shows(tried):
                return tried
    return facts


def _counts(world: Universe, found: int, besides: int) -> list[int]:
    """The numbers of findings of a kind that may matter, with so many of others besides."""
    asked = world.amounts
    near = {*asked, *(n - 1 for n in asked), *(n - besides for n in asked), found}
    return sorted(count for count in near if 1 <= count <= found)


def _alternatives(world: Universe, kind: Kind) -> Iterator[Kind]:
    known = sorted(one for one in world.known.coverage if one[0] is kind[0])
    if kind in known:
        yield kind
    yield from known
    yield kind
    yield kind[0], world.unnamed[kind[0]]


def _facts(name: str, value: Any) -> Callable[[Universe, Facts], Iterator[Facts]]:
    def simpler(_world: Universe, facts: Facts) -> Iterator[Facts]:
        yield replace(facts, **{name: value})

    return simpler


def _other(name: str) -> Callable[[Universe, Facts], Iterator[Facts]]:
    def simpler(world: Universe, facts: Facts) -> Iterator[Facts]:
        other: dict[str, Any] = {name: world.choices[name][-1]}
        yield replace(facts, **other)

    return simpler


def _serving(world: Universe, facts: Facts) -> Iterator[Facts]:
    other = {name: world.choices[name][-1] for name in ("licence", "publisher")}
    for values in ({**other, "restricted": False}, other, {"restricted": False}):
        changed: dict[str, Any] = dict(values)
        yield replace(facts, serving=replace(facts.serving, **changed))


def _tells_apart(_world: Universe, facts: Facts) -> Iterator[Facts]:
    yield replace(facts, serving=replace(facts.serving, reasons=False))


def _known_site(world: Universe, facts: Facts) -> Iterator[Facts]:
    """A site that is registered, without proofs where they do not matter."""
    now = facts.time
    for site in world.known.sites:
        for attested, witnessed in ((None, None), (now, None), (None, now), (now, now)):
            yield _at(facts, replace(site, attested=attested, witnessed=witnessed))


def _of_site(name: str, value: Any = None) -> Callable[[Universe, Facts], Iterator[Facts]]:
    """Less said of the site; of a registered one only its proofs may differ."""

    def simpler(world: Universe, facts: Facts) -> Iterator[Facts]:
        site = facts.serving.candidates[0]
        proof = name in ("attested", "witnessed")
        if proof or all(one.site != site.site for one in world.known.sites):
            free = world.choices[name][-1] if value is None and not proof else value
            said: dict[str, Any] = {name: free}
            yield _at(facts, replace(site, **said))

    return simpler


def _at(facts: Facts, candidate: Candidate) -> Facts:
    return replace(facts, serving=replace(facts.serving, candidates=(candidate,)))


_SIMPLER: tuple[Callable[[Universe, Facts], Iterator[Facts]], ...] = (
    _known_site,
    _of_site("site"),
    _of_site("operator"),
    _of_site("certifications", frozenset()),
    _of_site("attested"),
    _of_site("witnessed"),
    _other("purpose"),
    _other("legal_basis"),
    _other("owner"),
    _other("application"),
    _other("model"),
    _serving,
    _facts("names_unchecked", False),
    _facts("high_risk", False),
    _facts("declared", frozenset()),
    _facts("subject_countries", frozenset()),
    _facts("tools", frozenset()),
    _facts("request_class", RequestClass.INTERACTIVE),
    _facts("endpoint", Endpoint.CHAT),
    _tells_apart,
)

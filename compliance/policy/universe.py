"""The finite world in which a question about policies is answered.

A rule can tell values apart only by naming them. So each fact has the values that the policies
and the question name, and one that stands for all others; a kind of finding is a category with
a named entity, or with one that is not named; a country stands for all that every rule treats
alike; and time has one moment for each combination of hours and memberships of regions that
occurs. What holds in this world holds for every request: `placed` finds for any facts those of
this world that no rule can tell from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from compliance.policy import moments
from compliance.policy.countries import COUNTRIES
from compliance.policy.regions import spans
from compliance.policy.terms import Condition, Policy, Rule, Where
from compliance.policy.unnamed import unnamed, unnamed_kind
from compliance.vocabulary import Candidate, Category, Endpoint, Facts, RequestClass, Serving

Kind = tuple[Category, str]
Place = tuple[Where, str | None]
"""A place, with the edition of the regions that it names."""
Span = tuple[str, int, int | None]

NOWHERE = "ZZ"
_EXAMPLES = ("DE", "FR", "NO", "CH", "GB", "US")
"""Countries that come first as examples of those like them."""

_CONDITIONS: Mapping[str, tuple[str, ...]] = {
    "application": ("applications", "applications_except"),
    "model": ("models",),
    "purpose": ("purposes",),
    "legal_basis": ("legal_bases",),
    "owner": ("owners",),
    "licence": ("licences",),
    "publisher": ("publishers",),
    "subject_countries": ("subject_countries",),
    "tools": ("tools",),
}
_PLACES = {"site": "sites", "operator": "operators", "certifications": "certifications"}
_SETS = frozenset({"subject_countries", "tools", "certifications"})


@dataclass(frozen=True, slots=True)
class Known:
    """What a question may take for given, because it is configured so.

    `sites` pins what is known of each site, apart from its proofs, which age; sites that are
    not among them may still exist. `coverage` are the kinds that the recognisers find: only
    examples are chosen by it. `applications` are facts of which all but what belongs to the
    application itself is ignored; `served` says which models are served where.
    """

    sites: tuple[Candidate, ...] = ()
    coverage: frozenset[Kind] = frozenset()
    applications: tuple[Facts, ...] = ()
    served: Mapping[str, Serving] = field(default_factory=dict)


NOTHING_KNOWN = Known()


@dataclass(frozen=True, slots=True)
class Universe:
    """The values of each fact that matter to a question.

    `choices` are facts with one value, each with its possible ones (`attested` and `witnessed`:
    ages in seconds, None for never); `sets` are facts with any subset of their values.
    `entities` are named, and `unnamed` gives for each category the entity that stands for all
    others of it. `amounts` are the numbers of findings that rules ask for; `counts` is how many
    findings of one kind are told apart: so many stand for all above.
    """

    choices: Mapping[str, tuple[Any, ...]]
    sets: Mapping[str, tuple[str, ...]]
    entities: tuple[str, ...]
    unnamed: Mapping[Category, str]
    kinds: tuple[Kind, ...]
    amounts: tuple[int, ...]
    counts: int
    times: moments.Moments
    countries: Mapping[str, str]
    known: Known

    def placed(self, facts: Facts) -> Facts:
        """The facts of this world that no rule can tell from these; candidates are kept.

        Raises `KeyError` where the time is outside of what was asked about.
        """
        found: dict[Kind, int] = {}
        for (category, entity), count in facts.entities.items():
            named = entity in self.entities
            kind = (category, entity if named else self.unnamed[category])
            if count > 0:
                found[kind] = min(found.get(kind, 0) + count, self.counts)
        one: dict[str, Any] = {
            name: self._one(name, getattr(facts, name))
            for name in ("application", "model", "purpose", "legal_basis", "owner")
        }
        serving = facts.serving
        return replace(
            facts,
            **one,
            entities=found,
            time=self.times.like(facts.time),
            subject_countries=self._some("subject_countries", facts.subject_countries),
            tools=self._some("tools", facts.tools),
            serving=replace(
                serving,
                licence=self._one("licence", serving.licence),
                publisher=self._one("publisher", serving.publisher),
            ),
        )

    def placed_site(self, candidate: Candidate, time: int) -> dict[str, object]:
        """What no rule can tell from a candidate, by the names of `choices` and `sets`."""
        return {
            "site": self._one("site", candidate.site),
            "country": self.countries.get(candidate.country, self.countries[NOWHERE]),
            "operator": self._one("operator", candidate.operator),
            "certifications": self._some("certifications", candidate.certifications),
            "attested": self._age("attested", candidate.attested, time),
            "witnessed": self._age("witnessed", candidate.witnessed, time),
        }

    def _one(self, name: str, value: str) -> str:
        last: str = self.choices[name][-1]
        return value if value in self.choices[name] else last

    def _some(self, name: str, values: Iterable[str]) -> frozenset[str]:
        named = self.sets[name]
        return frozenset(value if value in named else named[-1] for value in values)

    def _age(self, name: str, proof: int | None, time: int) -> int | None:
        if proof is None:
            return None
        ages = [age for age in self.choices[name] if isinstance(age, int)]
        return next((age for age in ages if time - proof <= age * moments.SECOND), None)


def universe(
    policies: Sequence[Policy],
    *,
    since: int,
    places: Sequence[Place] = (),
    entities: Iterable[str] = (),
    known: Known = NOTHING_KNOWN,
) -> Universe:
    """The world of some policies, from `since` on (microseconds since the Unix epoch).

    `places` and `entities` are what the question names besides.
    """
    rules = [rule for policy in policies for rule in policy.rules]
    every = [
        *((rule.where, of.regions) for of in policies for rule in of.rules if rule.where),
        *places,
    ]
    where = [place for place, _edition in every]
    named = {name: _named(name, rules, where, known) for name in (*_CONDITIONS, *_PLACES)}
    regions = {
        (region, str(edition)) for place, edition in every for region in place.regions or ()
    }
    countries = _alike(where, sorted(regions), known)
    times = moments.moments(policies, since=since, named=sorted(regions))
    choices: dict[str, tuple[Any, ...]] = {
        name: values for name, values in named.items() if name not in _SETS
    }
    choices |= {
        "names_unchecked": (False, True),
        "high_risk": (False, True),
        "restricted": (False, True),
        "request_class": tuple(RequestClass),
        "endpoint": tuple(Endpoint),
        "reasons": (False, True),
        "time": times.all,
        "country": tuple(dict.fromkeys(countries.values())),
        "attested": _ages(one.attested_within for one in where),
        "witnessed": _ages(one.witnessed_within for one in where),
    }
    said = sorted({e for rule in rules for e in rule.when.entities or ()} | set(entities))
    covered = {entity for _category, entity in known.coverage}
    unnamed = {category: unnamed_kind(category, {*said, *covered}) for category in Category}
    amounts = tuple(sorted({rule.when.at_least or 1 for rule in rules} | {1}))
    return Universe(
        choices=choices,
        sets={name: named[name] for name in sorted(_SETS)} | {"declared": tuple(Category)},
        entities=tuple(said),
        unnamed=unnamed,
        kinds=tuple(_kinds(said, unnamed)),
        amounts=amounts,
        counts=amounts[-1],
        times=times,
        countries=countries,
        known=known,
    )


def _named(
    name: str, rules: Sequence[Rule], where: Sequence[Where], known: Known
) -> tuple[str, ...]:
    """The values of a fact that somebody names, sorted, and last the one for all others."""
    values: set[str] = set()
    for rule in rules:
        values |= _said(rule.when, _CONDITIONS.get(name, ()))
        if name == "model":
            values |= rule.obligations.models or frozenset()
    if name in _PLACES:
        for one in where:
            values |= getattr(one, _PLACES[name]) or frozenset()
    values |= _configured(name, known)
    return (*sorted(values), unnamed(name, values))


def _said(when: Condition, members: tuple[str, ...]) -> set[str]:
    return {value for member in members for value in getattr(when, member) or ()}


def _configured(name: str, known: Known) -> set[str]:
    """Values that what is configured has, where the question takes it for given."""
    if name in _PLACES:
        return set(_texts(getattr(one, name) for one in _configured_sites(known)))
    if name == "model":
        return set(known.served)
    if name in ("licence", "publisher"):
        return {getattr(serving, name) for serving in known.served.values()}
    if name == "tools":
        return set()
    return set(_texts(getattr(facts, name) for facts in known.applications))


def _configured_sites(known: Known) -> Iterator[Candidate]:
    yield from known.sites
    for serving in known.served.values():
        yield from serving.candidates


def _texts(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, frozenset):
            yield from value


def _kinds(entities: Sequence[str], unnamed: Mapping[Category, str]) -> Iterator[Kind]:
    for category in Category:
        yield from ((category, entity) for entity in entities)
        yield category, unnamed[category]


def _ages(within: Iterable[int | None]) -> tuple[object, ...]:
    """Ages in seconds that are told apart: each bound, and None for older than all or never."""
    return (*sorted({seconds for seconds in within if seconds is not None}), None)


def _alike(
    where: Sequence[Where], regions: Sequence[tuple[str, str]], known: Known
) -> Mapping[str, str]:
    """For each country the one that stands for all that no rule tells from it.

    Those of known sites stand for themselves, so that examples speak of them. A code that is
    not assigned is read as `NOWHERE`.
    """
    lists = sorted({tuple(sorted(one.countries)) for one in where if one.countries})
    tables = [spans(*region) for region in regions]
    own = {one.country for one in _configured_sites(known)}
    stands: dict[object, str] = {}
    alike: dict[str, str] = {}
    for country in (*_EXAMPLES, *sorted(COUNTRIES), NOWHERE):
        sign = (
            country if country in own else "",
            tuple(country in one for one in lists),
            tuple(_spans(country, table) for table in tables),
        )
        alike.setdefault(country, stands.setdefault(sign, country))
    return alike


def _spans(country: str, table: Iterable[Span]) -> tuple[tuple[int, int], ...]:
    """From when to when a country is in a region; 0 where no end is known."""
    return tuple(sorted((begins, ends or 0) for code, begins, ends in table if code == country))

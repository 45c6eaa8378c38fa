"""Applications for which no request at all can succeed, and policies that block all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from compliance.policy import words
from compliance.policy.example import Disagreement, read
from compliance.policy.prove import Answer, Question, Undecided, Verdict, decided
from compliance.policy.solver import LIMIT, Term
from compliance.policy.symbolic import Case, Meaning
from compliance.policy.terms import Policy
from compliance.policy.universe import NOWHERE, Known
from compliance.vocabulary import Candidate, Effect, Facts, Serving

_OWN = ("application", "purpose", "legal_basis", "owner", "high_risk")


def without_path(policy: Policy, *, since: int, known: Known, limit: int = LIMIT) -> Answer:
    """Those of `known.applications` that can get no answer, with the models `known.served`.

    A request may hold anything, at any time, and persons approve what is held; a site that ever
    proved that nothing gets out may prove it again in time.
    """
    asked = Question([policy], since=since, known=known, limit=limit)
    lost: list[str] = []
    said: list[str] = []
    try:
        session, case = asked.session, asked.case
        meaning = asked.meaning(policy)
        going = session.no(meaning.blocked)
        served = session.let("served", session.any(_served(case, known.served)))
        for facts in known.applications:
            mine = list(_application(case, facts))
            if session.find(going, meaning.permitted, served, *mine) is None:
                lost.append(facts.application)
                name = words.quoted(facts.application)
                said.append(f"{name}: {_why(meaning, going, mine, known)}")
    except Undecided:
        return asked.undecided()
    if not lost:
        none = "Proved: every registered application has requests that can be answered."
        return Answer(Verdict.PROVED, (none,), spent=session.spent)
    many = "these applications can" if len(lost) > 1 else "this application can"
    headline = f"No request of {many} be answered: {words.all_of(lost)}."
    return Answer(
        Verdict.COUNTEREXAMPLE, (headline, *said), subjects=tuple(lost), spent=session.spent
    )


def blocks_all(policy: Policy, *, since: int, known: Known, limit: int = LIMIT) -> Answer:
    """Whether every request of `known.applications` is blocked, whatever it holds or asks for.

    Of all applications there could be, where none is known. Persons approve what is held; that
    no site could take a request is another question. Raises `Disagreement`.
    """
    asked = Question([policy], since=since, known=known, limit=limit)
    session, case = asked.session, asked.case
    try:
        terms = [session.no(asked.meaning(policy).blocked)]
        if known.applications:
            each = [session.all(_application(case, facts)) for facts in known.applications]
            terms.append(session.any(each))
        model = session.find(*terms)
    except Undecided:
        return asked.undecided()
    if model is None:
        whose = "every application in use" if known.applications else "any application"
        none = f"Proved: this policy would block every request of {whose}."
        return Answer(Verdict.PROVED, (none,), spent=session.spent)
    if decided(policy, read(case, model), known).effect is Effect.BLOCK:
        raise Disagreement("the solver found a request to go on that the policy blocks")
    some = "Not so: there are requests that this policy does not block."
    return Answer(Verdict.COUNTEREXAMPLE, (some,), spent=session.spent)


def lets_plainly(policy: Policy, *, since: int, known: Known) -> bool:
    """Whether a request that holds nothing, made at `since` (µs), may go on."""
    asking = known.applications or (Facts("", ""),)
    made = (replace(facts, time=since) for facts in asking)
    return any(decided(policy, facts, known).effect is not Effect.BLOCK for facts in made)


def _why(meaning: Meaning, going: Term, mine: list[Term], known: Known) -> str:
    session = meaning.case.session
    if session.find(going, *mine) is None:
        return "the policy blocks every request of it."
    if not known.served:
        return "no site serves any model."
    return "no site that serves a model is permitted for what it may ask."


def _application(case: Case, facts: Facts) -> Iterator[Term]:
    for name in _OWN:
        yield case.choices[name][getattr(facts, name)]
    for name in ("declared", "subject_countries"):
        yield from _exactly(case, name, getattr(facts, name))


def _exactly(case: Case, name: str, values: frozenset[str]) -> Iterator[Term]:
    for value, term in case.sets[name].items():
        yield term if value in values else case.session.no(term)


def _served(case: Case, served: Mapping[str, Serving]) -> Iterator[Term]:
    """That the request is for one of the models, and the site one that serves it."""
    for model, serving in served.items():
        for candidate in serving.candidates:
            yield case.session.all(_serving(case, model, serving, candidate))


def _serving(case: Case, model: str, serving: Serving, candidate: Candidate) -> Iterator[Term]:
    choices = case.choices
    yield choices["model"][model]
    yield choices["licence"][serving.licence]
    yield choices["publisher"][serving.publisher]
    yield choices["restricted"][serving.restricted]
    yield choices["reasons"][serving.reasons]
    yield choices["site"][candidate.site]
    alike = case.world.countries
    yield choices["country"][alike.get(candidate.country, alike[NOWHERE])]
    yield choices["operator"][candidate.operator]
    yield from _exactly(case, "certifications", candidate.certifications)
    for name in ("attested", "witnessed"):
        if getattr(candidate, name) is None:
            yield choices[name][None]

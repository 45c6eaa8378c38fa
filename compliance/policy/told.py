"""An example told: what the request is, what becomes of it, and where it may go."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping

from compliance.policy import words
from compliance.policy.countries import phrase
from compliance.policy.example import Example
from compliance.policy.moments import SECOND
from compliance.policy.terms import Policy
from compliance.policy.universe import Known
from compliance.policy.unnamed import Unnamed
from compliance.vocabulary import (
    Candidate,
    Category,
    Decision,
    Effect,
    Endpoint,
    Facts,
    RequestClass,
)

_TREATED = {
    Effect.ALLOW: "stays as it is",
    Effect.PSEUDONYMISE: "is replaced by pseudonyms",
    Effect.MASK: "is masked",
    Effect.BLOCK: "is not allowed",
}
ANY = "does not matter"


def example(
    policy: Policy, facts: Facts, decision: Decision, known: Known, by: str = ""
) -> Example:
    """What happens to a request at its one candidate, told; `by` says by what, before it."""
    said = told(policy, facts, decision, known)
    return Example(facts, f"{by}{said}", tuple(table(facts)))


def told(policy: Policy, facts: Facts, decision: Decision, known: Known) -> str:
    """What happens to a request at its one candidate, in complete sentences."""
    (candidate,) = facts.serving.candidates
    asks = _named(facts.application, "an application")
    model = _named(facts.model, "a model")
    said = [f"A request of {asks} for {model} {_holding(facts)}.", *_besides(facts)]
    said.extend(
        f"What was found {_of_type(entity)} {_TREATED[effect]}."
        for entity, effect in sorted(decision.treatments.items())
    )
    waits = [rule.id for rule in policy.rules if rule.effect is Effect.HOLD]
    if held := [rule for rule in decision.rules if rule in waits]:
        said.append(f"A person approves what {rules(held)} held.")
    if decision.effect is Effect.BLOCK:
        said.append(_blocked(decision))
    elif decision.sites is None or candidate.site in decision.sites:
        said.append(f"It may go to {site(candidate, known)}.")
    else:
        excludes = words.quoted(decision.excluded[candidate.site])
        said.append(
            f"It may not go to {site(candidate, known)}, which the rule {excludes} excludes."
        )
    spoke = rules(decision.rules) if decision.rules else "no rule"
    said.append(f"That is what {spoke} {'says' if len(decision.rules) < 2 else 'say'}.")  # noqa: PLR2004
    return " ".join(said)


def rules(ids: Iterable[str]) -> str:
    """Rules by their ids, which people chose."""
    named = list(ids)
    return f"{'the rule' if len(named) == 1 else 'the rules'} {words.all_of(named)}"


def _blocked(decision: Decision) -> str:
    if not decision.blocked_by:
        return f"It is blocked. {' '.join(decision.besides)}".strip()
    blocks = "blocks" if len(decision.blocked_by) == 1 else "block"
    return f"It is blocked: {rules(decision.blocked_by)} {blocks} it."


def _holding(facts: Facts) -> str:
    kinds = [
        f"{count} finding{'s' if count > 1 else ''} of {kind((category, entity))}"
        for (category, entity), count in sorted(facts.entities.items())
        if count
    ]
    return f"holds {words.both(kinds)}" if kinds else "holds nothing that was found"


def kind(found: tuple[Category, str]) -> str:
    """A kind of finding: its category and its type."""
    category, entity = found
    return f"{words.CATEGORIES[category]} {_of_type(entity)}"


def _of_type(entity: str) -> str:
    if isinstance(entity, Unnamed):
        return "of a type that no rule names"
    return f"of type {words.quoted(entity)}"


def _besides(facts: Facts) -> Iterator[str]:
    """What else a rule asks for and the example therefore has."""
    if facts.names_unchecked:
        yield "Names in it could not be checked."
    if facts.high_risk:
        yield "The application is a high-risk AI system."
    if facts.request_class is RequestClass.BATCH:
        yield "It is one of many in a file (batch)."
    if facts.endpoint is Endpoint.COMPLETIONS:
        yield "It asks to go on with a text (/v1/completions)."
    if facts.serving.reasons:
        yield "The model may write down how it comes to its answer."
    if facts.tools:
        tools = words.both(_named(tool, "a function") for tool in sorted(facts.tools))
        yield f"It offers the model {tools}."
    for fact, value, said in (
        ("purpose", facts.purpose, words.quoted),
        ("legal basis", facts.legal_basis, words.basis),
        ("owner", facts.owner, words.quoted),
    ):
        if value and not isinstance(value, Unnamed):
            yield f"The application's {fact} is {said(value)}."


def site(candidate: Candidate, known: Known) -> str:
    """A site in words; one that is registered by its name."""
    place, name = phrase(candidate.country), words.quoted(candidate.site)
    if isinstance(candidate.site, Unnamed):
        return f"a site in {place} that no rule names"
    if any(one.site == candidate.site for one in known.sites):
        return f"the site {name} in {place}"
    return f"a site named {name} in {place}"


def _named(value: str, one: str) -> str:
    return f"{one} that no rule names" if isinstance(value, Unnamed) else words.quoted(value)


def table(facts: Facts) -> Iterator[tuple[str, str]]:
    """Every fact of an example that matters, each with its name, for a table.

    Of facts that were read from somewhere, what nobody named reads like a name.
    """
    yield "Application", _named(facts.application, "one")
    yield "Its purpose", _given(facts.purpose)
    yield "Its legal basis", _given(facts.legal_basis, words.basis)
    yield "Its owner", _given(facts.owner)
    yield "High-risk AI system", "yes" if facts.high_risk else "no"
    yield "Declared categories", _many(words.CATEGORIES[one] for one in sorted(facts.declared))
    yield (
        "Countries of its data subjects",
        _many(map(_country, sorted(facts.subject_countries))),
    )
    yield "Found in the text", _many(_found(facts.entities))
    yield "Names could be checked", "no" if facts.names_unchecked else "yes"
    yield from _model(facts)
    batch = facts.request_class is RequestClass.BATCH
    yield "Request class", "batch" if batch else "interactive"
    yield "Endpoint", f"/v1/{facts.endpoint.replace('.', '/')}"
    yield "Tools offered", _many(_named(one, "one") for one in sorted(facts.tools))
    yield "Time", moment(facts.time)
    yield from _site(facts)


def _found(entities: Mapping[tuple[Category, str], int]) -> Iterator[str]:
    for (category, entity), count in sorted(entities.items()):
        if count:
            yield f"{count} {_of_type(entity)}, {words.CATEGORIES[category]}"


def _model(facts: Facts) -> Iterator[tuple[str, str]]:
    yield "Model", _named(facts.model, "one")
    yield "Its licence", _given(facts.serving.licence)
    yield "Its publisher", _given(facts.serving.publisher)
    yield "Licence restricts use in the EU", "yes" if facts.serving.restricted else "no"
    yield "It may write down its reasoning", "yes" if facts.serving.reasons else "no"


def _site(facts: Facts) -> Iterator[tuple[str, str]]:
    for candidate in facts.serving.candidates:
        certified = sorted(candidate.certifications)
        yield "Site", _named(candidate.site, "one")
        yield "Country of the site", _country(candidate.country)
        yield "Its operator", _given(candidate.operator)
        yield "Its certifications", _many(_named(one, "one") for one in certified)
        yield "Proof that nothing gets out", _proof(candidate.attested, facts.time)
        yield "Witness at the site", _proof(candidate.witnessed, facts.time)


def _given(value: str, said: Callable[[str], str] = words.quoted) -> str:
    """A fact of which any value that nobody names would do."""
    if isinstance(value, Unnamed):
        return ANY
    return said(value) if value else "none given"


def _proof(proved: int | None, time: int) -> str:
    if proved is None:
        return "none"
    return f"{words.length(max(time - proved, SECOND) // SECOND)} old at most"


def _country(code: str) -> str:
    return "one that no rule names" if isinstance(code, Unnamed) else phrase(code)


def _many(values: Iterable[str]) -> str:
    return ", ".join(values) or "none"


def moment(time: int) -> str:
    """A time in words, in UTC."""
    there = dt.datetime.fromtimestamp(time // SECOND, dt.UTC)
    return f"{there:%A, %Y-%m-%d %H:%M} UTC"

"""An example told: what the request is, what becomes of it, and where it may go."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from compliance.policy import words
from compliance.policy.countries import phrase
from compliance.policy.moments import SECOND
from compliance.policy.terms import Policy
from compliance.policy.universe import OTHERS, Known
from compliance.vocabulary import Candidate, Decision, Effect, Facts, RequestClass

_TREATED = {
    Effect.ALLOW: "stays as it is",
    Effect.PSEUDONYMISE: "is replaced by pseudonyms",
    Effect.MASK: "is masked",
    Effect.BLOCK: "is not allowed",
}
ANY = "does not matter"


def told(policy: Policy, facts: Facts, decision: Decision, known: Known) -> str:
    """What happens to a request at its one candidate, in complete sentences."""
    (candidate,) = facts.serving.candidates
    asks = _named("application", facts.application, "an application")
    model = _named("model", facts.model, "a model")
    said = [f"A request of {asks} for {model} {_holding(facts)}.", *_besides(facts)]
    said.extend(
        f"What was found of type {entity} {_TREATED[effect]}."
        for entity, effect in sorted(decision.treatments.items())
    )
    waits = [rule.id for rule in policy.rules if rule.effect is Effect.HOLD]
    if held := [rule for rule in decision.rules if rule in waits]:
        said.append(f"A person approves what {_rules(held)} held.")
    if decision.effect is Effect.BLOCK:
        said.append(f"It is blocked. {' '.join(decision.reasons[-1:])}")
    elif decision.sites is None or candidate.site in decision.sites:
        said.append(f"It may go to {site(candidate, known)}.")
    else:
        excludes = decision.excluded[candidate.site]
        said.append(
            f"It may not go to {site(candidate, known)}, which the rule {excludes} excludes."
        )
    spoke = _rules(list(decision.rules)) if decision.rules else "no rule"
    said.append(f"That is what {spoke} {'says' if len(decision.rules) < 2 else 'say'}.")  # noqa: PLR2004
    return " ".join(said)


def _rules(ids: list[str]) -> str:
    return f"{'the rule' if len(ids) == 1 else 'the rules'} {words.both(ids)}"


def _holding(facts: Facts) -> str:
    kinds = [
        f"{count} finding{'s' if count > 1 else ''} of {words.CATEGORIES[category]}"
        f" (type {entity})"
        for (category, entity), count in sorted(facts.entities.items())
        if count
    ]
    return f"holds {words.both(kinds)}" if kinds else "holds nothing that was found"


def _besides(facts: Facts) -> Iterator[str]:
    """What else a rule asks for and the example therefore has."""
    if facts.names_unchecked:
        yield "Names in it could not be checked."
    if facts.high_risk:
        yield "The application is a high-risk AI system."
    if facts.request_class is RequestClass.BATCH:
        yield "It is one of many in a file (batch)."
    if facts.tools:
        yield f"It offers the model {words.both(sorted(facts.tools))}."
    for name, value in (
        ("purpose is", facts.purpose),
        ("legal basis is", facts.legal_basis),
        ("owner is", facts.owner),
    ):
        if value and not value.startswith("any other"):
            yield f"The application's {name} {value}."


def site(candidate: Candidate, known: Known) -> str:
    """A site in words; one that is registered by its name."""
    place = phrase(candidate.country)
    if any(one.site == candidate.site for one in known.sites):
        return f"the site {candidate.site} in {place}"
    if _other("site", candidate.site):
        return f"a site in {place} that no rule names"
    return f"a site named {candidate.site} in {place}"


def _other(fact: str, value: str) -> bool:
    """Whether a value stands for all that nobody named."""
    return value.startswith(OTHERS[fact])


def _named(fact: str, value: str, kind: str) -> str:
    return f"{kind} that no rule names" if _other(fact, value) else value


def table(facts: Facts) -> Iterator[tuple[str, str]]:
    """Every fact of an example that matters, each with its name, for a table."""
    yield "Application", _named("application", facts.application, "one")
    for name, value in (
        ("Its purpose", facts.purpose),
        ("Its legal basis", facts.legal_basis),
        ("Its owner", facts.owner),
    ):
        yield name, ANY if value.startswith("any other") else value or "none given"
    yield "High-risk AI system", "yes" if facts.high_risk else "no"
    yield "Declared categories", _many(words.CATEGORIES[one] for one in sorted(facts.declared))
    yield (
        "Countries of its data subjects",
        _many(_country(one) for one in sorted(facts.subject_countries)),
    )
    yield (
        "Found in the text",
        _many(
            f"{count} of type {entity}, {words.CATEGORIES[category]}"
            for (category, entity), count in sorted(facts.entities.items())
            if count
        ),
    )
    yield "Names could be checked", "no" if facts.names_unchecked else "yes"
    yield from _model(facts)
    batch = facts.request_class is RequestClass.BATCH
    yield "Request class", "batch" if batch else "interactive"
    yield "Tools offered", _many(sorted(facts.tools))
    yield "Time", moment(facts.time)
    yield from _site(facts)


def _model(facts: Facts) -> Iterator[tuple[str, str]]:
    yield "Model", _named("model", facts.model, "one")
    for name, value in (
        ("Its licence", facts.serving.licence),
        ("Its publisher", facts.serving.publisher),
    ):
        yield name, ANY if value.startswith("any other") else value or "none given"
    yield "Licence restricts use in the EU", "yes" if facts.serving.restricted else "no"


def _site(facts: Facts) -> Iterator[tuple[str, str]]:
    for candidate in facts.serving.candidates:
        yield "Site", _named("site", candidate.site, "one")
        yield "Country of the site", _country(candidate.country)
        operator = candidate.operator
        yield (
            "Its operator",
            ANY if operator == OTHERS["operator"] else operator or "none given",
        )
        yield "Its certifications", _many(sorted(candidate.certifications))
        yield "Proof that nothing gets out", _proof(candidate.attested, facts.time)
        yield "Witness at the site", _proof(candidate.witnessed, facts.time)


def _proof(proved: int | None, time: int) -> str:
    if proved is None:
        return "none"
    return f"{words.length(max(time - proved, SECOND) // SECOND)} old at most"


def _country(code: str) -> str:
    return code if code == OTHERS["subject_countries"] else phrase(code)


def _many(values: object) -> str:
    return ", ".join(map(str, values)) or "none"  # type: ignore[call-overload]


def moment(time: int) -> str:
    """A time in words, in UTC."""
    there = dt.datetime.fromtimestamp(time // SECOND, dt.UTC)
    return f"{there:%A, %Y-%m-%d %H:%M} UTC"

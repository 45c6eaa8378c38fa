"""Rules that never speak, that change nothing, and that contradict one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations

from compliance.policy.conditions import concerns
from compliance.policy.countries import COUNTRIES
from compliance.policy.prove import Answer, Example, Question, Undecided, Verdict, decided
from compliance.policy.regions import members
from compliance.policy.solver import LIMIT, Term
from compliance.policy.symbolic import Meaning
from compliance.policy.terms import Policy, Rule, Where
from compliance.policy.told import example, moment, rules
from compliance.policy.universe import NOTHING_KNOWN, Known
from compliance.vocabulary import ANSWER_DUTIES, DUTIES, Effect, Facts


def unreachable(
    policy: Policy, *, since: int, known: Known = NOTHING_KNOWN, limit: int = LIMIT
) -> Answer:
    """Rules that speak of no request at all, because their conditions exclude each other."""
    asked = Question([policy], since=since, known=known, limit=limit)
    silent = []
    try:
        for rule in policy.rules:
            term = asked.case.holds(rule.when, policy)
            if asked.session.find(term) is None:
                silent.append(rule.id)
    except Undecided:
        return asked.undecided()
    spent = asked.session.spent
    if not silent:
        said = "Proved: each rule speaks of some request."
        return Answer(Verdict.PROVED, (said,), spent=spent)
    said = (
        f"{_the(silent)} never {_speaks(silent)}: no request fulfils all that is asked of it."
        " Whatever this was meant for is left to the other rules."
    )
    return Answer(Verdict.COUNTEREXAMPLE, (said,), subjects=tuple(silent), spent=spent)


def shadowed(
    policy: Policy, *, since: int, known: Known = NOTHING_KNOWN, limit: int = LIMIT
) -> Answer:
    """Rules of which each could be taken away by itself without changing any decision.

    A decision is the effect, what becomes of each finding, the permitted sites and the
    obligations; whether a person is asked first; not which rules are named as reasons.
    """
    asked = Question([policy], since=since, known=known, limit=limit)
    idle = []
    try:
        session = asked.session
        parts = {rule.id: session.fact(f"with {rule.id}") for rule in policy.rules}
        whole = Meaning(asked.case, policy)
        less = Meaning(asked.case, policy, enabled=parts)
        differs = session.let("differs", session.any(_differences(whole, less)))
        for rule in policy.rules:
            others = [term for name, term in parts.items() if name != rule.id]
            if session.find(differs, session.no(parts[rule.id]), *others) is None:
                idle.append(rule.id)
    except Undecided:
        return asked.undecided()
    if not idle:
        said = "Proved: each rule changes some decision."
        return Answer(Verdict.PROVED, (said,), spent=session.spent)
    each = "taken away by itself" if len(idle) > 1 else "taken away"
    said = (
        f"{_the(idle)} {'changes' if len(idle) == 1 else 'change'} no decision: other rules say"
        f" the same or are stricter wherever {'it speaks' if len(idle) == 1 else 'they speak'}."
        f" {'It' if len(idle) == 1 else 'Each of them'} can be {each}."
    )
    return Answer(Verdict.COUNTEREXAMPLE, (said,), subjects=tuple(idle), spent=session.spent)


def _differences(one: Meaning, other: Meaning) -> Iterator[Term]:
    """Where two meanings decide otherwise; of what is blocked nothing else matters."""
    session = one.case.session
    going = session.no(session.any([one.blocked, other.blocked]))
    yield _apart(one, one.blocked, other.blocked)
    yield session.all([going, _apart(one, one.held, other.held)])
    yield session.all([going, _apart(one, one.permitted, other.permitted)])
    for treated, term in one.treated.items():
        yield session.all([going, _apart(one, term, other.treated[treated])])
    for effect in (Effect.PSEUDONYMISE, Effect.MASK):
        yield session.all([going, _apart(one, one.at_least(effect), other.at_least(effect))])
    for name in ("content_days", "max_tokens"):
        for most in amounts(name, one.policy, other.policy):
            pair = (meaning.at_most(name, most) for meaning in (one, other))
            yield session.all([going, _apart(one, *pair)])
    for name in duties(DUTIES, one.policy, other.policy):
        yield session.all([going, _apart(one, one.obliged(name), other.obliged(name))])


def _apart(meaning: Meaning, one: Term, other: Term) -> Term:
    session = meaning.case.session
    if one is other:
        return session.false
    return session.z3.Xor(one, other)


def duties(asked: Sequence[str], *policies: Policy) -> list[str]:
    """Those `asked`, and of `ANSWER_DUTIES` those that some rule asks for, in order."""
    rules = [rule for policy in policies for rule in policy.rules]
    return [
        *asked,
        *(duty for duty in ANSWER_DUTIES if any(r.obligations.asks(duty) for r in rules)),
    ]


def amounts(name: str, *policies: Policy) -> list[int]:
    """The numbers that rules give for an obligation, sorted."""
    asked = {getattr(r.obligations, name) for policy in policies for r in policy.rules}
    return sorted(asked - {None})


def conflicts(
    policy: Policy, *, since: int, known: Known = NOTHING_KNOWN, limit: int = LIMIT
) -> Answer:
    """Pairs of rules that can speak of one request and ask for what cannot be had together.

    Two that leave no site, now or once a membership of a region has changed as it is known to,
    or no model, are contradictions. One that allows a finding and one that blocks it are none,
    because blocking wins; they are told all the same. Three or more rules that contradict
    only together are not looked for.
    """
    asked = Question([policy], since=since, known=known, limit=limit)
    said: list[str] = []
    examples: list[Example] = []
    pairs: list[str] = []
    try:
        meaning = asked.meaning(policy)
        for one, other, why, term in _candidates(asked, meaning, policy):
            both = (one.id, other.id)

            def shows(facts: Facts, both: tuple[str, str] = both, why: str = why) -> bool:
                decision = decided(policy, facts, known)
                goes_on = decision.effect is not Effect.BLOCK or NO_SITE not in why
                return goes_on and set(both) <= set(decision.rules)

            spoken = [meaning.spoke[rule] for rule in both]
            facts = asked.example(shows, *spoken, term)
            if facts is not None:
                pairs.append(f"{one.id} / {other.id}")
                said.append(f"{_the(both)} {why}")
                decision = decided(policy, facts, known)
                examples.append(example(policy, facts, decision, known))
    except Undecided:
        return asked.undecided(tuple(examples))
    if not said:
        none = (
            "Proved: no two rules contradict each other, now or later. Whether three or more do"
            " that only together was not asked."
        )
        return Answer(Verdict.PROVED, (none,), spent=asked.session.spent)
    return Answer(
        Verdict.COUNTEREXAMPLE,
        tuple(said),
        tuple(examples),
        subjects=tuple(pairs),
        spent=asked.session.spent,
    )


def _candidates(
    asked: Question, meaning: Meaning, policy: Policy
) -> Iterator[tuple[Rule, Rule, str, Term]]:
    """Pairs that contradict each other if they speak together, and what must hold besides."""
    session, case = asked.session, asked.case
    going = session.no(meaning.blocked)
    spans = dict(asked.world.times.spans())
    places: dict[frozenset[Where], tuple[int, ...]] = {}
    for one, other in combinations([rule for rule in policy.rules if rule.where], 2):
        if one.where is None or other.where is None or one.where == other.where:
            continue
        key = frozenset({one.where, other.where})
        if key not in places:
            places[key] = tuple(_without_site(asked, policy, key, spans))
        if times := places[key]:
            moments = frozenset().union(*(spans[begin] for begin in times))
            then = case.among("time", moments.__contains__)
            yield one, other, _no_site(times[0], asked), session.all([going, then])
    stopped = meaning.any_spoke([r.id for r in policy.rules if r.effect is Effect.BLOCK])
    for one, other in combinations([r for r in policy.rules if r.obligations.models], 2):
        permitted = [rule.obligations.models or frozenset() for rule in (one, other)]
        if permitted[0].isdisjoint(permitted[1]):
            yield one, other, NO_MODEL, session.no(stopped)
    yield from _allowed_and_blocked(meaning, policy)


def _without_site(
    asked: Question, policy: Policy, both: frozenset[Where], spans: Mapping[int, frozenset[int]]
) -> Iterator[int]:
    """When the spans of time begin in which two places have no site in common."""
    session, case = asked.session, asked.case
    one, other = both
    for begin, moments in spans.items():
        if not _meet(one, other, str(policy.regions), begin):
            here = [case.at(where, policy.regions) for where in both]
            if session.find(*here, case.among("time", moments.__contains__)) is None:
                yield begin


def _no_site(begin: int, asked: Question) -> str:
    if begin == asked.world.times.since:
        return f"can {NO_SITE}"
    return f"can, from {moment(begin)} on, {NO_SITE}"


NO_SITE = (
    "speak of the same request and leave no site for it: no site is where both permit it."
    " Such a request cannot be answered anywhere."
)
NO_MODEL = (
    "can speak of the same request and leave no model for it: none is permitted by both."
    " Such a request is blocked."
)
BLOCK_WINS = (
    "speak of the same findings; the one allows what the other blocks. That is no fault:"
    " blocking wins."
)


def _allowed_and_blocked(
    meaning: Meaning, policy: Policy
) -> Iterator[tuple[Rule, Rule, str, Term]]:
    session, found = meaning.case.session, meaning.case.found
    about = [rule for rule in policy.rules if rule.when.about_findings]
    for allows in (rule for rule in about if rule.effect is Effect.ALLOW):
        for blocks in (rule for rule in about if rule.effect is Effect.BLOCK):
            shared = [
                term
                for kind, term in found.items()
                if concerns(allows.when, kind) and concerns(blocks.when, kind)
            ]
            if shared:
                yield allows, blocks, BLOCK_WINS, session.any(shared)


def _meet(one: Where, other: Where, edition: str, time: int) -> bool:
    """Whether two places surely have a site in common, seen without asking the solver.

    A site that nobody named may have every certification and fresh proofs.
    """
    if one.operators and other.operators and one.operators.isdisjoint(other.operators):
        return False
    return not _countries(one, edition, time).isdisjoint(_countries(other, edition, time))


@lru_cache(maxsize=1_024)
def _countries(where: Where, edition: str, time: int) -> frozenset[str]:
    if where.sites is None and where.countries is None and where.regions is None:
        return frozenset(COUNTRIES)
    inside = [members(name, edition, time) for name in where.regions or ()]
    return frozenset().union(where.countries or (), *inside)


def _the(ids: Sequence[str]) -> str:
    said = rules(ids)
    return f"{said[0].upper()}{said[1:]}"


def _speaks(ids: Sequence[str]) -> str:
    return "speaks" if len(ids) == 1 else "speak"

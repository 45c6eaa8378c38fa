"""What questions about a policy cost, in seconds and in the solver's own units.

Units do not depend on the machine. The baseline is the same question about ten rules.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace

from compliance.policy.canonical import policy
from compliance.policy.leaving import leaves
from compliance.policy.looser import looser
from compliance.policy.overlaps import conflicts, shadowed, unreachable
from compliance.policy.paths import without_path
from compliance.policy.prove import Answer
from compliance.policy.regions import NEWEST
from compliance.policy.terms import Condition, Never, Policy, Rule, Where
from compliance.policy.universe import Known
from compliance.vocabulary import Candidate, Category, Effect, Facts, Obligations, Serving
from tests.bench.table import Cell, table

AIM = 5.0  # seconds for each question about 200 rules
SIZES = (10, 50, 200)
SINCE = 1_790_000_000_000_000
COUNTRIES = ("DE", "FR", "AT", "NL", "ES", "IT", "PL", "SE", "NO", "CH", "GB", "US")


def large(size: int, seed: int = 1) -> Policy:
    """A policy as a large organisation might have: most rules are about one application."""
    rng = random.Random(seed)
    rules = [Rule("otherwise", "Allows the rest.", Condition(), Effect.ALLOW)]
    for category in (Category.CREDENTIAL, Category.CRIMINAL):
        when = Condition(categories=frozenset({category}))
        rules.append(Rule(f"no-{category}", "Never.", when, Effect.BLOCK))
    while len(rules) < size:
        rules.append(_rule(rng, len(rules)))
    return policy("large", 1, tuple(rules), regions=NEWEST, zone="Europe/Berlin")


def _rule(rng: random.Random, number: int) -> Rule:
    about = rng.choice(("category", "entity", "application", "purpose", "model"))
    category = rng.choice((Category.PERSONAL, Category.SPECIAL, Category.PAYMENT))
    applications = frozenset({f"app-{rng.randrange(20)}"}) if rng.random() < 0.6 else None
    when = Condition(
        applications=applications,
        categories=frozenset({category}) if about == "category" else None,
        entities=frozenset({f"ENTITY_{rng.randrange(30)}"}) if about == "entity" else None,
        purposes=frozenset({f"purpose {rng.randrange(10)}"}) if about == "purpose" else None,
        models=frozenset({f"model-{rng.randrange(5)}"}) if about == "model" else None,
        high_risk=True if rng.random() < 0.1 else None,
        at_least=None,
    )
    effect = rng.choice((Effect.ALLOW, Effect.PSEUDONYMISE, Effect.MASK, Effect.HOLD))
    where = None
    if rng.random() < 0.4:
        where = Where(countries=frozenset(rng.sample(COUNTRIES, 3)), regions=frozenset({"EU"}))
    days = rng.choice((0, 7, 30)) if rng.random() < 0.3 else None
    return Rule(f"rule-{number}", "One.", when, effect, where, Obligations(content_days=days))


def known() -> Known:
    """What such an organisation has registered."""
    sites = tuple(Candidate(f"site-{one}", one) for one in COUNTRIES[:6])
    return Known(
        sites=sites,
        coverage=frozenset(
            (category, f"ENTITY_{10 * number + one}")
            for number, category in enumerate(
                (Category.PERSONAL, Category.SPECIAL, Category.PAYMENT)
            )
            for one in range(10)
        ),
        applications=tuple(Facts(f"app-{one}", "") for one in range(20)),
        served={f"model-{one}": Serving(candidates=sites) for one in range(5)},
    )


def questions(asked: Policy) -> dict[str, Callable[[], Answer]]:
    """Every question, ready to be asked."""
    never = Never(frozenset({Category.SPECIAL}), None, Where(regions=frozenset({"EU"})))
    changed = (
        replace(rule, effect=Effect.ALLOW) if rule.effect is Effect.MASK else rule
        for rule in asked.rules
    )
    newer = policy("large", 2, tuple(changed), regions=NEWEST, zone="Europe/Berlin")
    have = known()
    return {
        "special categories outside of the EU": lambda: leaves(
            asked, never, since=SINCE, known=have
        ),
        "rules that never speak": lambda: unreachable(asked, since=SINCE, known=have),
        "rules that change nothing": lambda: shadowed(asked, since=SINCE, known=have),
        "rules that contradict": lambda: conflicts(asked, since=SINCE, known=have),
        "applications without a path": lambda: without_path(asked, since=SINCE, known=have),
        "looser, where nothing is masked any more": lambda: looser(
            asked, newer, since=SINCE, known=have
        ),
        "looser, the same version": lambda: looser(asked, asked, since=SINCE, known=have),
    }


def proofs() -> str:
    """Seconds and units of each question, by the number of rules."""
    rows: list[list[Cell]] = []
    for size in SIZES:
        for name, ask in questions(large(size)).items():
            begun = time.perf_counter()
            answer = ask()
            took = time.perf_counter() - begun
            rows.append([name, size, took, answer.spent, str(answer.verdict)])
    heads = ["question", "rules", f"s (aim {AIM:g} at 200)", "units", "answer"]
    return table("Questions about a policy", heads, rows)

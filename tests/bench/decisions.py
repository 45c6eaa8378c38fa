"""What a decision costs, beside a reading of the document that prepares nothing.

The rules are of all kinds, as an organisation with a dozen applications would have them; the
request holds three kinds of findings and may go to four sites.
"""

from __future__ import annotations

import json
import time
import timeit
from collections.abc import Callable
from functools import partial
from typing import Any

from compliance.policy.decide import decide
from compliance.policy.rules import Policy, canonical, parse
from compliance.vocabulary import Candidate, Category, Facts, Serving
from tests.bench.table import Cell, table
from tests.compliance.policy import plain

SIZES = (10, 50, 200, 1000)
AIM = 50.0  # microseconds, for 50 rules
NOW = 1_785_931_200_000_000  # 5 August 2026, 12:00 UTC

KINDS: tuple[dict[str, Any], ...] = (
    {"when": {"categories": ["payment"]}, "effect": "pseudonymise"},
    {"when": {"entities": ["PERSON", "EMAIL_ADDRESS"], "at_least": 2}, "effect": "mask"},
    {"when": {"purposes": ["letters"], "legal_bases": ["6-1-e"]}, "effect": "allow"},
    {"when": {"declared": ["special"], "high_risk": True}, "effect": "hold"},
    {"when": {}, "effect": "allow", "where": {"regions": ["EEA"], "attested_within": 3600}},
    {
        "when": {"hours": {"days": [1, 2, 3, 4, 5], "from": "07:00", "to": "19:00"}},
        "effect": "allow",
        "obligations": {"max_tokens": 2000, "mark_output": True},
    },
    {"when": {"tools_offered": True, "request_class": "batch"}, "effect": "block"},
    {"when": {"models": ["large"], "restricted": True}, "effect": "block"},
)


def policy(rules: int) -> Policy:
    """A policy of so many rules, of which every second is about one application of twelve."""
    made = []
    for number in range(rules):
        rule = json.loads(json.dumps(KINDS[number % len(KINDS)]))
        if number % 2:
            rule["when"]["applications"] = [f"app-{number // 2 % 12}"]
        made.append(rule | {"id": f"rule-{number}", "description": f"Rule {number}."})
    document = {
        "name": "bench",
        "version": 1,
        "regions": "2026-08-05",
        "zone": "Europe/Berlin",
        "rules": made,
    }
    return parse(json.dumps(document))


def request() -> Facts:
    """Three kinds of findings, four sites."""
    return Facts(
        application="app-3",
        model="small",
        entities={
            (Category.PERSONAL, "PERSON"): 2,
            (Category.PERSONAL, "EMAIL_ADDRESS"): 1,
            (Category.PAYMENT, "IBAN_CODE"): 1,
        },
        time=NOW,
        purpose="letters",
        legal_basis="6-1-e",
        declared=frozenset({Category.PERSONAL}),
        subject_countries=frozenset({"DE"}),
        serving=Serving(
            licence="Apache-2.0",
            candidates=tuple(
                Candidate(f"site-{country}", country, attested=NOW - 60_000_000)
                for country in ("CH", "DE", "FR", "US")
            ),
        ),
    )


def microseconds(run: Callable[[], object]) -> float:
    """The least of fifteen runs, in processor time, for one call."""
    timer = timeit.Timer(run, timer=time.process_time)  # not what others take meanwhile
    number = max(1, timer.autorange()[0] // 8)
    return min(timer.repeat(15, number)) / number * 1e6


def report() -> str:
    """The table."""
    facts = request()
    coverage = frozenset(facts.entities)
    rows: list[list[Cell]] = []
    for size in SIZES:
        made = policy(size)
        document = json.loads(canonical(made))
        ours = microseconds(partial(decide, made, facts, coverage))
        read = microseconds(partial(plain.read, document, facts))
        spoke = len(decide(made, facts, coverage).rules)
        rows.append([f"{size} rules, of which {spoke} speak", ours, read, read / ours])
    heads = ["", "decide µs", "read rule by rule µs", "ratio"]
    return table(f"Decisions (aim: 50 rules ≤ {AIM:g} µs)", heads, rows)

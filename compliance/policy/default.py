"""The policy that a new appliance starts with, for an organisation under EU law."""

from __future__ import annotations

from compliance.policy.canonical import policy
from compliance.policy.terms import Condition, Policy, Rule
from compliance.vocabulary import Category, Effect

DEMO_APPLICATION = "demo"

_RULES = (
    Rule(
        id="credentials",
        description="Passwords, keys and tokens never reach a model.",
        when=Condition(categories=frozenset({Category.CREDENTIAL})),
        effect=Effect.BLOCK,
    ),
    Rule(
        id="special-categories",
        description="Special categories of personal data (GDPR Art. 9) never reach a model.",
        when=Condition(categories=frozenset({Category.SPECIAL})),
        effect=Effect.BLOCK,
    ),
    Rule(
        id="criminal-offences",
        description="Data on criminal offences (GDPR Art. 10) never reaches a model.",
        when=Condition(categories=frozenset({Category.CRIMINAL})),
        effect=Effect.BLOCK,
    ),
    Rule(
        id="names-unchecked",
        description="Text in a language whose names are not recognised is refused,"
        " except in the application named demo.",
        when=Condition(names_unchecked=True, applications_except=frozenset({DEMO_APPLICATION})),
        effect=Effect.BLOCK,
    ),
    Rule(
        id="payment-data",
        description="Card, account and wallet numbers are replaced by pseudonyms.",
        when=Condition(categories=frozenset({Category.PAYMENT})),
        effect=Effect.PSEUDONYMISE,
    ),
    Rule(
        id="personal-data",
        description="Other personal data is replaced by pseudonyms.",
        when=Condition(categories=frozenset({Category.PERSONAL})),
        effect=Effect.PSEUDONYMISE,
    ),
    Rule(
        id="otherwise",
        description="What no other rule restricts is allowed.",
        when=Condition(),
        effect=Effect.ALLOW,
    ),
)

DEFAULT: Policy = policy("eu-default", 1, _RULES)

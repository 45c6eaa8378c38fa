"""How the console writes times, numbers, states and codes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django import template
from django.conf.locale import LANG_INFO
from django.utils.html import format_html
from django.utils.safestring import SafeString

from compliance.models.applications import LegalBasis
from compliance.policy import words
from compliance.policy.terms import Assertion, Ignored
from compliance.vocabulary import Category, OwnEntity

register = template.Library()

SECOND = 1_000  # milliseconds
TONES = {
    "good": {
        "works",
        "active",
        "alive",
        "completed",
        "intact",
        "allow",
        "enforced",
        "signed",
        "integrated",
        "acknowledged",
        "valid",
        "can be proposed",
        "added",
        "approved",
        "accepted",
        "confined",
        "runs",
    },
    "warn": {
        "old",
        "starts",
        "ends",
        "not confined",
        "no news",
        "nothing said",
        "pseudonymise",
        "mask",
        "expired",
        "under way",
        "running",
        "silent",
        "cancelled",
        "not enforced",
        "claims otherwise",
        "waiting",
        "interrupted",
        "application inactive",
        "no answer",
        "hold",
        "proposed",
        "scheduled",
        "overtaken",
        "changed",
        "token open",
    },
    "bad": {
        "block",
        "blocked",
        "engine down",
        "refused",
        "failed",
        "lost",
        "broken",
        "revoked",
        "not signed",
        "contradicts",
        "open",
        "not accepted",
        "not valid",
        "cannot be proposed",
        "must be mended",
        "removed",
        "closed",
        "got out",
        "fails",
        "fault",
        "declined",
    },
}


@register.filter
def moment(value: Any) -> SafeString | str:
    """A time to the second, in UTC and saying so."""
    if not isinstance(value, dt.datetime):
        return "—"
    there = value.astimezone(dt.UTC)
    return format_html(
        '<time datetime="{}">{}</time>',
        there.isoformat(timespec="seconds"),
        there.strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


@register.filter
def grouped(value: Any) -> str:
    """A number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else str(value)


@register.filter
def duration(milliseconds: Any) -> str:
    """A length of time, in the unit that suits it."""
    if not isinstance(milliseconds, int):
        return "—"
    if milliseconds < SECOND:
        return f"{milliseconds} ms"
    return f"{milliseconds / SECOND:.2f} s"


@register.filter
def legal_basis(code: Any) -> Any:
    """The words of a ground of GDPR Article 6(1); the record keeps its code."""
    return dict(LegalBasis.choices).get(code, code)


CATEGORY_WORDS: Mapping[str, str] = {
    Category.PERSONAL: "personal data (GDPR Art. 4)",
    Category.SPECIAL: "special categories (GDPR Art. 9)",
    Category.CRIMINAL: "criminal offences (GDPR Art. 10)",
    Category.PAYMENT: "payment data",
    Category.CREDENTIAL: "credentials",
    Category.INDIRECT: "indirect identifiers (GDPR recital 26)",
}
FINISHED = {
    "stop": "the model had said all",
    "length": "the limit of tokens was reached",
    "tool_calls": "the model asked for a tool",
    "content_filter": "the engine filtered it",
}


@register.filter
def category(name: str) -> str:
    """A category of findings, in words."""
    return CATEGORY_WORDS.get(name, name)


@register.filter
def asserted(assertion: Assertion) -> str:
    """What a policy asserts, as a sentence."""
    return words.assertion(assertion)


@register.filter
def own_entity(entity: OwnEntity) -> str:
    """An entity of the organisation's own, as sentences."""
    return words.own(entity)


@register.filter
def ignoring(one: Ignored) -> str:
    """What does not count of all that is found, as a sentence."""
    return words.ignored(one)


@register.filter
def finished(reasons: Any) -> str:
    """Why an answer ended, in words; `reasons` are OpenAI's, one for each choice, by commas."""
    return "; ".join(FINISHED.get(word, word) for word in str(reasons).split(","))


@register.filter
def language(code: Any) -> str:
    """A language by its English name; `code` is of ISO 639-1."""
    return str(LANG_INFO.get(str(code), {}).get("name", code))


@register.simple_tag
def badge(word: str) -> SafeString:
    """A state as a coloured word. The word says it; the colour only helps."""
    tone = next((name for name, words in TONES.items() if word in words), "plain")
    return format_html('<span class="badge {}">{}</span>', tone, word)


def code(text: str) -> SafeString:
    """A name or number that is compared letter by letter."""
    return format_html("<code>{}</code>", text)


@register.filter
def lines(text: str) -> list[str]:
    """The lines of a text that are not empty, without the marks of a list."""
    return [line.strip(" -") for line in text.splitlines() if line.strip(" -")]

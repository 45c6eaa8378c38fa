"""How the console writes times, numbers and states."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

SECOND = 1_000  # milliseconds
TONES = {
    "good": {"works", "active", "alive", "completed", "intact", "allow", "enforced", "signed"},
    "warn": {
        "pseudonymise",
        "mask",
        "expired",
        "under way",
        "running",
        "silent",
        "cancelled",
        "not enforced",
        "waiting",
        "interrupted",
        "application inactive",
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


@register.simple_tag
def badge(word: str) -> SafeString:
    """A state as a coloured word. The word says it; the colour only helps."""
    tone = next((name for name, words in TONES.items() if word in words), "plain")
    return format_html('<span class="badge {}">{}</span>', tone, word)


@register.filter
def lines(text: str) -> list[str]:
    """The lines of a text that are not empty, without the marks of a list."""
    return [line.strip(" -") for line in text.splitlines() if line.strip(" -")]

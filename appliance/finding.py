"""What one look of `doctor` finds: how it stands with a thing and, if not well, what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. `mend` is empty where all is well."""

    name: str
    state: str  # ok, warning, wrong
    text: str
    mend: str = ""


def ok(name: str, text: str) -> Finding:
    """All is well."""
    return Finding(name, "ok", text)


def warning(name: str, text: str, mend: str) -> Finding:
    """It works, and something should be done."""
    return Finding(name, "warning", text, mend)


def wrong(name: str, text: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(name, "wrong", text, mend)

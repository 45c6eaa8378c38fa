"""Whether a version only tightens another, by its structure alone.

A version that adds rules which block, and lets less be kept, forbids more whatever is asked:
block is the strictest effect, and rules do not depend on each other. So one person may put it
in force. Nothing cleverer is asked here: what this accepts must be plain to whoever reads it.
"""

from __future__ import annotations

from compliance.policy.rules import Policy, Retention
from compliance.vocabulary import Effect


def tightens(old: Policy, new: Policy) -> str | None:
    """None where `new` is `old` with more rules that block, or less retention; else why not."""
    if (old.name, old.regions, old.zone) != (new.name, new.regions, new.zone):
        return "its name, time zone or regions are others"
    before = {rule.id: rule for rule in old.rules}
    after = {rule.id: rule for rule in new.rules}
    for name, rule in before.items():
        if after.get(name) != rule:
            return f"rule {name} is {'changed' if name in after else 'removed'}"
    added = [rule for name, rule in after.items() if name not in before]
    for rule in added:
        if rule.effect is not Effect.BLOCK:
            return f"rule {rule.id} is new and does not block"
    if why := _keeps_more(old.retention, new.retention):
        return why
    if not added and old.retention == new.retention:
        return "nothing in it is stricter"
    return None


def _keeps_more(old: Retention, new: Retention) -> str | None:
    for name in ("content_days", "details_days"):
        before, after = getattr(old, name), getattr(new, name)
        if before is not None and (after is None or after > before):
            return f"retention.{name} is longer"
    return None

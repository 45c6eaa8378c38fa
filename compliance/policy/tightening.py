"""Whether a version is stricter than another by its structure alone.

One signature is enough for such a version, so this must be plain enough to be seen to be right:
the same rules, rules added that only block, and content kept no longer. How decisions combine
(`decide`) makes it impossible that a rule which blocks makes anything laxer.
"""

from __future__ import annotations

from compliance.policy.terms import Policy
from compliance.vocabulary import Effect


def tightens(old: Policy, new: Policy) -> str | None:
    """None where `new` is `old` with more blocking rules or shorter keeping of content.

    Otherwise the reason why it is not, as a sentence. How long details of events are kept may
    not become less either: they are the record of what was done, also of what one person did.
    """
    for name in ("name", "zone", "regions", "assertions", "own_entities", "ignored"):
        if getattr(old, name) != getattr(new, name):
            return f"The policy's {name} differs; only blocking rules may be added."
    before = {rule.id: rule for rule in old.rules}
    after = {rule.id: rule for rule in new.rules}
    for rule in old.rules:
        if rule.id not in after:
            return f"The rule {rule.id!r} is missing; a rule may not be removed."
        if after[rule.id] != rule:
            return f"The rule {rule.id!r} differs; a rule may not be changed."
    added = [rule for rule in new.rules if rule.id not in before]
    for rule in added:
        if rule.effect is not Effect.BLOCK:
            return (
                f"The rule {rule.id!r} is new and does not block; only blocking rules may be."
            )
    if len(new.rules) != len(before) + len(added):
        return "A rule is given twice."
    return _keeps_longer(old, new) or _same(old, new, len(added))


def _keeps_longer(old: Policy, new: Policy) -> str | None:
    if old.retention.details_days != new.retention.details_days:
        return "How long details of events are kept differs; that takes two people."
    was, now = old.retention.content_days, new.retention.content_days
    if was is not None and (now is None or now > was):
        return "Content would be kept longer than before."
    return None


def _same(old: Policy, new: Policy, added: int) -> str | None:
    if not added and old.retention == new.retention:
        return "Nothing becomes stricter."
    return None

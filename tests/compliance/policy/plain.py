"""The language of policies read once more, from the document, rule by rule, as docs/policies.md
says it: nothing is prepared and nothing is remembered. `decide` must agree with it.
"""

import datetime as dt
import json
from zoneinfo import ZoneInfo

from compliance.policy.regions import memberships
from compliance.policy.rules import canonical
from compliance.vocabulary import Effect

STRICTEST = tuple(map(str, Effect)).index  # the key of the strictest


def decided(policy, facts, satisfied=frozenset()):
    """Effect, treatments, rules, sites, obligations, held rules and excluded sites."""
    return read(json.loads(canonical(policy)), facts, satisfied)


def read(document, facts, satisfied=frozenset()):
    """The same for a document that was read already."""
    found = {kind: count for kind, count in facts.entities.items() if count > 0}
    spoke = [
        (rule, kinds)
        for rule in sorted(document["rules"], key=lambda rule: rule["id"])
        if (kinds := speaks(rule["when"], facts, found, document)) is not None
    ]
    obligations = [rule.get("obligations", {}) for rule, _ in spoke]
    effects = [asked(rule, satisfied) for rule, _ in spoke]
    kinds = {kind: treated(kind, spoke) for kind in found}
    denied = not spoke or None in kinds.values()
    models = [set(one["models"]) for one in obligations if "models" in one]
    if denied or any(facts.model not in permitted for permitted in models):
        effects.append("block")
    withheld = any("withhold_reasoning" in one for one in obligations)
    if withheld and facts.serving.reasons and facts.endpoint == "completions":
        effects.append("block")
    sites, excluded = placed(spoke, facts, document)
    treatments: dict[str, str] = {}
    for (_category, entity), effect in kinds.items():
        both = [effect or "block", treatments.get(entity, "allow")]
        treatments[entity] = max(both, key=STRICTEST)
    return {
        "effect": max(effects, key=STRICTEST),
        "treatments": treatments,
        "rules": tuple(rule["id"] for rule, _ in spoke),
        "sites": sites,
        "excluded": excluded,
        "held_by": tuple(rule["id"] for rule, _ in spoke if asked(rule, satisfied) == "hold"),
        "blocked_by": tuple(rule["id"] for rule, _ in spoke if rule["effect"] == "block"),
        "content_days": least(obligations, "content_days"),
        "max_tokens": least(obligations, "max_tokens"),
        "mark_output": any(one.get("mark_output", False) for one in obligations),
        "review": any(one.get("review", False) for one in obligations),
        "withhold_reasoning": withheld,
        "realistic_pseudonyms": any("realistic_pseudonyms" in one for one in obligations),
        "mask_answers": every(obligations, "mask_answers"),
        "block_answers": every(obligations, "block_answers"),
        "models": frozenset.intersection(*map(frozenset, models)) if models else None,
    }


def every(obligations, name):
    named = [one[name] for one in obligations if name in one]
    return frozenset(value for values in named for value in values) if named else None


def asked(rule, satisfied):
    held = rule["effect"] == "hold" and rule["id"] in satisfied
    return "allow" if held else rule["effect"]


def treated(kind, spoke):
    effects = [
        "allow" if rule["effect"] == "hold" else rule["effect"]
        for rule, kinds in spoke
        if kind in kinds
    ]
    unspoken = "allow" if spoke and kind[0] == "indirect" else None
    return max(effects, key=STRICTEST) if effects else unspoken


def least(obligations, name):
    return min((one[name] for one in obligations if name in one), default=None)


def speaks(when, facts, found, document):
    """The kinds that a rule speaks of; None where it does not speak."""
    if not all(holds(name, value, facts, document) for name, value in when.items()):
        return None
    if "categories" not in when and "entities" not in when:
        return list(found)
    kinds = [
        (category, entity)
        for category, entity in found
        if category in when.get("categories", [category])
        and entity in when.get("entities", [entity])
    ]
    enough = sum(found[kind] for kind in kinds) >= when.get("at_least", 1)
    return kinds if kinds and enough else None


def holds(name, value, facts, document):
    serving = facts.serving
    tested = {
        "names_unchecked": lambda: facts.names_unchecked == value,
        "applications": lambda: facts.application in value,
        "applications_except": lambda: facts.application not in value,
        "purposes": lambda: facts.purpose in value,
        "legal_bases": lambda: facts.legal_basis in value,
        "owners": lambda: facts.owner in value,
        "declared": lambda: any(one in value for one in facts.declared),
        "subject_countries": lambda: any(one in value for one in facts.subject_countries),
        "high_risk": lambda: facts.high_risk == value,
        "models": lambda: facts.model in value,
        "licences": lambda: serving.licence in value,
        "publishers": lambda: serving.publisher in value,
        "restricted": lambda: serving.restricted == value,
        "request_class": lambda: facts.request_class == value,
        "tools_offered": lambda: (len(facts.tools) > 0) == value,
        "tools": lambda: any(one in value for one in facts.tools),
        "hours": lambda: in_hours(value, facts.time, document.get("zone", "UTC")),
    }
    return name not in tested or tested[name]()


def in_hours(hours, time, zone):
    """Looks at today's span and at the one that began yesterday, as moments of the clock."""
    now = dt.datetime.fromtimestamp(time // 10**6, dt.UTC).astimezone(ZoneInfo(zone))
    now = now.replace(tzinfo=None)
    for day in (now.date(), now.date() - dt.timedelta(days=1)):
        if day.isoweekday() not in hours.get("days", range(1, 8)):
            continue
        midnight = dt.datetime.combine(day, dt.time())
        start = midnight + span(hours.get("from", "00:00"))
        end = midnight + span(hours["to"]) if "to" in hours else midnight + dt.timedelta(days=1)
        if end <= start:
            end += dt.timedelta(days=1)
        if start <= now < end:
            return True
    return False


def span(clock):
    hours, minutes = clock.split(":")
    return dt.timedelta(hours=int(hours), minutes=int(minutes))


def placed(spoke, facts, document):
    narrow = [rule for rule, _ in spoke if "where" in rule]
    if not narrow:
        return None, {}
    excluded: dict[str, str] = {}
    for candidate in facts.serving.candidates:
        for rule in narrow:
            if not permits(rule["where"], candidate, facts.time, document.get("regions")):
                excluded.setdefault(candidate.site, rule["id"])
    names = [candidate.site for candidate in facts.serving.candidates]
    return tuple(sorted(name for name in names if name not in excluded)), excluded


def permits(where, candidate, time, edition):
    located = [
        "sites" in where and candidate.site in where["sites"],
        "countries" in where and candidate.country in where["countries"],
        any(
            candidate.country in of(region, edition, time)
            for region in where.get("regions", ())
        ),
    ]
    if {"sites", "countries", "regions"} & set(where) and not any(located):
        return False
    if "operators" in where and candidate.operator not in where["operators"]:
        return False
    if not set(where.get("certifications", ())) <= candidate.certifications:
        return False
    for name, proved in (("attested", candidate.attested), ("witnessed", candidate.witnessed)):
        most = where.get(f"{name}_within")
        if most is not None and (proved is None or time - proved > most * 10**6):
            return False
    return True


def of(region, edition, time):
    day = dt.datetime.fromtimestamp(time // 10**6, dt.UTC).date()
    return {
        one.country
        for one in memberships(edition)
        if one.region == region
        and not one.scope
        and one.since <= day
        and (one.until is None or day <= one.until)
    }

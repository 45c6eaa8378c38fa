"""GDPR Art. 15: what was found by the identifiers that a person gave.

The identifiers become values of the blind index; they are stored nowhere, and stand in the
pack's file alone. A copy of kept content is checked against the log before it goes in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from django.conf import settings

from compliance.audit import subjects, vault
from compliance.audit.keys import read_key
from compliance.audit.keystore import VaultUnreadable
from compliance.evidence.packs.configured import Configured
from compliance.evidence.packs.context import Context, PackImpossible, Part
from compliance.evidence.packs.fields import VERIFIED, Cited, Facts, Filled
from compliance.evidence.packs.reading import Verified
from compliance.evidence.packs.tally import FIRST, SCANNED, Tally
from compliance.models import Application, ContentSubject
from compliance.vocabulary import TERMINAL

KEPT_BEFORE = (
    "That is how it is configured now. The texts that are in this pack go when what was "
    "configured at the time of their requests says so."
)
NAMING = FIRST | {SCANNED}
"""The events in which applications name persons."""
IDENTIFIERS_MAX = 32
IDENTIFIER_MAX = 256  # characters


@dataclass(slots=True)
class Found:
    """One request that named the person, or whose kept content does."""

    request: str
    time: dt.datetime
    application: str | None
    how: str
    name: str = "an application"
    decision: str = "unknown"
    end: str = "under way"
    commitments: set[str] = field(default_factory=set)
    cited: Cited = field(default_factory=Cited)


def index_values(identifiers: Sequence[str]) -> frozenset[str]:
    """The blind index values under which what was typed may be found; `PackImpossible`."""
    given = [one.strip() for one in identifiers if one.strip()]
    if not given or len(given) > IDENTIFIERS_MAX:
        raise PackImpossible(
            f"Give between one and {IDENTIFIERS_MAX} identifiers of the person, one a line."
        )
    if any(len(one) > IDENTIFIER_MAX for one in given):
        raise PackImpossible(f"An identifier has at most {IDENTIFIER_MAX} characters.")
    key = read_key(settings.DOMICILE.data / "keys" / "subject-index")
    country = settings.DOMICILE.country
    return frozenset(value for one in given for value in subjects.typed(key, one, country))


def parts(context: Context) -> Iterator[Part]:
    """The fields of one case."""
    values = index_values(context.parameters.identifiers)
    in_content = frozenset(
        ContentSubject.objects.filter(subject__in=values).values_list("request", flat=True)
    )
    found: dict[str, Found] = {}
    tally, searched, blank = Tally(), Cited(), 0
    only = {str(one.pk) for one in context.applications} if _limited(context) else None
    for event in context.events():
        if only is not None and event.application not in only:
            continue
        if event.type in NAMING:
            searched.add(event)
            blank += event.detail is None
        if _concerns(event, values, in_content, found):
            _take(event, values, found)
            tally.take(event)
    facts = Facts(context.law.fields)
    note = _caveats(context, tally, blank)
    said = _searched(facts, list(found.values()), searched, note)
    said |= _counted(facts, tally, list(found.values()), context)
    said["copy"] = _copy(facts, list(found.values()), context)
    if context.files and said["retention"].origin == VERIFIED:
        said["retention"] = replace(said["retention"], note=KEPT_BEFORE)
    context.about["found_by"] = [one.strip() for one in context.parameters.identifiers]
    context.about["requests_found"] = len(found)
    yield Part(context.parameters.case, f"Case {context.parameters.case}", said)


def _limited(context: Context) -> bool:
    """Whether only some applications were asked for; a subject of one may be another's too."""
    return bool(context.parameters.applications)


def _caveats(context: Context, tally: Tally, blank: int) -> str:
    """What was not looked at, and what could not be found any more."""
    said = [tally.caveats()]
    if _limited(context):
        names = ", ".join(one.name for one in context.applications)
        said.append(f"Only requests of {names} were looked at.")
    if blank:
        said.append(
            f"Of {blank} requests the details were removed by retention rules: whom their "
            "application named can no longer be found."
        )
    return " ".join(one for one in said if one)


def _concerns(
    event: Verified, values: frozenset[str], in_content: frozenset[str], found: dict[str, Found]
) -> bool:
    if event.request is None:
        return False
    if event.type in NAMING:
        named = event.said("subjects") or ()
        return event.request in in_content or not values.isdisjoint(named)
    return event.request in found


def _take(event: Verified, values: frozenset[str], found: dict[str, Found]) -> None:
    request = str(event.request)
    if event.type in NAMING:
        named = not values.isdisjoint(event.said("subjects") or ())
        how = "named by the application" if named else "recognised in what was kept"
        found[request] = Found(request, event.time, event.application, how)
        if event.detail is not None:
            undecided = "examined only" if event.type == SCANNED else "refused"
            found[request].decision = str(event.said("decision") or undecided)
            found[request].name = str((event.said("application") or {}).get("name", ""))
        if event.type != "request.admitted":
            found[request].end = event.type.partition(".")[2]
    one = found[request]
    one.cited.add(event)
    if event.type in TERMINAL:
        one.end = event.type.partition(".")[2]
    if event.content:
        one.commitments.add(event.content)


def _searched(
    facts: Facts, found: Sequence[Found], searched: Cited, note: str
) -> dict[str, Filled]:
    cited = Cited().take(*(one.cited for one in found))
    lines = [
        f"{one.time:%Y-%m-%d %H:%M:%S} UTC: request {one.request} of {one.name}, "
        f"{one.decision}, {one.end}; {one.how}"
        for one in found
    ]
    rows = [
        {
            "request": one.request,
            "time": one.time.isoformat(),
            "application": one.name,
            "decision": one.decision,
            "end": one.end,
            "found": one.how,
        }
        for one in found
    ]
    if not found:
        words = "No request of the period was found by these identifiers."
        if not searched:
            note = f"There was no request at all. {note}".strip()
        return {
            "confirmation": facts.verified(
                "confirmation", words, searched, {"requests": 0}, note
            )
        }
    words = f"Yes: {len(found)} requests of the period were found by these identifiers."
    return {
        "confirmation": facts.verified(
            "confirmation", words, cited, {"requests": len(found)}, note
        ),
        "requests": facts.verified("requests", "\n".join(lines), cited, {"requests": rows}),
    }


def _counted(
    facts: Facts, tally: Tally, found: Sequence[Found], context: Context
) -> dict[str, Filled]:
    nothing = "No request was found by these identifiers."
    if not found:
        names = ("purposes", "categories", "recipients", "source", "transfers", "retention")
        return {name: facts.missing(name, nothing) for name in (*names, "requests")}
    ids = {one.application for one in found if one.application}
    owners = list(Application.objects.filter(pk__in=ids).order_by("name"))
    elsewhere = "None of these requests was answered anywhere."
    configured = Configured(context.reading)
    return {
        "purposes": facts.verified(
            "purposes",
            "\n".join(sorted(tally.purposes)),
            Cited().take(*tally.purposes.values()),
            note=tally.caveats(),
        ),
        "categories": facts.verified(
            "categories",
            tally.found(),
            tally.examined,
            {"categories": dict(tally.categories), "entities": dict(tally.entities)},
            tally.caveats(),
        ),
        "recipients": facts.verified(
            "recipients",
            tally.answered_at(),
            tally.placed,
            note=tally.note(tally.placed, elsewhere),
        ),
        "transfers": facts.verified(
            "transfers",
            tally.transferred(),
            tally.placed,
            {"countries": list(tally.countries), "third": list(tally.third_countries)},
            tally.note(tally.placed, elsewhere),
        ),
        "source": _source(facts, owners, configured, tally),
        "retention": _retention(facts, owners, configured),
    }


def _source(
    facts: Facts, owners: Sequence[Application], configured: Configured, tally: Tally
) -> Filled:
    cited, names = Cited().take(tally.first), []
    for one in owners:
        known, entries, wrong = configured.values(one, ("name", "owner"))
        if wrong:
            return facts.missing("source", f"{one.name}: {wrong}")
        cited.take(entries)
        names.append(f"{known['name']} ({known['owner']})")
    return facts.verified("source", "Sent by: " + ", ".join(names), cited)


def _retention(facts: Facts, owners: Sequence[Application], configured: Configured) -> Filled:
    cited, lines = Cited(), []
    for one in owners:
        words, entries, wrong, _ = configured.kept(one)
        if wrong:
            return facts.missing("retention", f"{one.name}: {wrong}")
        cited.take(entries)
        lines.append(f"{one.name}\n{words}")
    return facts.verified("retention", "\n\n".join(lines), cited)


def _copy(facts: Facts, found: Sequence[Found], context: Context) -> Filled:
    """The kept texts, as files of the pack; each is one that the log commits to."""
    cited, names, unread = Cited(), [], 0
    for one in found:
        try:
            kept = vault.read(one.request)
        except VaultUnreadable:
            unread += 1
            continue
        for part, key, text in kept:
            if not any(vault.matches(given, key, text) for given in one.commitments):
                raise PackImpossible(
                    f"What is kept of request {one.request} is not what the log commits to. "
                    "Run `manage.py audit verify`."
                )
            name = f"contents/{one.request}-{part}.json"
            context.files[name] = text
            context.kept.add(one.request)
            names.append(name)
            cited.take(one.cited)
    note = f"The kept content of {unread} requests could not be opened." if unread else ""
    if not names:
        return facts.missing("copy", note or "Nothing is kept of these requests: no content.")
    words = f"{len(names)} texts, as files of this pack:\n" + "\n".join(names)
    return facts.verified("copy", words, cited, {"files": names}, note)

"""DORA Art. 28(3): the appliance in the register of information."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from compliance.evidence.packs import register
from compliance.evidence.packs.configured import Configured
from compliance.evidence.packs.context import Context, Part
from compliance.evidence.packs.fields import OFFICER, VERIFIED, Cited, Facts, Filled, Section
from compliance.evidence.packs.kinds import CELL_MAX, plain
from compliance.evidence.packs.models import on_record
from compliance.evidence.packs.reading import Verified
from compliance.evidence.packs.tally import Tally
from compliance.models import Application

SITE = "site.registered"
UNFIT = (
    "Name or purpose has more than one line, is too long, or begins with a sign that a "
    "spreadsheet computes; a table for machines cannot hold it as it is. Change the purpose."
)
NO_REQUEST = "No request of it was answered in the period."
SITES_INSTEAD = "The countries of the registered sites stand in the table instead."


def parts(context: Context) -> Iterator[Part]:
    """The organisation's facts, then each application's."""
    tallies = {str(one.pk): Tally() for one in context.applications}
    for event in context.events():
        if event.application in tallies:
            tallies[event.application].take(event)
    facts = Facts(context.law.fields)
    yield Part("", "", _house(facts, context))
    configured = Configured(context.reading)
    for one in context.applications:
        tally = tallies[str(one.pk)]
        said = {
            "function": _function(facts, configured, one),
            "processing": facts.verified(
                "processing",
                tally.answered_at(),
                tally.placed,
                {"countries": list(tally.countries)},
                _processing(tally),
            ),
        }
        yield Part(str(one.pk), one.name, said)


def _processing(tally: Tally) -> str:
    note = tally.note(tally.placed, NO_REQUEST)
    return note if tally.placed else f"{note} {SITES_INSTEAD}"


def _house(facts: Facts, context: Context) -> dict[str, Filled]:
    sites = {str(one.said("site")): one for one in context.reading.of_types(SITE)}
    models = on_record(context.reading)
    return {
        "sites": facts.verified(
            "sites",
            "\n".join(f"{name} ({one.said('country')})" for name, one in sorted(sites.items())),
            _cited(sites.values()),
            {"countries": sorted({str(one.said("country")) for one in sites.values()})},
            "" if sites else "No registration of a site is under the log's checkpoint.",
        ),
        "models": facts.verified(
            "models",
            "\n".join(f"{one.name}: {one.licence}; {one.origin}" for one in models),
            Cited().take(*(one.cited for one in models)),
            note="" if models else "No model is registered.",
        ),
    }


def _cited(events: Iterable[Verified]) -> Cited:
    return Cited().add(*events)


def _function(facts: Facts, known: Configured, one: Application) -> Filled:
    about, cited, wrong = known.values(one, ("name", "purpose"))
    if wrong:
        return facts.missing("function", wrong)
    words = f"{about['name']}: {about['purpose']}"
    if not plain(words) or "\n" in words or len(words) > CELL_MAX:
        return facts.missing("function", UNFIT)
    return facts.verified("function", words, cited)


def files(context: Context, sections: Sequence[Section]) -> Mapping[str, bytes]:
    """What stands where, and the report package where it can be named."""
    house = _answers(sections[0])
    sites = _countries(sections[0], "sites")
    functions = [
        (one.title, _answers(one), _countries(one, "processing") or sites)
        for one in sections[1:]
    ]
    found = register.tables(context.law, house, functions, context.now.date())
    name = register.package_name(house, context.now)
    made = {f"report/{name}.zip": register.package(name, found, house)} if name else {}
    return {"register.txt": _words(found, name, context).encode(), **made}


def _answers(section: Section) -> dict[str, str]:
    """What goes into tables, by field: answers as they are kept, and verified values."""
    return {
        one.law.id: str((one.data or {}).get("code", one.value))
        for one in section.fields
        if one.origin == OFFICER or (one.origin == VERIFIED and one.law.id == "function")
    }


def _countries(section: Section, name: str) -> list[str]:
    known = next(one for one in section.fields if one.law.id == name)
    return list((known.data or {}).get("countries", ()))


def _words(found: register.Tables, name: str, context: Context) -> str:
    """For people: the tables with their rows, what was left out, what was not checked."""
    labels = {one.id: one.label for one in context.law.fields}
    lines = [
        f"Report package: report/{name}.zip"
        if name
        else "No report package was made. It takes: "
        + ", ".join(labels[one] for one in register.NAMED)
        + ".",
        "",
        *(f"{one}, rows: {len(found.rows.get(one, ()))}" for one in found.law.tables),
        "",
        "Left out:" if found.left_out else "No row was left out.",
        *(f"- {one}" for one in found.left_out),
        "",
        "Checked: keys that are there, check digits of LEIs, forms of codes, one line in each",
        "cell, no cell that a spreadsheet computes. Not checked: the EBA's validation rules,",
        f"its taxonomy ({register.MODULE}),",
        "whether identifiers exist, and the other rows of your register.",
        "",
    ]
    return "\n".join(lines)

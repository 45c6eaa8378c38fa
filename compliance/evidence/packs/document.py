"""A pack as JSON and as a table: what machines read."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import orjson

from compliance.evidence.packs.context import Context
from compliance.evidence.packs.covered import Covered
from compliance.evidence.packs.deadlines import Deadline
from compliance.evidence.packs.fields import UNPROVEN, VERIFIED, Filled, Section, counts
from compliance.evidence.packs.kinds import FORMULA
from compliance.evidence.packs.law import FieldLaw, Law

FORMAT, VERSION = "domicile-pack", 3
_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS


def document(
    context: Context, sections: Sequence[Section], deadlines: Sequence[Deadline]
) -> dict[str, Any]:
    """The whole pack; `pack.schema.json` describes it."""
    reading, period = context.reading, context.reading.period
    return {
        "format": FORMAT,
        "v": VERSION,
        "pack": context.law.id,
        "law": law(context.law),
        "created": context.now.isoformat(timespec="seconds"),
        "by": context.actor,
        "period": {
            "from": period.since.isoformat() if period.since else None,
            "to": period.until.isoformat() if period.until else None,
        },
        "log": {
            "generations": [_generation(one) for one in reading.generations],
            "notes": list(reading.words),
            "witness_policy": reading.policy,
        },
        "fields": counts(sections),
        "deadlines": [_deadline(one, context) for one in deadlines],
        "sections": [
            {
                "subject": one.subject,
                "title": one.title,
                "fields": [_field(filled) for filled in one.fields],
            }
            for one in sections
        ],
        **context.about,
    }


def _generation(one: Covered) -> dict[str, Any]:
    return {
        "origin": one.state.origin,
        "generation": one.number,
        "size": one.state.size,
        "root": one.state.root.hex(),
        "begin": one.begin,
        "end": one.end,
        "checkpoint": one.note.decode(),
        "cosigned": one.cosigned.decode(),
    }


def law(said: Law) -> dict[str, Any]:
    """The regulation and how sure its reading is."""
    act = said.regulation
    return {
        "title": said.title,
        "form": said.form,
        "as_of": said.as_of.isoformat(),
        "notes": list(said.notes),
        "name": act.name,
        "number": act.number,
        "oj": act.oj,
        "eli": act.eli,
        "status": act.status,
        "applies_from": act.applies_from.isoformat(),
        "sure": act.sure,
        "note": act.note,
    }


def _demanded(said: FieldLaw) -> list[dict[str, str]]:
    return [
        {"article": one.article, "paragraph": one.paragraph, "point": one.point}
        for one in said.demanded_by
    ]


def _field(filled: Filled) -> dict[str, Any]:
    said = filled.law
    return {
        "id": said.id,
        "label": said.label,
        "demanded_by": _demanded(said),
        "need": said.need,
        "status": said.status,
        "sure": said.sure,
        "reading": said.note,
        "origin": filled.origin,
        "value": filled.value,
        "default": filled.default,
        "entries": [list(one) for one in filled.entries],
        "data": dict(filled.data) if filled.data is not None else None,
        "actor": filled.actor,
        "time": filled.time.isoformat(timespec="seconds") if filled.time else None,
        "note": filled.note,
    }


def _deadline(one: Deadline, context: Context) -> dict[str, Any]:
    return {
        "id": one.law.id,
        "label": one.law.label,
        "law": one.law.law,
        "amount": one.law.amount,
        "unit": one.law.unit,
        "sure": one.law.sure,
        "reading": one.law.note,
        "began": one.began.isoformat() if one.began else None,
        "due": one.due.isoformat() if one.due else None,
        "met": one.met.isoformat() if one.met else None,
        "state": one.state(context.now),
    }


def as_json(said: dict[str, Any]) -> bytes:
    """Indented, with sorted keys, so that two packs can be compared."""
    return orjson.dumps(said, option=_OPTIONS) + b"\n"


def as_csv(said: Law, sections: Sequence[Section]) -> bytes:
    """A row for each application: what the organisation and the application answer.

    RFC 4180 in UTF-8 with a byte order mark, by which spreadsheets know it. No value is taken
    for a formula: such a one begins with an apostrophe.
    """
    shared = {one.law.id: one for one in sections[0].fields} if sections else {}
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    columns = [text for one in said.fields for text in (_column(one), f"{one.label}: origin")]
    writer.writerow(safe(text) for text in columns)
    for one in sections[1:]:
        own = {filled.law.id: filled for filled in one.fields}
        known = [own.get(law.id) or shared[law.id] for law in said.fields]
        writer.writerow(safe(text) for filled in known for text in _cells(filled))
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _column(said: FieldLaw) -> str:
    return f"{said.label} ({said.sources})" if said.demanded_by else said.label


def _cells(filled: Filled) -> tuple[str, str]:
    if filled.origin in (VERIFIED, UNPROVEN):
        known = "verified" if filled.origin == VERIFIED else "not proven"
        return filled.value, f"{known}, {filled.count} entries"
    if filled.actor and filled.time is not None:
        return filled.value, f"officer {filled.actor}, {filled.time:%Y-%m-%d %H:%M} UTC"
    return filled.value if filled.default else "", "missing" + (
        " (default text, confirmed by nobody)" if filled.default else ""
    )


def safe(text: str) -> str:
    """The text, so that no spreadsheet computes it."""
    return f"'{text}" if text.startswith(FORMULA) else text

"""A pack as PDF: what a regulator reads.

Text is put on paper as it is. What the font has no shape for becomes a box, and the page says
that `pack.json`, which is attached to it, has the text whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import groupby

from compliance.evidence.packs.context import Context
from compliance.evidence.packs.deadlines import Deadline
from compliance.evidence.packs.document import as_json, document
from compliance.evidence.packs.fields import (
    MISSING,
    UNPROVEN,
    VERIFIED,
    Filled,
    Section,
    counts,
    in_words,
)
from compliance.evidence.packs.reading import Ranges
from compliance.evidence.paper import page
from compliance.evidence.paper.certificate import Signer
from compliance.evidence.paper.issue import issued
from compliance.evidence.paper.page import Attached, Block, Paper

RANGES_SHOWN = 12
LINES_SHOWN = 500  # of one value
WHOLE = "pack.json"


def paper(
    context: Context,
    sections: Sequence[Section],
    deadlines: Sequence[Deadline],
    signer: Signer,
) -> bytes:
    """The PDF, signed; raises `PaperImpossible`."""
    said = as_json(document(context, sections, deadlines)).decode()
    paper = Paper(
        title=f"{context.law.title} ({context.law.form})",
        author="Domicile",
        foot=f"{context.law.form}. {context.now:%Y-%m-%d %H:%M} UTC.",
        created=context.now,
        blocks=_blocks(context, sections, deadlines),
        attached=Attached(WHOLE, said, "The same pack for machines."),
    )
    return issued(paper, signer)


def _blocks(
    context: Context, sections: Sequence[Section], deadlines: Sequence[Deadline]
) -> Iterator[Block]:
    yield page.title(context.law.title)
    yield from _text(context.law.form)
    yield from _lead(context, sections)
    if deadlines:
        yield page.heading("Deadlines")
    for one in deadlines:
        yield page.label(one.law.label, one.law.law)
        late = one.state(context.now) in ("overdue", "late", "not begun")
        yield from _text(one.words(context.now), "loud" if late else "text")
        yield from _text(
            f"Our reading{'' if one.law.sure else ', unsure'}: {one.law.note}", "quiet"
        )
    for section in sections:
        if not section.fields:
            continue  # a pack that asks nothing of the organisation
        yield page.heading(section.title)
        for filled in section.fields:
            yield from _field(filled)
    yield from _sources(context)


def _lead(context: Context, sections: Sequence[Section]) -> Iterator[Block]:
    period, reading, found = context.reading.period, context.reading, counts(sections)
    since = _moment(period.since) if period.since else "the beginning"
    until = f"{_moment(period.until)}, exclusive" if period.until else "the checkpoint"
    yield from _text(f"Period: from {since} to {until} ({_shown(reading.read)}).")
    yield from _text(
        f"Made {context.now:%Y-%m-%d %H:%M:%S} UTC by {context.actor}. Fields: "
        f"{in_words(found)}.",
    )
    for note in context.law.notes:
        yield from _text(note)
    if given := context.about.get("found_by"):
        yield from _text('Found by these identifiers, never "all":')
        yield from _text("\n".join(str(one) for one in given), "value")  # type: ignore[attr-defined]


def _moment(moment: dt.datetime) -> str:
    """To the minute, or as exactly as it was asked for."""
    exact = moment.second or moment.microsecond
    spec = "auto" if exact else "minutes"
    return f"{moment.replace(tzinfo=None).isoformat(sep=' ', timespec=spec)} {moment:%Z}"


def _shown(read: Ranges) -> str:
    return f"entries of {_listed(read)}" if read else "no entry"


def _field(filled: Filled) -> Iterator[Block]:
    law = filled.law
    source = f"{law.sources}; {law.need}" if law.demanded_by else "not demanded; an addition"
    if law.demanded_by and law.need == "addition":
        source = f"{law.sources}; an addition"
    yield page.label(law.label, source)
    if filled.origin == MISSING and not filled.default:
        yield from _text("MISSING", "loud")
    elif filled.default:
        yield from _text("MISSING: nobody confirmed this default text of the product:", "loud")
    elif filled.origin == UNPROVEN:
        yield from _text("NOT PROVEN:", "loud")
    yield from value(filled.value)
    yield from _text(_origin(filled), "quiet")
    yield from _text(filled.note, "quiet")
    if not law.sure:
        status = "" if law.status == "unsure" else f" ({law.status})"
        yield from _text(f"Reading of the law unsure{status}: {law.note}", "quiet")
    elif law.note:
        yield from _text(law.note, "quiet")


def value(text: str) -> Iterator[Block]:
    """What was counted or typed, apart from the paper's own words; of many lines the first."""
    lines = text.split("\n")
    yield from _text("\n".join(lines[:LINES_SHOWN]), "value")
    if len(lines) > LINES_SHOWN:
        rest = f"(There are {len(lines) - LINES_SHOWN} more lines; {WHOLE} has them.)"
        yield from _text(rest, "quiet")


def _origin(filled: Filled) -> str:
    if filled.origin in (VERIFIED, UNPROVEN):
        return f"{'Verified' if filled.origin == VERIFIED else 'Counted'}: {ranges(filled)}."
    if filled.time is not None:
        return f"Typed by {filled.actor}, {filled.time:%Y-%m-%d %H:%M:%S} UTC."
    return ""


def ranges(filled: Filled) -> str:
    """The entries that a value rests on, in words; the first of many."""
    more = max(0, len(filled.entries) - RANGES_SHOWN)
    rest = f" and {more} more ranges (see pack.json)" if more else ""
    shown = _listed(filled.entries[:RANGES_SHOWN])
    noun = "entry" if filled.count == 1 else "entries"
    return f"{filled.count} {noun} of the log: {shown}{rest}"


def _listed(found: Ranges) -> str:
    """Numbers of entries, after the generation that they are of."""
    return "; ".join(
        f"generation {number}: "
        + ", ".join(
            str(begin) if end == begin + 1 else f"{begin} to {end - 1}"
            for _, begin, end in ranges
        )
        for number, ranges in groupby(found, key=lambda one: one[0])
    )


def _sources(context: Context) -> Iterator[Block]:
    act, reading = context.law.regulation, context.reading
    yield page.heading("Sources")
    yield from _text(
        f"{act.name}, {act.number}, {act.oj}, {act.eli}. Status: {act.status}; applies from "
        f"{act.applies_from.isoformat()}. Read as of {context.law.as_of.isoformat()}.",
    )
    yield from _text(("" if act.sure else "Unsure: ") + act.note)
    yield page.heading("What is verified, and what is not")
    yield from _text(
        "Verified values were counted from entries of the log. Each entry was hashed and is "
        "under the signed checkpoint of its generation; each detail is the one its entry "
        "commits to.",
    )
    for one in reading.generations:
        yield from _text(
            f"{one.state.origin} (generation {one.number}): checkpoint of {one.state.size} "
            f"entries. Root: {one.state.root.hex()}.",
        )
    yield from _text("\n".join(reading.words))
    yield from _text(
        "This shows what was recorded, not that nothing else happened. What an officer typed "
        "is the officer's word. Nothing in this file is legal advice. To check it without this "
        f"appliance, ask for evidence of the same entries ({_shown(reading.read)}): it comes "
        "with a verifier of its own.",
    )


def _text(text: str, style: str = "text") -> Iterator[Block]:
    yield from page.text(text, style, whole_in=WHOLE)

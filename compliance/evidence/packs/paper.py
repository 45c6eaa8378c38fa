"""A pack as PDF: what a regulator reads.

Text is put on paper as it is: nothing that was typed is taken for markup. Characters that the
font has no shape for become a box, and the page says that `pack.json` has the text whole; so
does text written from right to left, whose order this paper cannot keep.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import ttf_opensans  # type: ignore[import-untyped]
from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    HRFlowable,
    PageTemplate,
    Paragraph,
    Spacer,
)

from compliance.evidence.packs.context import Context
from compliance.evidence.packs.deadlines import Deadline
from compliance.evidence.packs.fields import MISSING, VERIFIED, Filled, Section, counts

REGULAR, BOLD = "Domicile", "Domicile-Bold"
MARGIN = 20 * mm
RANGES_SHOWN = 12
BOX = "\ufffd"
SAID_ELSEWHERE = "(Some characters of this text cannot be shown here; pack.json has it whole.)"


@cache
def _fonts() -> frozenset[int]:
    """Register the fonts; the code points that both have a shape for."""
    known: set[int] | None = None
    for name, font in ((REGULAR, "OpenSans-Regular"), (BOLD, "OpenSans-Bold")):
        path = Path(ttf_opensans.TTF_BIN_FOLDER) / f"{font}.ttf"
        face = TTFont(name, str(path))
        pdfmetrics.registerFont(face)
        shapes = set(face.face.charToGlyph)
        known = shapes if known is None else known & shapes
    return frozenset(known or ())


def _style(name: str, size: float, **more: Any) -> ParagraphStyle:
    plain = {
        "fontName": REGULAR,
        "leading": size * 1.35,
        "alignment": TA_LEFT,
        "splitLongWords": 1,
    }
    return ParagraphStyle(name, fontSize=size, **{**plain, **more})


TITLE = _style("title", 20, fontName=BOLD, spaceAfter=2 * mm)
FORM = _style("form", 12, spaceAfter=4 * mm)
HEADING = _style("heading", 14, fontName=BOLD, spaceBefore=6 * mm, spaceAfter=2 * mm)
LABEL = _style("label", 10, fontName=BOLD, spaceBefore=4 * mm, keepWithNext=1)
VALUE = _style("value", 10)
QUIET = _style("quiet", 8, textColor=colors.HexColor("#444444"))
LOUD = _style("loud", 10, fontName=BOLD, textColor=colors.HexColor("#9b1c1c"))


def paper(
    context: Context, sections: Sequence[Section], deadlines: Sequence[Deadline]
) -> bytes:
    """The PDF, with page numbers, title and language."""
    _fonts()
    out = io.BytesIO()
    template = BaseDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=f"{context.law.title} ({context.law.form})",
        author="Domicile",
        lang="en",
        invariant=1,
    )
    frame = Frame(MARGIN, MARGIN, A4[0] - 2 * MARGIN, A4[1] - 2 * MARGIN, 0, 0, 0, 0)
    template.addPageTemplates(PageTemplate("page", [frame]))
    foot = f"{context.law.form}. {context.now:%Y-%m-%d %H:%M} UTC. Page "
    story = list(_story(context, sections, deadlines))
    template.build(story, canvasmaker=lambda *a, **k: _Numbered(foot, *a, **k))
    return out.getvalue()


class _Numbered(Canvas):
    """Writes "Page n of m" below each page, once m is known."""

    def __init__(self, foot: str, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._foot = foot
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - as reportlab calls it
        self._pages.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]

    def save(self) -> None:
        for number, page in enumerate(self._pages, start=1):
            self.__dict__.update(page)
            self.setFont(REGULAR, 8)
            self.drawString(MARGIN, MARGIN / 2, f"{self._foot}{number} of {len(self._pages)}")
            super().showPage()
        super().save()


def _story(
    context: Context, sections: Sequence[Section], deadlines: Sequence[Deadline]
) -> Iterator[Flowable]:
    yield Paragraph(escape(context.law.title), TITLE)
    yield Paragraph(escape(context.law.form), FORM)
    yield from _lead(context, sections)
    for one in deadlines:
        yield Paragraph(escape(f"{one.law.label} ({one.law.law})"), LABEL)
        late = one.state(context.now) in ("overdue", "late", "not begun")
        yield from _text(one.words(context.now), LOUD if late else VALUE)
        yield from _text(
            f"Our reading{'' if one.law.sure else ', unsure'}: {one.law.note}", QUIET
        )
    for section in sections:
        yield Paragraph(escape(_shown(section.title)[0]), HEADING)
        yield HRFlowable(width="100%", thickness=0.5, color=colors.HexColor("#888888"))
        for filled in section.fields:
            yield from _field(filled)
    yield from _sources(context)


def _lead(context: Context, sections: Sequence[Section]) -> Iterator[Flowable]:
    period, reading, found = context.reading.period, context.reading, counts(sections)
    since = f"{period.since:%Y-%m-%d %H:%M %Z}" if period.since else "the beginning"
    until = f"{period.until:%Y-%m-%d %H:%M %Z}" if period.until else "the checkpoint"
    covered = f"entries {reading.begin} to {reading.end - 1}" if reading.end else "no entry"
    yield from _text(f"Period: from {since} to {until} ({covered}).", VALUE)
    yield from _text(
        f"Made {context.now:%Y-%m-%d %H:%M:%S} UTC by {context.actor}. Fields: "
        f"{found['verified']} verified, {found['officer']} typed by an officer, "
        f"{found['missing']} missing.",
        VALUE,
    )
    for note in context.law.notes:
        yield from _text(note, VALUE)
    if given := context.about.get("found_by"):
        yield from _text('Found by these identifiers, never "all":', LABEL)
        yield from _text("\n".join(str(one) for one in given), VALUE)  # type: ignore[attr-defined]
    yield Spacer(1, 2 * mm)


def _field(filled: Filled) -> Iterator[Flowable]:
    law = filled.law
    source = f"{law.sources}; {law.need}" if law.demanded_by else "not demanded; an addition"
    if law.demanded_by and law.need == "addition":
        source = f"{law.sources}; an addition"
    yield Paragraph(
        f'{escape(law.label)} <font name="{REGULAR}" size="8">({escape(source)})</font>', LABEL
    )
    if filled.origin == MISSING and not filled.default:
        yield from _text("MISSING", LOUD)
    elif filled.default:
        yield from _text("MISSING: nobody confirmed this default text of the product:", LOUD)
    yield from _text(filled.value, VALUE)
    yield from _text(_origin(filled), QUIET)
    yield from _text(filled.note, QUIET)
    if not law.sure:
        yield from _text(f"Reading of the law unsure ({law.status}): {law.note}", QUIET)
    elif law.note:
        yield from _text(law.note, QUIET)


def _origin(filled: Filled) -> str:
    if filled.origin == VERIFIED:
        return f"Verified: {ranges(filled)}."
    if filled.time is not None:
        return f"Typed by {filled.actor}, {filled.time:%Y-%m-%d %H:%M:%S} UTC."
    return ""


def ranges(filled: Filled) -> str:
    """The entries that a value rests on, in words; the first of many."""
    shown = [
        str(begin) if end == begin + 1 else f"{begin} to {end - 1}"
        for begin, end in filled.entries[:RANGES_SHOWN]
    ]
    more = len(filled.entries) - len(shown)
    rest = f" and {more} more ranges (see pack.json)" if more else ""
    noun = "entry" if filled.count == 1 else "entries"
    return f"{filled.count} {noun} of the log: {', '.join(shown)}{rest}"


def _sources(context: Context) -> Iterator[Flowable]:
    act, reading = context.law.regulation, context.reading
    yield Paragraph("Sources", HEADING)
    yield from _text(
        f"{act.name}, {act.number}, {act.oj}, {act.eli}. Status: {act.status}; applies from "
        f"{act.applies_from.isoformat()}. Read as of {context.law.as_of.isoformat()}.",
        VALUE,
    )
    yield from _text(("" if act.sure else "Unsure: ") + act.note, VALUE)
    yield Paragraph("What is verified, and what is not", HEADING)
    yield from _text(
        f"Verified values were counted from entries of the log {reading.state.origin} "
        f"(generation {reading.generation}). Each entry was hashed and is under the signed "
        f"checkpoint of {reading.state.size} entries; each detail is the one its entry commits "
        f"to. Root: {reading.state.root.hex()}.",
        VALUE,
    )
    yield from _text(
        "This shows what was recorded, not that nothing else happened. What an officer typed "
        "is the officer's word. Nothing in this file is legal advice. To check it without this "
        f"appliance, ask for evidence of entries {reading.begin} to "
        f"{max(reading.end - 1, reading.begin)}: it comes with a verifier of its own.",
        VALUE,
    )


def _text(text: str, style: ParagraphStyle) -> Iterator[Flowable]:
    """A paragraph for each line, so that a long text flows over pages."""
    shown, whole = _shown(text)
    for line in shown.split("\n"):
        if line.strip():
            yield Paragraph(escape(line), style)
    if not whole:
        yield Paragraph(escape(SAID_ELSEWHERE), QUIET)


def _shown(text: str) -> tuple[str, bool]:
    """The text with boxes for what the font lacks, and whether it is whole and in order."""
    known = _fonts()
    whole = True
    out = []
    for sign in unicodedata.normalize("NFC", text):
        if sign in "\n\t" or sign == " ":
            out.append(" " if sign == "\t" else sign)
            continue
        odd = ord(sign) not in known or unicodedata.bidirectional(sign) in (
            "R",
            "AL",
            "RLE",
            "RLO",
        )
        whole = whole and not odd
        out.append(BOX if odd else sign)
    return "".join(out), whole

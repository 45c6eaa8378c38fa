"""The report of an export: a PDF for people, beside what programs check.

It counts what the export shows, says what that proves and what it does not, and how the
receiver checks it. It is a view: its own digest stands in the manifest, and nothing in it is
evidence by itself. Fonts are embedded; title and language are set; it asks for no network.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import ttf_opensans  # type: ignore[import-untyped]
from reportlab.lib import colors
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
    LongTable,
    PageTemplate,
    Paragraph,
    Spacer,
    TableStyle,
)

from compliance.audit.checkpoint import parse_verifier_key
from compliance.evidence.tables import Line, Sink

REGULAR, BOLD = "Report", "Report-Bold"
MARGIN = 20 * mm
WIDTH = A4[0] - 2 * MARGIN
DAYS_SHOWN = 400  # of a longer period the report shows months
LONGEST = 300  # characters of a name on paper
TITLE = "Report of an export of the log"
PROVES = (
    (
        "Every entry of the range is there, in the order in which it was put on record, "
        "unchanged since the checkpoint was signed."
    ),
    "Each detail shown is the one that its entry commits to.",
    (
        "Of the applications and types in scope, no detail was left out but those that a rule "
        "on record removed."
    ),
)


@dataclass(slots=True)
class Counts:
    """What the export shows, by application, decision, category, type and day."""

    applications: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    categories: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    days: Counter[str] = field(default_factory=Counter)

    def add(self, line: Line) -> None:
        """Count one event whose detail is in the export."""
        said = line.detail
        owner = said.get("application")
        name = owner.get("name") if isinstance(owner, dict) else None
        if name or line.application:
            self.applications[str(name or line.application)] += 1
        if said.get("decision"):
            self.decisions[str(said["decision"])] += 1
        found = said.get("categories")
        for category, count in found.items() if isinstance(found, dict) else ():
            self.categories[str(category)] += count if isinstance(count, int) else 0
        self.types[str(line.entry.get("type"))] += 1
        self.days[line.time[:10]] += 1

    def counted(self, lines: Iterable[Line]) -> Iterator[Line]:
        """The same lines, counted as they pass."""
        for line in lines:
            self.add(line)
            yield line


@dataclass(frozen=True, slots=True)
class Report:
    """What the report says. `files` are those of the manifest so far, by name."""

    origin: str
    begin: int
    end: int
    size: int
    created: str  # UTC
    scope: tuple[str, ...]  # in words
    details: int
    removed: int
    contents: int
    counts: Counts
    checkpoint: str
    verifier_key: str
    not_proven: tuple[str, ...]
    files: Mapping[str, Mapping[str, Any]]


def fingerprint(verifier_key: str) -> str:
    """SHA-256 of the log's public key, in hex, as both verifiers print it."""
    return hashlib.sha256(parse_verifier_key(verifier_key.strip())[1]).hexdigest()


def write(report: Report, out: Sink) -> None:
    """The PDF. The same report is the same file."""
    _fonts()
    whole = io.BytesIO()
    template = BaseDocTemplate(
        whole,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=f"{TITLE} {report.origin}",
        author=report.origin,
        lang="en-GB",
        invariant=1,
    )
    frame = Frame(MARGIN, MARGIN, WIDTH, A4[1] - 2 * MARGIN, 0, 0, 0, 0)
    template.addPageTemplates(PageTemplate("page", [frame]))
    foot = f"{report.origin}, entries {report.begin} to {report.end - 1}. Page "
    template.build(
        list(_story(report)), canvasmaker=lambda *a, **k: _Numbered(_shown(foot), *a, **k)
    )
    out.write(whole.getvalue())


@cache
def _fonts() -> frozenset[int]:
    """Register the fonts; the code points that both have a shape for."""
    known: list[frozenset[int]] = []
    for name, font in ((REGULAR, "OpenSans-Regular"), (BOLD, "OpenSans-Bold")):
        face = TTFont(name, str(Path(ttf_opensans.TTF_BIN_FOLDER) / f"{font}.ttf"))
        pdfmetrics.registerFont(face)
        known.append(frozenset(face.face.charToGlyph))
    return known[0] & known[1]


def _style(name: str, size: float, **more: Any) -> ParagraphStyle:
    plain = {"fontName": REGULAR, "leading": size * 1.35, "splitLongWords": 1}
    return ParagraphStyle(name, fontSize=size, **{**plain, **more})


HEAD = _style("head", 19, fontName=BOLD, spaceAfter=3 * mm)
HEADING = _style("heading", 13, fontName=BOLD, spaceBefore=6 * mm, spaceAfter=2 * mm)
TEXT = _style("text", 10, spaceAfter=1.2 * mm)
SMALL = _style("small", 8)
LINES = TableStyle(
    [
        ("FONT", (0, 0), (-1, -1), REGULAR, 9),
        ("FONT", (0, 0), (-1, 0), BOLD, 9),
        ("LINEBELOW", (0, 0), (-1, -1), 0.3, colors.HexColor("#999999")),
        ("ALIGN", (1, 0), (1, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
)


class _Numbered(Canvas):
    """Writes "Page n of m" below each page, once m is known."""

    def __init__(self, foot: str, *given: Any, **named: Any) -> None:
        super().__init__(*given, **{**named, "initialFontName": REGULAR})
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


def _story(report: Report) -> Iterator[Flowable]:
    yield Paragraph(TITLE, HEAD)
    yield from _texts(
        f"Log: {report.origin}",
        f"Entries {report.begin} to {report.end - 1}, of {report.size} that the checkpoint "
        f"covers. Made {report.created}.",
        *report.scope,
        f"Details shown: {report.details}. Removed before by rule: {report.removed}. "
        f"Contents of requests: {report.contents}.",
    )
    counts = report.counts
    yield from _table("Events by application", "Application", counts.applications)
    yield from _table("Requests by decision", "Decision", counts.decisions)
    yield from _table("Findings by category", "Category", counts.categories)
    yield from _table("Events by type", "Type", counts.types)
    yield from _table(*_days(counts.days), by_name=True)
    yield Paragraph("What this proves", HEADING)
    yield from _texts(*PROVES)
    yield Paragraph("What it does not prove", HEADING)
    yield from _texts(*report.not_proven)
    yield from _checking(report)


def _checking(report: Report) -> Iterator[Flowable]:
    yield Paragraph("How to check it", HEADING)
    yield from _texts(
        "On a machine of your own with Python 3.9 or newer, without a network: unpack the ZIP "
        "and run python3 -I verify.py, or open verify.html in a browser. Compare the "
        "fingerprint below with one that you got on another way than this file.",
        f"Fingerprint of the log's key (SHA-256 of the public key): "
        f"{fingerprint(report.verifier_key)}",
        f"The key: {report.verifier_key.strip()}",
    )
    yield Paragraph("The checkpoint", HEADING)
    yield from _texts(*report.checkpoint.splitlines(), style=SMALL)
    yield Paragraph("Digests (SHA-256) of the files", HEADING)
    for name, file in sorted(report.files.items()):
        yield from _texts(f"{name}: {file['sha256']}", style=SMALL)


def _days(days: Counter[str]) -> tuple[str, str, Counter[str]]:
    if len(days) <= DAYS_SHOWN:
        return "Events by day (UTC)", "Day", days
    months: Counter[str] = Counter()
    for day, count in days.items():
        months[day[:7]] += count
    return "Events by month (UTC)", "Month", months


def _table(
    title: str, label: str, counts: Counter[str], *, by_name: bool = False
) -> Iterator[Flowable]:
    if not counts:
        return
    yield Paragraph(title, HEADING)
    order = sorted(counts.items()) if by_name else counts.most_common()
    rows = [[label, "Number"]]
    rows += [[Paragraph(escape(_shown(name)), SMALL), f"{n:,}"] for name, n in order]  # type: ignore[list-item]
    yield LongTable(rows, colWidths=[WIDTH * 0.75, WIDTH * 0.25], style=LINES, repeatRows=1)
    yield Spacer(1, 1 * mm)


def _texts(*texts: str, style: ParagraphStyle = TEXT) -> Iterator[Flowable]:
    for text in texts:
        if text.strip():
            yield Paragraph(escape(_shown(text, None)), style)


def _shown(text: str, longest: int | None = LONGEST) -> str:
    """The text as the font can show it; what it lacks is named by its code point."""
    known = _fonts()
    cut = text if longest is None or len(text) <= longest else text[:longest] + " …"
    return "".join(
        sign if ord(sign) in known and sign.isprintable() else f"[U+{ord(sign):04X}]"
        for sign in cut.replace("\n", " ").replace("\t", " ")
    )

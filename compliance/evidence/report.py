"""The report of an export: a PDF for people, beside what programs check.

It counts what the export shows, says what that proves and what it does not, and how the
receiver checks it. It is a view: its own digest stands in the manifest, and nothing in it is
evidence by itself. The same counts for machines are attached to it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import orjson

from compliance.audit.checkpoint import parse_verifier_key
from compliance.evidence.paper import page
from compliance.evidence.paper.certificate import Signer
from compliance.evidence.paper.issue import issued
from compliance.evidence.paper.page import Attached, Block, Paper
from compliance.evidence.tables import Line, Sink

DAYS_SHOWN = 400  # of a longer period the report shows months
TITLE = "Report of an export of the log"
ATTACHED = "report.json"
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
    created: str  # ISO 8601, with its zone
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


def write(report: Report, out: Sink, signer: Signer) -> None:
    """The PDF, signed; raises `PaperImpossible`."""
    about = "The counts of this report and the digests of the files, for machines."
    paper = Paper(
        title=f"{TITLE} {report.origin}",
        author=report.origin,
        foot=f"{report.origin}, entries {report.begin} to {report.end - 1}.",
        created=dt.datetime.fromisoformat(report.created),
        blocks=_blocks(report, signer),
        attached=Attached(ATTACHED, _data(report), about),
    )
    out.write(issued(paper, signer))


def _data(report: Report) -> str:
    counts = {each.name: dict(getattr(report.counts, each.name)) for each in fields(Counts)}
    data = {
        "begin": report.begin,
        "checkpoint": report.checkpoint,
        "contents": report.contents,
        "counts": counts,
        "created": report.created,
        "details": report.details,
        "end": report.end,
        "files": {name: dict(file) for name, file in report.files.items()},
        "format": "domicile-report",
        "origin": report.origin,
        "removed": report.removed,
        "size": report.size,
        "v": 1,
        "verifier_key": report.verifier_key.strip(),
    }
    return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()


def _blocks(report: Report, signer: Signer) -> Iterator[Block]:
    yield page.title(TITLE)
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
    yield page.heading("What this proves")
    yield from _texts(*PROVES)
    yield page.heading("What it does not prove")
    yield from _texts(*report.not_proven)
    yield from _checking(report, signer)


def _checking(report: Report, signer: Signer) -> Iterator[Block]:
    yield page.heading("How to check it")
    yield from _texts(
        "On a machine of your own with Python 3.9 or newer, without a network: unpack the ZIP "
        "and run python3 -I verify.py, or open verify.html in a browser. Compare the "
        "fingerprint below with one that you got on another way than this file.",
        f"Fingerprint of the log's key (SHA-256 of the public key): "
        f"{fingerprint(report.verifier_key)}",
        f"The key: {report.verifier_key.strip()}",
        "This PDF is signed (PAdES) with the certificate in certificate.pem. That tells who "
        "made it; what is true of the log, the two verifiers tell.",
        f"Fingerprint of the certificate (SHA-256): {signer.fingerprint}",
    )
    yield page.heading("The checkpoint")
    yield from _texts(*report.checkpoint.splitlines(), style="small")
    yield page.heading("Digests (SHA-256) of the files")
    for name, file in sorted(report.files.items()):
        yield from _texts(f"{name}: {file['sha256']}", style="small")


def _days(days: Counter[str]) -> tuple[str, str, Counter[str]]:
    if len(days) <= DAYS_SHOWN:
        return "Events by day (UTC)", "Day", days
    months: Counter[str] = Counter()
    for day, count in days.items():
        months[day[:7]] += count
    return "Events by month (UTC)", "Month", months


def _table(
    title: str, label: str, counts: Counter[str], *, by_name: bool = False
) -> Iterator[Block]:
    if not counts:
        return
    yield page.heading(title)
    order = sorted(counts.items()) if by_name else counts.most_common()
    yield page.table((label, "Number"), order)


def _texts(*texts: str, style: str = "text") -> Iterator[Block]:
    for one in texts:
        yield from page.text(one, style, whole_in=ATTACHED)

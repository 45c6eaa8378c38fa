"""The views in an export: tables and a report, made while the evidence itself is written."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from compliance.evidence.archive import Archive
from compliance.evidence.paper.certificate import Signer
from compliance.evidence.report import Counts, Report, write
from compliance.evidence.tables import Line, Tables

CSV, XLSX, PDF = "tables/events.csv", "tables/events.xlsx", "report.pdf"
CERTIFICATE = "certificate.pem"


class Views:
    """Tables and the report's counts: take each event whose detail is in scope, in order."""

    def __init__(self, out: Archive) -> None:
        self.counts = Counts()
        self._members = [out.member(CSV), out.member(XLSX)]
        self._tables = Tables(*self._members)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._tables.close()
        else:
            self._tables.abandon()
        for member in self._members:
            member.__exit__(kind, error, trace)

    def add(self, index: int, entry: bytes, detail: bytes | None, owner: str | None) -> None:
        """The next event; its detail is None where a rule removed it."""
        line = Line(index, entry, detail, owner)
        self._tables.add(line)
        self.counts.add(line)


def write_report(
    out: Archive, about: Mapping[str, Any], counts: Counts, signer: Signer
) -> None:
    """Put the report beside the rest; `about` are the other members of `Report`."""
    out.add(CERTIFICATE, signer.pem)
    with out.member(PDF) as member:
        write(Report(counts=counts, files=dict(out.listed), **about), member, signer)

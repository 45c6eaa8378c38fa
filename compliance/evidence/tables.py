"""Events as tables: CSV for programs and for people, XLSX for people. One row an event.

They are views: what counts as evidence are the entries and details beside them.

The CSV is RFC 4180 in UTF-8. It begins with a byte order mark, without which Excel takes it for
another encoding; read it in Python with `utf-8-sig`. A text that a spreadsheet would take for a
formula (it begins with = + - @, a tab, a carriage return or a line feed, or one of their
full-width forms) gets an apostrophe before it, as OWASP's page "CSV Injection" advises. In the
XLSX every text is typed as text, so it stands as it is, and nothing there is a formula.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import xlsxwriter

from compliance.audit.ledger import LeafRow
from compliance.models.applications import LegalBasis

COLUMNS = (
    ("Entry", 9),
    ("Time (UTC)", 27),
    ("Event", 24),
    ("Request", 34),
    ("Application", 22),
    ("Application id", 36),
    ("Actor", 16),
    ("Decision", 13),
    ("Rules", 28),
    ("Reasons", 40),
    ("Findings", 32),
    ("Categories", 24),
    ("Purpose", 36),
    ("Legal basis", 30),
    ("RoPA reference", 16),
    ("Model", 24),
    ("Site", 10),
    ("Country", 8),
    ("Node", 12),
    ("Prompt tokens", 9),
    ("Completion tokens", 9),
    ("Reason", 22),
    ("Source", 12),
    ("Epoch", 7),
    ("Number in epoch", 9),
    ("Detail (JSON)", 60),
)
"""The columns and their widths in characters."""
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
SHEET_ROWS = 1_048_575  # rows of a sheet below its heading (Excel's limit is 2^20 in all)
CELL = 32_767  # characters of a cell (Excel's limit)
EXACT = 1 << 53  # whole numbers below it are exact in a spreadsheet
CUT = " … (cut here; whole in events.csv)"
EPOCH = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)

Cell = str | int | None


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> Any:
        """Take all of `data`."""
        ...


class Line:
    """One event, read: `entry` and `detail` as the record has them, `cells` as tables do."""

    __slots__ = ("application", "cells", "detail", "entry")

    def __init__(
        self, index: int, entry: bytes, detail: bytes | None, application: str | None
    ) -> None:
        self.entry: Mapping[str, Any] = json.loads(entry)
        said = json.loads(detail) if detail is not None else {}
        self.detail: Mapping[str, Any] = said if isinstance(said, dict) else {}
        self.application = application
        self.cells = self._cells(index, detail)

    def _cells(self, index: int, detail: bytes | None) -> tuple[Cell, ...]:
        said, entry = self.detail, self.entry
        owner = _of(said, "application")
        receipt = _of(said, "receipt")
        text = detail.decode("utf-8", "replace") if detail is not None else "(removed by rule)"
        return (
            index,
            self.time,
            _text(entry.get("type")),
            _text(entry.get("request")),
            _text(owner.get("name")),
            _text(self.application),
            _text(said.get("actor")),
            _text(said.get("decision")),
            _list(said.get("rules")),
            _list(said.get("reasons")),
            _counts(said.get("findings")),
            _counts(said.get("categories")),
            _text(said.get("purpose")),
            _basis(said.get("legal_basis")),
            _text(said.get("ropa_reference")),
            _text(said.get("model") or receipt.get("model")),
            _text(said.get("site") or receipt.get("site")),
            _text(said.get("country")),
            _text(said.get("node") or receipt.get("node")),
            _number(receipt.get("prompt_tokens")),
            _number(receipt.get("completion_tokens")),
            _text(said.get("reason")),
            _text(entry.get("source")),
            _number(entry.get("epoch")),
            _number(entry.get("seq")),
            text,
        )

    @property
    def time(self) -> str:
        """ISO 8601 in UTC: to the microsecond from the detail, else to the second."""
        exact = self.detail.get("time")
        if isinstance(exact, int) and 0 <= exact < EXACT:
            moment = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=exact)  # noqa: DTZ001
            return moment.isoformat(timespec="microseconds") + "Z"
        return _text(self.entry.get("time"))


class Tables:
    """Both tables at once, a row at a time, in constant memory.

    The CSV is written as rows come, the XLSX when it is closed; until then its rows lie in a
    file of the system's folder for scratch files.
    """

    def __init__(self, csv_out: Sink, xlsx_out: Sink) -> None:
        buffer = io.BufferedWriter(_Whole(csv_out))
        text = io.TextIOWrapper(buffer, "utf-8", errors="replace", newline="")
        self._text = text
        self._csv = csv.writer(text, lineterminator="\r\n")
        self._book = xlsxwriter.Workbook(
            io.BufferedWriter(_Whole(xlsx_out)),
            {
                "constant_memory": True,
                "tmpdir": tempfile.gettempdir(),
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
                "use_zip64": True,
            },
        )
        self._book.set_properties({"title": "Events of the log", "created": EPOCH})
        self._bold = self._book.add_format({"bold": True})
        self._sheets = 0
        self._row = SHEET_ROWS
        text.write("\ufeff")
        self._csv.writerow([name for name, _width in COLUMNS])

    def add(self, line: Line) -> None:
        """The next row."""
        self._csv.writerow([_harmless(cell) for cell in line.cells])
        if self._row >= SHEET_ROWS:
            self._next_sheet()
        self._row += 1
        for column, cell in enumerate(line.cells):
            if isinstance(cell, int) and -EXACT < cell < EXACT:
                self._sheet.write_number(self._row, column, cell)
            elif cell not in (None, ""):
                self._sheet.write_string(self._row, column, _fitting(str(cell)))

    def close(self) -> None:
        """Write what is left; the sinks stay open."""
        if not self._sheets:
            self._next_sheet()
        self._text.flush()
        self._book.close()

    def abandon(self) -> None:
        """Write no more, and remove the scratch files."""
        for sheet in self._book.worksheets():
            sheet.row_data_fh.close()
            Path(sheet.row_data_filename).unlink(missing_ok=True)
        self._book.fileclosed = True

    def _next_sheet(self) -> None:
        self._sheets += 1
        name = "Events" if self._sheets == 1 else f"Events {self._sheets}"
        self._sheet = self._book.add_worksheet(name)
        self._sheet.freeze_panes(1, 0)
        for column, (_title, width) in enumerate(COLUMNS):
            self._sheet.set_column(column, column, width)
        for column, (title, _width) in enumerate(COLUMNS):
            self._sheet.write_string(0, column, title, self._bold)
        self._row = 0


def write(rows: Iterable[LeafRow], csv_out: Sink, xlsx_out: Sink) -> int:
    """Both tables of `rows`; how many there were."""
    tables, count = Tables(csv_out, xlsx_out), 0
    for row in rows:
        tables.add(Line(row.index, row.entry, row.detail, row.application))
        count += 1
    tables.close()
    return count


class _Whole(io.RawIOBase):
    """A sink as Python's own writers want one: it takes all, and cannot go back."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        taken = bytes(data)
        self._sink.write(taken)
        return len(taken)


def _harmless(cell: Cell) -> Cell:
    """A cell that no spreadsheet takes for a formula, and that no NUL cuts short."""
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\0", "\ufffd")
    return f"'{text}" if text.startswith(DANGEROUS) else text


def _fitting(text: str) -> str:
    """A text that a cell of XLSX can hold, counted in UTF-16 as Excel does."""
    text = text.encode("utf-8", "replace").decode()
    if len(text) * 2 > CELL and len(text.encode("utf-16-le")) > 2 * CELL:
        units = text.encode("utf-16-le")[: 2 * (CELL - len(CUT))]
        text = units.decode("utf-16-le", "ignore") + CUT
    return text


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _of(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name)
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else _text(value)


def _counts(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {count}" for name, count in sorted(value.items()))
    return _list(value)


def _basis(code: Any) -> str:
    return str(dict(LegalBasis.choices).get(code, _text(code)))

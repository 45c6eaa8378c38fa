"""Events as CSV and XLSX: every text comes back as the text it was, and none as a formula."""

import csv
import io
import json
import tracemalloc
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.evidence import tables
from compliance.evidence.tables import COLUMNS, Line, Tables

NAMES = [name for name, _width in COLUMNS]
PLACE = {name: place for place, name in enumerate(NAMES)}
HOSTILE = [
    "=cmd|'/C calc'!A0",
    '=HYPERLINK("http://evil.example","x")',
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\uff1d1+1",
    '"quoted", and; so',
    "two\r\nlines",
    "http://example.org/",
    "0123",
    "1e5",
]


def entry(number=0, kind="request.admitted"):
    said = {"v": 1, "source": "web-1", "epoch": 1, "seq": number, "type": kind}
    return json.dumps(said | {"time": "2026-11-22T20:15:00Z", "request": "0" * 32}).encode()


def line(number=0, **detail):
    given_detail = json.dumps({"time": 1_795_378_500_123_456, **detail}, ensure_ascii=False)
    return Line(number, entry(number), given_detail.encode(), "0" * 36)


def both(lines):
    text, book = io.BytesIO(), io.BytesIO()
    made = Tables(text, book)
    for one in lines:
        made.add(one)
    made.close()
    return text.getvalue(), book.getvalue()


def read_csv(data):
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def read_xlsx(data):
    book = openpyxl.load_workbook(io.BytesIO(data))
    return [list(row) for sheet in book for row in sheet.iter_rows()]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_that_looks_like_a_formula_stays_a_text_in_both(text):
    data, book = both([line(actor=text)])
    (cell,) = [row[PLACE["Actor"]] for row in read_csv(data)[1:]]
    assert not cell.startswith(tables.DANGEROUS)
    assert cell.removeprefix("'") == text
    found = read_xlsx(book)[1][PLACE["Actor"]]
    assert found.data_type == "s"
    assert found.value.replace("\r", "").replace("_x000D_", "") == text.replace("\r", "")
    assert found.hyperlink is None
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        for name in archive.namelist():
            assert b"<f>" not in archive.read(name), name


@settings(max_examples=30)
@given(st.text())
def test_any_text_comes_back_from_the_csv(text):
    data, _book = both([line(actor=text)])
    cell = read_csv(data)[1][PLACE["Actor"]]
    expected = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    assert cell in (expected, f"'{expected}")
    assert not cell.startswith(tables.DANGEROUS)


def test_a_row_says_in_words_what_the_detail_says_in_codes():
    data, book = both(
        [
            line(
                7,
                application={"id": "0" * 36, "name": "helpdesk"},
                decision="pseudonymise",
                rules=["personal-data"],
                findings={"EMAIL_ADDRESS": 2},
                categories={"personal": 2},
                legal_basis="6-1-b",
                receipt={"prompt_tokens": 42, "node": "node-1", "site": "home"},
            )
        ]
    )
    assert data.startswith(b"\xef\xbb\xbfEntry,")
    assert data.endswith(b"\r\n")
    row = dict(zip(NAMES, read_csv(data)[1], strict=True))
    assert row["Time (UTC)"] == "2026-11-22T20:15:00.123456Z"
    assert row["Legal basis"] == "Contract, Art. 6(1)(b)"
    assert (row["Findings"], row["Categories"]) == ("EMAIL_ADDRESS: 2", "personal: 2")
    assert (row["Entry"], row["Prompt tokens"], row["Node"]) == ("7", "42", "node-1")
    cells = dict(zip(NAMES, (cell.value for cell in read_xlsx(book)[1]), strict=True))
    assert (cells["Entry"], cells["Prompt tokens"]) == (7, 42)
    assert json.loads(cells["Detail (JSON)"])["decision"] == "pseudonymise"


def test_a_detail_that_a_rule_removed_is_said_to_be_removed():
    data, _book = both([Line(3, entry(3), None, None)])
    row = dict(zip(NAMES, read_csv(data)[1], strict=True))
    assert row["Detail (JSON)"] == "(removed by rule)"
    assert row["Time (UTC)"] == "2026-11-22T20:15:00Z"


def test_no_rows_make_tables_with_a_heading():
    data, book = both([])
    assert read_csv(data) == [NAMES]
    assert [cell.value for cell in read_xlsx(book)[0]] == NAMES


def test_a_text_too_long_for_a_cell_is_cut_and_says_where_it_is_whole():
    data, book = both([line(actor="ä" * 40_000), line(1, actor="😀" * 20_000)])
    rows = read_csv(data)
    assert len(rows[1][PLACE["Actor"]]) == 40_000
    for row in read_xlsx(book)[1:]:
        value = row[PLACE["Actor"]].value
        assert value.endswith(tables.CUT)
        assert len(value.encode("utf-16-le")) <= 2 * tables.CELL


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(monkeypatch):
    monkeypatch.setattr(tables, "SHEET_ROWS", 3)
    _data, book = both([line(number) for number in range(7)])
    opened = openpyxl.load_workbook(io.BytesIO(book))
    assert opened.sheetnames == ["Events", "Events 2", "Events 3"]
    entries = [row[0].value for sheet in opened for row in sheet.iter_rows(min_row=2)]
    assert entries == list(range(7))


class Nowhere:
    def write(self, data):
        return len(data)


def test_memory_does_not_grow_with_the_rows():
    def peak(count):
        tracemalloc.start()
        made = Tables(Nowhere(), Nowhere())
        for number in range(count):
            made.add(line(number, actor=f"person {number}"))
        made.close()
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    small, large = peak(100), peak(1_500)
    assert large < small + 200_000, (small, large)

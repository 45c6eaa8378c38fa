"""The tables of the register of information, and the report package that holds them.

Layout: XBRL Report Package 1.0 with an xBRL-CSV 1.0 report ("plain CSV" of the EBA's filing
rules): `META-INF/reportPackage.json`, and in `reports/` the report's metadata, its parameters,
the filing indicators, and a CSV file for each template. A field of the law that is demanded by
`B_02.01.0040` fills column `c0040` of template `B_02.01`.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from compliance.evidence.packs.law import Law

MODULE = "http://www.eba.europa.eu/eu/fr/xbrl/crr/fws/dora/4.0/mod/dora.json"
"""The entry point of the EBA taxonomy that the report says it follows."""
NAMED = ("lei", "country", "level", "currency", "reference_date")
"""Fields without which a package has no name or no parameters."""
PREFIX = {"country": "eba_GA:", "currency": "eba_CU:"}
ALONE = ("B_01.01", "B_01.02", "B_02.01", "B_03.01", "B_03.02", "B_04.01", "B_05.02", "B_07.01")
"""Templates with one row here: one entity, one contract, one provider, one service."""
PARENT = ("parent_name", "parent_country")
"""Fields of the provider's parent, which has a row of its own."""

NO, NOT_APPLICABLE = "eba_BT:x29", "eba_GA:qx2007"

Cells = dict[str, str]
"""By column, as `B_02.01.0040`; an empty cell is not there."""


@dataclass(slots=True)
class Tables:
    """Rows of each template, and why others were left out."""

    law: Law
    rows: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def add(self, template: str, cells: Cells, of: str = "") -> None:
        """One row; not one whose key is incomplete, or that says nothing but its key."""
        columns = self.law.tables[template]
        known = {one: cells.get(f"{template}.{one.rstrip('*')}", "") for one in columns}
        lacking = [one for one, cell in known.items() if one.endswith("*") and not cell]
        if lacking:
            names = ", ".join(self._name(template, one.rstrip("*")) for one in lacking)
            self.left_out.append(f"{template}{of and f', {of}'}: missing is {names}")
        elif not any(cell for one, cell in known.items() if not one.endswith("*")):
            self.left_out.append(f"{template}{of and f', {of}'}: nothing but its key is known")
        else:
            self.rows.setdefault(template, []).append(tuple(known.values()))

    def _name(self, template: str, column: str) -> str:
        """A column by the label of the first field that fills it."""
        code = f"{template}.{column}"
        labels = [one.label for one in self.law.fields if code in map(str, one.demanded_by)]
        return labels[0] if labels else code


def cells(law: Law, answers: Mapping[str, str]) -> Cells:
    """What the answers say, by column; of two fields for one, the first that is answered."""
    found: Cells = {}
    for one in law.fields:
        value = answers.get(one.id, "")
        if value and one.id not in PARENT:
            for column in map(str, one.demanded_by):
                found.setdefault(column, f"{PREFIX.get(one.kind, '')}{value}")
            for column, cell in one.also.items():
                found.setdefault(column, cell)
    return found


def filled(law: Law, known: Cells) -> Cells:
    """The cells, and what stands where nobody answered: a constant, or another column's."""
    found = dict(known)
    for column, cell in law.fills.items():
        said = found.get(cell[1:], "") if cell.startswith("@") else cell
        if said and column not in found:
            found[column] = said
    return found


def tables(
    law: Law,
    house: Mapping[str, str],
    functions: Iterable[tuple[str, Mapping[str, str], Sequence[str]]],
    day: dt.date,
) -> Tables:
    """Every row. `functions` are title, answers and countries of processing; `day` is today."""
    found, known = Tables(law), cells(law, house)
    known.setdefault("B_01.02.0070", day.isoformat())
    if house.get("storage") == NO:
        known.setdefault("B_02.02.0150", NOT_APPLICABLE)
    whole = filled(law, known)
    for template in ALONE:
        if template != "B_07.01" or house.get("substitutability"):
            found.add(template, whole)
    found.add("B_05.01", whole)
    if house.get("provider_parent"):
        found.add("B_05.01", _parent(whole, house), "ultimate parent")
    for title, answers, countries in functions:
        own = filled(law, {**known, **cells(law, answers)})
        found.add("B_06.01", own, title)
        for country in countries or ("",):
            place = {"B_02.02.0160": PREFIX["country"] + country} if country else {}
            found.add("B_02.02", {**own, **place}, title)
    return found


def _parent(whole: Cells, house: Mapping[str, str]) -> Cells:
    """The row of the provider's ultimate parent, which its own row refers to."""
    code, kind, name = house["provider_parent"], whole["B_05.01.0120"], house.get("parent_name")
    country = house.get("parent_country")
    said = {
        **dict.fromkeys(("0010", "0110"), code),
        **dict.fromkeys(("0020", "0120"), kind),
        **({"0050": name, "0060": name} if name else {}),
        **({"0080": PREFIX["country"] + country} if country else {}),
    }
    return {f"B_05.01.{column}": cell for column, cell in said.items()}


def package_name(house: Mapping[str, str], now: dt.datetime) -> str:
    """The name of the package by the EBA's filing rules; empty where something for it lacks."""
    if not all(house.get(name) for name in NAMED):
        return ""
    stamp = f"{now:%Y%m%d%H%M%S}{now.microsecond // 1000:03d}"
    subject = f"{house['lei']}.{house['level']}_{house['country']}"
    return f"{subject}_DORA010100_DORA_{house['reference_date']}_{stamp}"


def package(name: str, found: Tables, house: Mapping[str, str]) -> bytes:
    """The report package as a ZIP: the same tables make the same file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, data in _members(found, house):
            member = zipfile.ZipInfo(f"{name}/{path}")  # dated 1980
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
    return out.getvalue()


def _members(found: Tables, house: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    kinds = {
        "META-INF/reportPackage.json": {"documentType": "https://xbrl.org/report-package/2023"},
        "reports/report.json": {
            "documentType": "https://xbrl.org/2021/xbrl-csv",
            "extends": [MODULE],
        },
    }
    for path, said in kinds.items():
        yield path, orjson.dumps({"documentInfo": said}, option=orjson.OPT_INDENT_2) + b"\n"
    parameters = {
        "entityID": f"rs:{house['lei']}.{house['level']}",
        "refPeriod": house["reference_date"],
        "baseCurrency": f"iso4217:{house['currency']}",
        "decimalsInteger": "0",
        "decimalsMonetary": "0",
    }
    yield "reports/parameters.csv", _csv([("name", "value"), *parameters.items()])
    reported = [(name, "true") for name in found.law.tables]  # with its header, where empty
    yield "reports/FilingIndicators.csv", _csv([("templateID", "reported"), *reported])
    for name, columns in found.law.tables.items():
        header = [f"c{column.rstrip('*')}" for column in columns]
        yield f"reports/{name.lower()}.csv", _csv([header, *found.rows.get(name, ())])


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    """RFC 4180 in UTF-8 without a byte order mark (xBRL-CSV 1.0, section 3.2)."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()

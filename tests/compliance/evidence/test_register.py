"""The register of information: its layout, keys, references, and no cell that computes."""

import csv
import datetime as dt
import io
import zipfile

import orjson
import pytest

from compliance.evidence.packs import answers
from compliance.evidence.packs.kinds import AnswerInvalid
from compliance.evidence.packs.law import laws
from compliance.evidence.packs.register import package_name
from compliance.models import Application
from tests.compliance.evidence.filling import application, fields
from tests.compliance.evidence.test_kinds import checked

LEI, PROVIDER, PARENT = (checked(f"529900DOMICILE{n:04d}") for n in range(3))
YES, NO = "eba_BT:x28", "eba_BT:x29"
HOUSE = {
    "lei": LEI,
    "entity_name": 'Bank "Zum Beispiel", AG',
    "country": "DE",
    "entity_type": "eba_CT:x12",
    "authority": "BaFin",
    "reference_date": "2026-12-31",
    "level": "IND",
    "integrated": "2026-02-01",
    "currency": "EUR",
    "contract": "C-2026-7",
    "contract_type": "eba_CO:x1",
    "expense": "12000",
    "provider_lei": PROVIDER,
    "provider_name": "Domicile Ltd.",
    "provider_person": "eba_CT:x212",
    "provider_country": "IE",
    "service": "eba_TA:S13",
    "starts": "2026-02-01",
    "provision_country": "DE",
    "storage": YES,
    "storage_country": "DE",
}
FUNCTION = {"activity": "eba_TA:x28", "critical": YES, "rto": "4", "rpo": "1"}
REFERENCES = (
    *(
        (f"B_{one}", "c0010", "B_02.01", "c0010")
        for one in ("02.02", "03.01", "03.02", "04.01")
    ),
    *((f"B_{one}", "c0010", "B_02.01", "c0010") for one in ("05.02", "07.01")),
    *((f"B_{one}", "c0020", "B_01.02", "c0010") for one in ("02.02", "03.01", "04.01")),
    *(("B_02.02", "c0030", "B_05.01", "c0010"), ("B_03.02", "c0020", "B_05.01", "c0010")),
    *(("B_05.02", "c0030", "B_05.01", "c0010"), ("B_07.01", "c0020", "B_05.01", "c0010")),
    *(("B_05.01", "c0110", "B_05.01", "c0010"), ("B_02.02", "c0050", "B_06.01", "c0010")),
    ("B_06.01", "c0040", "B_01.02", "c0010"),
)
"""Which column of which template must stand in which: the register's foreign keys."""


def typed(subject="", **values):
    answers.answer(laws()["dora-register"], values, subject, actor="olga")


@pytest.fixture
def entered(filled):
    """Everything typed, for both applications."""
    typed(**HOUSE)
    for number, one in enumerate((filled.crm, filled.mail), start=1):
        typed(str(one.pk), **FUNCTION, function_id=f"F{number}")
    return filled


def package(files):
    """The root of the report package, and its members."""
    (name,) = [one for one in files if one.startswith("report/")]
    root = name.removeprefix("report/").removesuffix(".zip")
    with zipfile.ZipFile(io.BytesIO(files[name])) as archive:
        assert all(one.startswith(f"{root}/") for one in archive.namelist())
        return root, {
            one.removeprefix(f"{root}/"): archive.read(one) for one in archive.namelist()
        }


def table(members, template):
    rows = csv.DictReader(io.StringIO(members[f"reports/{template.lower()}.csv"].decode()))
    return list(rows)


@pytest.mark.database
def test_a_package_has_the_layout_and_says_what_was_typed_and_what_the_log_holds(
    entered, build
):
    form, files = build("dora-register")
    root, members = package(files)
    assert root.startswith(f"{LEI}.IND_DE_DORA010100_DORA_2026-12-31_")
    assert len(root.rpartition("_")[2]) == 17
    said = {name: orjson.loads(data) for name, data in members.items() if "json" in name}
    assert said["META-INF/reportPackage.json"]["documentInfo"] == {
        "documentType": "https://xbrl.org/report-package/2023"
    }
    assert said["reports/report.json"]["documentInfo"]["extends"][0].endswith("/mod/dora.json")
    assert dict(csv.reader(io.StringIO(members["reports/parameters.csv"].decode()))) == {
        "name": "value",
        "entityID": f"rs:{LEI}.IND",
        "refPeriod": "2026-12-31",
        "baseCurrency": "iso4217:EUR",
        "decimalsInteger": "0",
        "decimalsMonetary": "0",
    }
    (entity,) = table(members, "B_01.02")
    assert entity["c0020"] == HOUSE["entity_name"]
    assert (entity["c0030"], entity["c0060"]) == ("eba_GA:DE", LEI)
    assert [row["c0030"] for row in table(members, "B_06.01")] == [
        "crm: Why crm is there.",
        "mail: Why mail is there.",
    ]
    for row in table(members, "B_02.02"):
        assert (row["c0160"], row["c0150"]) == ("eba_GA:DE", "eba_GA:DE")
        assert (row["c0080"], row["c0040"]) == ("9999-12-31", "eba_qCO:qx2000")
    assert table(members, "B_07.01") == []
    processing = fields(form, str(entered.crm.pk))["processing"]
    assert (processing["origin"], processing["data"]) == ("verified", {"countries": ["DE"]})


def test_every_template_has_its_file_header_and_indicator_and_rows_as_wide(entered, build):
    _, members = package(build("dora-register")[1])
    tables = laws()["dora-register"].tables
    lines = csv.reader(io.StringIO(members["reports/FilingIndicators.csv"].decode()))
    indicators = dict(lines)
    assert indicators.pop("templateID") == "reported"
    assert set(indicators) == set(tables)
    for name, columns in tables.items():
        data = members[f"reports/{name.lower()}.csv"]
        assert not data.startswith(b"\xef\xbb\xbf")
        assert data.count(b"\r\n") == data.count(b"\n")
        header, *rows = csv.reader(io.StringIO(data.decode()))
        assert header == [f"c{one.rstrip('*')}" for one in columns]
        assert all(len(row) == len(header) for row in rows)
        assert indicators[name] == "true"
        keys = [place for place, one in enumerate(columns) if one.endswith("*")]
        found = [tuple(row[place] for place in keys) for row in rows]
        assert all(all(key) for key in found)
        assert len(set(found)) == len(found)


def test_what_one_table_refers_to_stands_in_the_other(entered, build):
    typed(substitutability="eba_ZZ:x962", exit_plan=YES, provider_parent=PARENT)
    typed(parent_name="Holding", parent_country="IE")
    _, members = package(build("dora-register")[1])
    assert len(table(members, "B_07.01")) == 1
    assert [row["c0050"] for row in table(members, "B_05.01")] == ["Domicile Ltd.", "Holding"]
    for template, column, other, key in REFERENCES:
        values = {row[column] for row in table(members, template)}
        assert values, template
        assert values <= {row[key] for row in table(members, other)}, (template, column)
    typed(provider_name="")
    _, members = package(build("dora-register")[1])
    assert [row["c0050"] for row in table(members, "B_05.01")] == ["", "Holding"]


def test_an_euid_is_used_where_there_is_no_lei_and_its_type_follows(entered, build):
    typed(provider_euid="DEK1101R.HRB116737")
    _, members = package(build("dora-register")[1])
    assert table(members, "B_03.02")[0]["c0020"] == PROVIDER
    typed(provider_lei="")
    _, members = package(build("dora-register")[1])
    for template, code, kind in (
        ("B_03.02", "c0020", "c0030"),
        ("B_05.01", "c0010", "c0020"),
        ("B_05.01", "c0110", "c0120"),
        ("B_05.02", "c0060", "c0070"),
    ):
        row = table(members, template)[0]
        assert (row[code], row[kind]) == ("DEK1101R.HRB116737", "eba_qCO:qx2002")


def test_an_application_without_requests_is_placed_where_sites_are_registered(record, build):
    quiet = application("quiet")
    for name, country in (("home", "DE"), ("north", "FI")):
        record.told("site.registered", {"site": name, "country": country, "public_key": "00"})
    record.sign()
    typed(**HOUSE)
    typed(str(quiet.pk), **FUNCTION, function_id="F7")
    form, files = build("dora-register", applications=("quiet",))
    _, members = package(files)
    assert [row["c0160"] for row in table(members, "B_02.02")] == ["eba_GA:DE", "eba_GA:FI"]
    assert fields(form, str(quiet.pk))["processing"]["origin"] == "missing"


def test_data_that_are_not_stored_have_no_place_and_a_place_that_is_missing_is_not_made_up(
    entered, build
):
    typed(storage_country="")
    text = build("dora-register")[1]["register.txt"].decode()
    assert "B_02.02, crm: missing is Location of data at rest" in text
    typed(storage=NO)
    _, members = package(build("dora-register")[1])
    assert {row["c0150"] for row in table(members, "B_02.02")} == {"eba_GA:qx2007"}


def test_a_row_without_its_key_is_left_out_and_said_so(entered, build):
    typed(str(entered.crm.pk), function_id="")
    _, files = build("dora-register")
    _, members = package(files)
    assert [row["c0010"] for row in table(members, "B_06.01")] == ["F2"]
    text = files["register.txt"].decode()
    assert "B_06.01, crm: missing is Function identifier" in text
    assert "B_02.02, crm: missing is Function identifier" in text


@pytest.mark.parametrize("name", ["lei", "country", "level", "currency", "reference_date"])
def test_a_package_has_no_name_without(name):
    now = dt.datetime(2026, 11, 22, 9, 30, tzinfo=dt.UTC)
    named = f"{LEI}.IND_DE_DORA010100_DORA_2026-12-31_20261122093000000"
    assert package_name(HOUSE, now) == named
    assert package_name(HOUSE | {name: ""}, now) == ""


def test_without_a_name_there_is_no_package_and_what_it_takes_is_said(entered, build):
    typed(reference_date="")
    _, files = build("dora-register")
    assert not any(one.startswith("report/") for one in files)
    assert "No report package was made" in files["register.txt"].decode()
    assert "Reference date" in files["register.txt"].decode()
    assert b"report/" not in files["README.txt"]


@pytest.mark.parametrize("purpose", ["=1+1", "Two\nlines.", "x" * 1_001])
def test_a_purpose_that_no_cell_can_hold_is_missing_and_not_altered(record, build, purpose):
    name = "-calc" if purpose == "=1+1" else "calc"  # a name leads the cell
    one = application(name, purpose=purpose)
    record.request(one)
    record.sign()
    typed(**HOUSE)
    typed(str(one.pk), **FUNCTION, function_id="F1")
    form, files = build("dora-register", applications=(name,))
    found = fields(form, str(one.pk))["function"]
    assert found["origin"] == "missing"
    assert "Change the purpose" in found["note"]
    _, members = package(files)
    assert [row["c0030"] for row in table(members, "B_06.01")] == [""]
    cells = [
        cell
        for path, data in members.items()
        if path.endswith(".csv")
        for row in csv.reader(io.StringIO(data.decode()))
        for cell in row
    ]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "#")) for cell in cells)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("entity_name", "=HYPERLINK(1)"),
        ("contract", "-7"),
        ("lei", LEI[:-1] + ("0" if LEI[-1] != "0" else "1")),
        ("entity_type", "eba_CT:x999"),
        ("provider_euid", "no dot"),
        ("reference_date", "31.12.2026"),
    ],
)
def test_what_is_wrong_is_refused_at_the_field_before_it_is_kept(database, field, value):
    with pytest.raises(AnswerInvalid) as error:
        typed(**{field: value})
    assert laws()["dora-register"].field(field).label in str(error.value)
    assert not Application.objects.exists()

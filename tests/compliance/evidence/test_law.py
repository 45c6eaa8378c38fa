"""The law as data: every field has its source, and what is unsure says so."""

import datetime as dt
import itertools
import re

import pytest

from compliance.evidence.packs import law
from compliance.evidence.packs.answers import AnswerInvalid, clean, moment
from compliance.evidence.packs.deadlines import Deadline, deadlines, end
from compliance.evidence.packs.fields import Answer
from compliance.evidence.packs.law import LawInvalid, laws
from tests.check_docs import BASE
from tests.compliance.evidence.law_tables import table

FIELDS = [(one, field) for one in laws().values() for field in one.fields]


def art(article, paragraph, letters=""):
    return {
        f"Art. {article}({paragraph})" + (f"({one})" if one else "") for one in letters or [""]
    }


DEMANDED = {
    "record-of-processing": art(30, 1, "abcdefg"),
    "access-request": art(15, 1, "abcdefgh")
    | art(15, 1)
    | art(15, 2)
    | art(15, 3)
    | art(15, 4),
    "breach": art(33, 1) | art(33, 3, "abcd") | art(33, 4) | art(33, 5),
    "serious-incident": art(26, 5).union(*(art(73, one) for one in range(1, 7))),
    "ai-logs": art(12, 1) | art(12, 2, "abc") | art(12, 3, "abcd") | art(19, 1) | art(26, 6),
}


@pytest.mark.parametrize(("one", "field"), FIELDS, ids=lambda one: one.id)
def test_every_field_has_a_source_and_a_status_or_is_called_an_addition(one, field):
    assert field.demanded_by or field.need == "addition"
    assert field.status in law.STATUSES
    assert field.sure or field.note
    assert field.help.endswith(".")
    assert field.sure or field.status != "in force" or field.note


@pytest.mark.parametrize("pack", sorted(DEMANDED))
def test_a_pack_has_a_field_for_every_provision_and_letter(pack):
    named = {str(one) for field in laws()[pack].fields for one in field.demanded_by}
    assert DEMANDED[pack] <= named


def test_every_column_of_the_register_is_filled_by_a_field_or_a_rule_or_its_template_is_empty():
    one = laws()["dora-register"]
    columns = {f"{name}.{c.rstrip('*')}" for name, cs in one.tables.items() for c in cs}
    named = {str(source) for field in one.fields for source in field.demanded_by}
    also = {column for field in one.fields for column in field.also}
    assert named | also | set(one.fills) <= columns
    assert {cell[1:] for cell in one.fills.values() if cell[0] == "@"} <= named | also
    empty = ("B_01.03", "B_02.03", "B_03.03", "B_99.01")
    additional = {
        "B_05.01.0030",
        "B_05.01.0040",
    }  # a second code of the provider: not asked for
    left = columns - named - also - set(one.fills) - additional - {"B_01.02.0070"}
    assert {column for column in left if not column.startswith(empty)} == set()


def test_there_are_exactly_these_packs_and_each_names_its_act_where_it_is_published():
    assert tuple(laws()) == law.ORDER
    for one in laws().values():
        assert re.fullmatch(
            r"http://data\.europa\.eu/eli/reg(_impl)?/20\d\d/\d+/oj", one.regulation.eli
        )
        assert one.as_of <= dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)


@pytest.mark.parametrize("pack", ["ai-logs", "serious-incident"])
def test_nothing_of_the_ai_act_is_asserted_to_be_sure_while_its_dates_move(pack):
    one = laws()[pack]
    assert not one.regulation.sure
    assert one.regulation.status == "unsure"
    assert all(not field.sure and field.status == "unsure" for field in one.fields)
    assert not any(clock.sure for clock in one.deadlines)


def test_clocks_begin_and_end_with_fields_that_are_moments():
    for one in laws().values():
        for clock in one.deadlines:
            for name in filter(None, (clock.starts, clock.ends)):
                assert one.field(name).kind == "moment"
            if clock.asks:
                codes = {code for code, _ in one.field(clock.asks).choices}
                assert clock.values
                assert codes.issuperset(clock.values)


def test_each_kind_of_serious_incident_starts_exactly_one_clock():
    one = laws()["serious-incident"]
    for code, _ in one.field("kind").choices:
        said = {"kind": Answer(code, "olga", dt.datetime.now(dt.UTC))}
        assert len(deadlines(one, said)) == 1, code
    amounts = {frozenset(clock.values): clock.amount for clock in one.deadlines}
    assert amounts == {
        frozenset({"infrastructure", "widespread"}): 2,
        frozenset({"death"}): 10,
        frozenset({"health", "rights", "property"}): 15,
    }


@pytest.mark.parametrize(
    "cut",
    ['status = "in force"\n', "sure = true\n", 'demanded_by = [{ article = "30"', 'help = "'],
)
def test_a_field_without_source_status_or_sureness_is_refused(tmp_path, cut):
    text = (BASE / "compliance/evidence/packs/record-of-processing.toml").read_text()
    head, field, rest = text.partition("[[field]]")
    lines = (field + rest).splitlines(keepends=True)
    spoiled = [
        line
        for n, line in enumerate(lines)
        if not (line.startswith(cut.strip("\n")) and n < 20)
    ]
    path = tmp_path / "record-of-processing.toml"
    path.write_text(head + "".join(spoiled))
    assert path.read_text() != text
    with pytest.raises(LawInvalid):
        law._law(path)


@pytest.mark.parametrize(
    ("pack", "said", "instead"),
    [
        ("breach", 'demanded_by = [{ article = "33", paragraph = "5" }]', "demanded_by = []"),
        ("breach", "sure = true\nhelp", "sure = false\nhelp"),
        ("breach", 'need = "required"', 'need = "wanted"'),
        ("dora-register", 'kind = "choice"\n', 'kind = "line"\n'),
        ("dora-register", 'choices = "level"\n', ""),
        ("dora-register", 'choices = "level"\n', 'choices = "nothing"\n'),
        ("ml-bom", 'id = "licence"\n', 'id = "model"\n'),
    ],
)
def test_a_law_that_asserts_more_than_it_shows_is_refused(tmp_path, pack, said, instead):
    text = (BASE / f"compliance/evidence/packs/{pack}.toml").read_text()
    assert said in text
    path = tmp_path / f"{pack}.toml"
    path.write_text(text.replace(said, instead, 1))
    with pytest.raises(LawInvalid):
        law._law(path)


def clock(name):
    return laws()[name].deadlines[0]


@pytest.mark.parametrize(
    ("began", "due"),
    [
        ("2026-01-31T10:00+01:00", "2026-02-28T23:59:59+01:00"),
        ("2028-01-31T10:00+01:00", "2028-02-29T23:59:59+01:00"),
        ("2026-12-05T23:30+01:00", "2027-01-05T23:59:59+01:00"),
        ("2026-03-05T00:00+00:00", "2026-04-05T23:59:59+01:00"),
    ],
)
def test_a_month_ends_with_the_day_of_the_same_number_or_the_last(began, due):
    found = end(clock("access-request"), dt.datetime.fromisoformat(began))
    assert found.isoformat() == due


@pytest.mark.parametrize(
    ("place", "began", "due"),
    [
        (0, "2026-12-30T00:00+01:00", "2027-01-01T23:59:59+01:00"),
        (1, "2026-11-22T23:59+01:00", "2026-12-02T23:59:59+01:00"),
        (2, "2028-02-20T09:30+00:00", "2028-03-06T23:59:59+00:00"),
    ],
)
def test_days_end_with_the_last_and_the_first_is_not_counted(place, began, due):
    law = laws()["serious-incident"].deadlines[place]
    assert end(law, dt.datetime.fromisoformat(began)).isoformat() == due


def test_seventy_two_hours_run_through_a_change_of_the_clocks():
    began = dt.datetime.fromisoformat("2026-03-28T10:00+01:00")
    assert end(clock("breach"), began) - began == dt.timedelta(hours=72)


@pytest.mark.parametrize(
    ("after", "met", "state", "word"),
    [
        (71, None, "running", "left"),
        (73, None, "overdue", "overdue"),
        (99, 70, "in time", "in time"),
        (99, 73, "late", "late"),
    ],
)
def test_a_clock_says_how_it_stands(after, met, state, word):
    began = dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC)
    done = began + dt.timedelta(hours=met) if met else None
    one = Deadline(clock("breach"), began, end(clock("breach"), began), done)
    now = began + dt.timedelta(hours=after)
    assert one.state(now) == state
    assert word in one.words(now)
    assert met or f"{after} hours and 0 minutes have passed" in one.words(now)
    assert met or "in the future" in one.words(began - dt.timedelta(minutes=1))
    assert Deadline(clock("breach"), None, None, None).state(now) == "not begun"


@pytest.mark.parametrize("text", ["2026-11-22", "2026-11-22T09:30", "tomorrow", "9:30+01:00"])
def test_a_moment_needs_its_time_zone(text):
    with pytest.raises(AnswerInvalid, match="time zone"):
        moment(text)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "x" * 20_001])
def test_what_cannot_be_kept_is_refused_and_the_value_is_not_repeated(text):
    with pytest.raises(AnswerInvalid) as error:
        clean(laws()["breach"].field("nature"), text)
    assert text not in str(error.value)


def test_the_tables_in_the_documentation_are_those_of_the_law():
    text = (BASE / "docs/packs.md").read_text()
    for one, other in itertools.zip_longest(
        re.findall(r"<!-- fields of ([a-z-]+) -->\n(.*?)\n<!-- end -->", text, re.DOTALL),
        [(one.id, table(one)) for one in laws().values()],
    ):
        assert one == other, "run `python -m tests.compliance.evidence.law_tables`"

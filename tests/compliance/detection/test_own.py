"""Entities that an organisation defines for itself."""

import time
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.detection.own import BEFORE, WINDOW, OwnEntities, PatternRefused, faults
from compliance.detection.processes import definitions
from compliance.vocabulary import Category, Checksum, DetectionFailed, OwnEntity

CASE = OwnEntity(
    name="CASE_NUMBER",
    description="A case of the court.",
    category=Category.PERSONAL,
    pattern=r"(?i)AZ-\d{4}/\d{2}",
    found=("Write about AZ-1234/26.",),
    not_found=("The room is A-1234.",),
)


def spans(text, *entities):
    return [text[one.start : one.end] for one in OwnEntities(entities).find(text)]


def test_whole_words_are_found_wherever_they_stand_and_in_any_script():
    text = "Über AZ-1234/26 und az-9999/01, Ελλάδα 😀 AZ-0000/00."
    assert spans(text, CASE) == ["AZ-1234/26", "az-9999/01", "AZ-0000/00"]
    assert spans("XAZ-1234/26 AZ-1234/267", CASE) == []


def test_a_value_counts_only_beside_a_word_where_words_are_given():
    near = replace(CASE, words=frozenset({"Aktenzeichen", "case no"}))
    assert spans("Das aktenzeichen lautet AZ-1234/26.", near) == ["AZ-1234/26"]
    assert spans("AZ-1234/26 is the case no", near) == ["AZ-1234/26"]
    assert spans("AZ-1234/26", near) == []
    assert spans("Aktenzeichen: " + "x " * 50 + "AZ-1234/26", near) == []


@pytest.mark.parametrize(
    ("checksum", "right", "wrong"),
    [
        (Checksum.LUHN, "79927398713", "79927398714"),
        (Checksum.VERHOEFF, "2363", "2364"),
        (Checksum.DAMM, "5724", "5725"),
        (Checksum.MOD_11_2, "079X", "0791"),
        (Checksum.MOD_11_10, "794623", "794624"),
        (Checksum.MOD_37_2, "G123489654321Y", "G123489654321X"),
        (Checksum.MOD_37_36, "A12425GABC1234002M", "A12425GABC1234002N"),
        (Checksum.MOD_97_10, "999912345678901214179", "999912345678901214170"),
    ],
)
def test_the_check_digit_of_the_group_decides(checksum, right, wrong):
    entity = replace(CASE, pattern=r"NR ([A-Z0-9]+)", checksum=checksum)
    assert spans(f"see NR {right} now", entity) == [f"NR {right}"]
    assert spans(f"see NR {wrong} now", entity) == []
    bare = replace(entity, pattern=f"{right[:1]}[A-Z0-9]+")
    assert spans(f"see {right} now", bare) == [right]
    assert spans(f"see {wrong} now", bare) == []


def test_what_is_never_one_is_none_and_what_is_always_one_is():
    entity = replace(
        CASE, never=frozenset({"AZ-0000/00"}), always=frozenset({"Project Nordlicht"})
    )
    text = "az-0000/00, project nordlicht, Project Nordlichter, myProject Nordlicht"
    assert spans(text, entity) == ["project nordlicht"]
    assert spans("It is Project Nordlicht.", replace(entity, pattern="")) == [
        "Project Nordlicht"
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?=a)b",
        r"(a)\1",
        "(",
        "a**",
        "(a{1000}){1000}",
        r"\d*",
        "x?",
        r"\pL{2,40}-x",
        r"é\C\C",
    ],
)
def test_what_is_no_pattern_of_an_automaton_or_matches_nothing_is_refused(pattern):
    with pytest.raises(PatternRefused):
        OwnEntities([replace(CASE, pattern=pattern)])


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+b", "(.*){1,30}x", "a.*b|a{3}"])
def test_no_pattern_reads_on_and_on(pattern):
    """RE2 has no way back; what it is given at once is bounded, which is what this counts."""
    entity = replace(CASE, pattern=pattern)
    text = "a" * 20_000
    own = OwnEntities([entity])
    for one, next_one in pairwise(own.find(text)):
        assert one.end <= next_one.start
    assert all(one.end - one.start <= WINDOW for one in own.find(text))


def test_a_value_across_the_edge_of_a_window_is_found():
    for before in range(WINDOW - 12, WINDOW + 3):
        assert spans("ä" * (before // 2) + " AZ-1234/26 " + "x" * 40, CASE) == ["AZ-1234/26"]


def test_a_part_that_may_follow_is_not_left_out_at_the_edge_of_a_window():
    ward = replace(CASE, pattern=r"AZ-\d{4}(?:-\d{6})?")
    for before in range(WINDOW - 40, WINDOW + 3):
        assert spans(" " * before + "AZ-1234-567890" + " x" * 400, ward) == ["AZ-1234-567890"]


def test_a_text_that_takes_too_long_is_refused():
    own = OwnEntities([CASE])
    with pytest.raises(DetectionFailed, match="send less text"):
        own.find("a" * 1000, time.monotonic() - 1)
    assert own.find("AZ-1234/26", time.monotonic() + 3600)


def test_values_of_lists_are_found_over_blanks_and_lines_and_in_names_of_code():
    listed = replace(
        CASE, pattern="", always=frozenset({"Project Südwind", "Project", "Nordlicht C++"})
    )
    text = "project\n  südwind, PROJECT_SÜDWIND_2, projects, Nordlicht  c++, nordlicht c+"
    assert spans(text, listed) == ["project\n  südwind", "PROJECT_SÜDWIND", "Nordlicht  c++"]


def test_the_end_of_a_word_that_begins_farther_off_is_no_word():
    near = replace(CASE, words=frozenset({"case"}))
    text = "showcase" + " " * (BEFORE - 4) + "AZ-1234/26"
    assert spans(text, near) == []
    assert spans(text.replace("showcase", "show case"), near) == ["AZ-1234/26"]


@given(st.text(max_size=2000))
def test_offsets_are_those_of_characters(text):
    whole = f"{text} AZ-1234/26 {text}"
    found = OwnEntities([CASE]).find(whole)
    assert "AZ-1234/26" in {whole[one.start : one.end] for one in found}
    assert all(one.category is Category.PERSONAL for one in found)


def test_a_definition_without_fault_has_none():
    assert list(faults(CASE)) == []


@pytest.mark.parametrize(
    ("changed", "member"),
    [
        ({"pattern": "("}, "pattern"),
        ({"pattern": r"\w+"}, "pattern"),
        ({"found": ("nothing",)}, "found"),
        ({"not_found": ("AZ-1234/26",)}, "not_found"),
        ({"always": frozenset({"open points"})}, "always"),
    ],
)
def test_what_keeps_a_definition_from_use_is_told_at_its_member(changed, member):
    assert member in {fault.member for fault in faults(replace(CASE, **changed))}


def test_definitions_come_through_the_pipe_as_they_were():
    entities = (
        CASE,
        replace(CASE, name="OTHER", checksum=Checksum.LUHN, words=frozenset({"ä", "b"})),
    )
    assert definitions.read(definitions.written(entities)) == entities
    assert definitions.key(entities) == definitions.key(list(entities))
    assert definitions.key(entities) != definitions.key(entities[:1])
    assert definitions.key(()) == ""

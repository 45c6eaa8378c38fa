"""What may be typed into fields of packs: checked by kind, and never altered in silence."""

import dataclasses
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.evidence.packs.kinds import AnswerInvalid, clean, is_lei, plain
from compliance.evidence.packs.law import FieldLaw

LEI = "529900T8BM49AURSDO55"  # of the Global LEI Foundation's own examples of the format
FIELD = FieldLaw("x", "A field", (), "addition", "officer", "case", "in force", True, "Help.")


def field(kind, **more):
    return dataclasses.replace(FIELD, kind=kind, **more)


def checked(prefix):
    """The LEI with these 18 signs, another way than the code under test: ISO 7064, 98 - r."""
    number = 0
    for sign in f"{prefix}00":
        value = (string.digits + string.ascii_uppercase).index(sign)
        number = (number * (100 if value > 9 else 10) + value) % 97
    return f"{prefix}{98 - number:02d}"


LEIS = st.text(string.digits + string.ascii_uppercase, min_size=18, max_size=18).map(checked)


@given(LEIS, st.data())
def test_an_lei_is_taken_and_one_with_a_wrong_or_swapped_sign_is_not(lei, data):
    assert is_lei(lei)
    place = data.draw(st.integers(0, 19))
    same = string.digits if lei[place].isdigit() else string.ascii_uppercase
    other = data.draw(st.sampled_from(same))
    wrong = lei[:place] + other + lei[place + 1 :]
    assert is_lei(wrong) == (wrong == lei)
    place = data.draw(st.integers(0, 18))
    swapped = lei[:place] + lei[place + 1] + lei[place] + lei[place + 2 :]
    both_digits = lei[place : place + 2].isdigit() or lei[place : place + 2].isalpha()
    assert not both_digits or is_lei(swapped) == (swapped == lei)


def test_a_known_lei_is_taken_however_it_is_spaced_and_what_is_no_lei_is_refused():
    assert is_lei(LEI)
    assert clean(field("lei"), "5299 00t8 bm49 aurs do55") == LEI
    for wrong in ("", LEI[:-1], f"{LEI}0", LEI.replace("8", "9"), "DUMMYLEI000000000000"):
        assert not is_lei(wrong)
        if wrong:
            with pytest.raises(AnswerInvalid, match="gleif") as error:
                clean(field("lei"), wrong)
            assert wrong not in str(error.value)


@pytest.mark.parametrize(
    ("kind", "good", "kept", "bad"),
    [
        ("day", "2026-11-22", "2026-11-22", ("22.11.2026", "2026-13-01", "20261122", "soon")),
        ("country", "de", "DE", ("DEU", "D1", "Germany")),
        ("currency", "eur", "EUR", ("EURO", "€", "E1R")),
        ("number", "12000", "12000", ("-1", "1.5", "1,000", "1e3", "²")),
        ("line", "ACME Ltd.", "ACME Ltd.", ("two\nlines",)),
    ],
)
def test_a_value_of_a_kind_is_taken_in_its_form_and_no_other(kind, good, kept, bad):
    assert clean(field(kind), good) == kept
    assert clean(field(kind), "") == ""
    for wrong in bad:
        with pytest.raises(AnswerInvalid, match="A field"):
            clean(field(kind), wrong)


def test_a_choice_is_one_of_the_list_and_choices_are_some_of_it_in_its_order():
    listed = (("a", "First"), ("b", "Second"))
    one, many = field("choice", choices=listed), field("choices", choices=listed)
    assert clean(one, "b") == "b"
    assert clean(many, "b\na") == "a\nb"
    assert many.words("a\nb") == "First\nSecond"
    for law, wrong in ((one, "c"), (one, "a\nb"), (many, "a\nc"), (one, "First")):
        with pytest.raises(AnswerInvalid, match=r"choose from the list|on one line"):
            clean(law, wrong)


def test_a_code_of_another_form_is_refused_with_the_words_that_say_which():
    law = field("code", pattern="F[1-9][0-9]*", help="F and a number, as in F1.")
    assert clean(law, "F12") == "F12"
    for wrong in ("F0", "f1", "F1 ", "F1x", "xF1"):
        if wrong.strip() != "F1":
            with pytest.raises(AnswerInvalid, match="as in F1"):
                clean(law, wrong)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+49 30", "-5", "@SUM(A1)", "|x", "%x", "#nil", "#empty", "a\nb", "x" * 1_001],
)
def test_what_a_table_for_machines_cannot_hold_as_it_is_is_refused_at_the_field(text):
    assert clean(field("text"), text) == text  # elsewhere it may be typed
    with pytest.raises(AnswerInvalid) as error:
        clean(field("text", cell=True), text)
    assert text not in str(error.value)


@given(st.text())
def test_what_is_plain_is_no_formula_and_is_kept_as_it_is_but_for_space_around_it(text):
    law = field("line", cell=True)
    try:
        kept = clean(law, text)
    except AnswerInvalid:
        return
    assert kept == text.strip()
    assert plain(kept)
    assert not kept.startswith(("=", "+", "-", "@", "#", "\t"))

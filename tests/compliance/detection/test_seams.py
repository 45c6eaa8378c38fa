from hypothesis import given
from hypothesis import strategies as st

from compliance.detection.reading.seams import BEFORE, BEHIND, TEXTS, WITHIN, seams
from compliance.vocabulary import Category, Finding

IBAN = "DE89 3704 0044 0532 0130 00"


def finding(text, value, entity="IBAN_CODE"):
    start = text.index(value)
    return Finding(0, start, start + len(value), entity, Category.PAYMENT, 0.9, "test")


def covered(texts, value):
    """What is left of the texts where a value that goes over a seam was found."""
    out = list(texts)
    for seam in seams(texts):
        if value in seam.text:
            for piece in sorted(
                seam.pieces([finding(seam.text, value)]), key=lambda p: -p.start
            ):
                text = out[piece.segment]
                out[piece.segment] = text[: piece.start] + "#" + text[piece.end :]
    return out


def test_a_value_split_within_a_group_is_covered_in_both_messages():
    texts = ["My IBAN is DE89 3704 0044 05", "32 0130 00, please remember it."]
    assert covered(texts, IBAN) == ["My IBAN is #", "#, please remember it."]


def test_a_value_split_between_groups_is_covered_in_both_messages():
    texts = ["My IBAN is DE89 3704 0044", "0532 0130 00, please remember it."]
    assert covered(texts, IBAN) == ["My IBAN is #", "#, please remember it."]


def test_an_address_split_before_its_sign_is_covered_in_both_messages():
    texts = ["write to anna.sch", "midt@example.com today"]
    assert covered(texts, "anna.schmidt@example.com") == ["write to #", "# today"]


def test_a_name_cut_within_is_covered_in_both_messages():
    texts = ["My colleague Anna Sch", "midt wrote."]
    assert covered(texts, "Anna Schmidt") == ["My colleague #", "# wrote."]


def test_what_a_model_said_between_does_not_part_a_value():
    texts = ["My IBAN is DE89 3704 0044", "Please go on.", "0532 0130 00"]
    assert covered(texts, IBAN) == ["My IBAN is #", "Please go on.", "#"]


def test_a_value_in_three_messages_is_covered_in_all():
    texts = ["IBAN DE89 3704", "0044 0532", "0130 00 it is"]
    assert covered(texts, IBAN) == ["IBAN #", "#", "# it is"]


def test_what_stands_in_one_message_alone_is_not_given_again():
    texts = [f"My IBAN is {IBAN} and my number is 12", "34 is the rest"]
    (seam,) = seams(texts)
    assert IBAN in seam.text
    assert seam.pieces([finding(seam.text, IBAN)]) == []


def test_messages_that_end_and_begin_as_sentences_have_no_seam():
    texts = [
        *("What is the capital of France?", "Paris.", "And of Spain", "Madrid is the capital."),
        *("Thanks", "You're welcome!", "", "It costs 12 euros.", "Is that all?", "Yes"),
    ]
    assert seams(texts) == []


@given(st.lists(st.text(st.sampled_from("a1@ .\n-+(é😀"), max_size=150), max_size=7))
def test_every_piece_is_what_its_text_holds_and_seams_are_few_and_short(texts):
    made = seams(texts)
    assert len(made) <= 2 * len(texts)
    for seam in made:
        assert len(seam.text) <= 2 * (BEFORE + BEHIND + TEXTS * (WITHIN + 1))
        everything = Finding(0, 0, len(seam.text), "X", Category.PERSONAL, 0.9, "test")
        for piece in seam.pieces([everything]):
            assert 0 <= piece.start < piece.end <= len(texts[piece.segment])
            assert texts[piece.segment][piece.start : piece.end] in seam.text

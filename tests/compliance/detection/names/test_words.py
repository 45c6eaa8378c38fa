import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.detection.names import gazetteer as known
from compliance.detection.names import tokens as of
from compliance.detection.names.tokens import folded, hashed, tokens

TEXTS = [
    ("Frau Weber, 10115 Berlin.", ["Frau", "Weber", ",", "10115", "Berlin", "."]),
    ("AnnaWeber McDonald iPhone", ["Anna", "Weber", "McDonald", "iPhone"]),
    ("user_name\nl'Italie", ["user", "_", "name", "\n", "l", "'", "Italie"]),
    ("A4 2021-05-03", ["A", "4", "2021", "-", "05", "-", "03"]),
]


@pytest.mark.parametrize(("text", "words"), TEXTS)
def test_a_text_is_cut_into_words(text, words):
    assert tokens(text).words == words


@settings(max_examples=40)
@given(st.text(max_size=200))
def test_words_stand_where_they_are_said_to_and_leave_out_only_spaces(text):
    found = tokens(text)
    last = 0
    for word, start, end in zip(found.words, found.starts, found.ends, strict=True):
        assert text[start:end] == word
        assert text[last:start].strip() == ""
        last = end
    assert text[last:].strip() == ""


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("haus", of.LOWER), ("Haus", of.TITLE), ("HAUS", of.UPPER), ("A", of.INITIAL),
        ("iPhone", of.MIXED), ("東京", of.CASELESS), ("7", of.DIGIT), ("42", of.TWO_DIGITS),
        ("2021", of.FOUR_DIGITS), ("10115", of.DIGITS), (",", of.SIGN), ("(", of.OPENING),
        ("\n", of.LINE_END),
    ],
)  # fmt: skip
def test_the_form_of_a_word_is_told(word, shape):
    assert of.shape(word) == shape


def test_lower_case_is_told_apart_where_a_line_has_no_capitals():
    found = tokens("write to anna\nWrite to anna")
    assert found.shapes[:3] == [of.UNCASED] * 3
    assert found.shapes[4:] == [of.TITLE, of.LOWER, of.LOWER]


@settings(max_examples=40)
@given(st.lists(st.text("abcäß", min_size=1, max_size=12), min_size=1, max_size=20))
def test_a_word_has_the_same_hashes_whatever_stands_beside_it(words):
    together = hashed(words)
    for index, word in enumerate(words):
        alone = hashed([word])
        first, last = together.offsets[index], together.offsets[index + 1]
        assert together.rows[index] == alone.rows[0]
        assert (together.prefixes[index] == alone.prefixes[0]).all()
        assert (together.ngrams[first:last] == alone.ngrams).all()


def test_more_words_than_are_hashed_in_one_go_have_the_same_hashes():
    words = [f"word{number}" for number in range(12_000)]
    together = hashed(words)
    alone = hashed(words[-1:])
    assert together.rows[-1] == alone.rows[0]
    assert (together.ngrams[together.offsets[-2] :] == alone.ngrams).all()
    assert len(together.rows) == len(words)


def test_a_gazetteer_knows_a_word_whole_and_by_its_stem():
    names = known.gazetteer({"Anna": known.FIRST, "Novák": known.LAST, "Warszawa": known.CITY})
    words = ["anna", "annie", "novákovi", "warszawie", "table"]
    found = names.features(hashed([folded(word) for word in words]))
    whole = found[:, : known.FLAGS]
    stems = found[:, known.FLAGS :]
    assert whole[0, 0] == 1
    assert whole[1:].sum() == 0
    assert stems[2, 1] == 1
    assert stems[3, 2] == 1
    assert not found[4].any()
    assert found.dtype == np.float32

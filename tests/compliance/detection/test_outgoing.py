"""What of an answer is its caller's own, and how much of it is held back."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.detection.outgoing import CONTEXT, HELD_MAX, Sent, Window
from compliance.vocabulary import Category, Finding

SECRET = re.compile(r"<[a-z ]+>|<[a-z ]+\Z")  # stands for what a detector finds


def found(text):
    return [
        Finding(0, one.start(), one.end(), "PERSON", Category.PERSONAL, 0.9, "test")
        for one in SECRET.finditer(text)
    ]


def sent(pieces):
    """The pieces that go out of a text that comes in these, and how much was held at most."""
    window, out, most = Window(), [], 0
    for place, piece in enumerate(pieces):
        window.add(piece)
        ends = place == len(pieces) - 1
        look = window.look(ends=ends)
        if look is None:
            out.append("")
        else:
            late = [one for one in found(look.text) if one.end > look.start]
            out.append(window.release(look, late, ends=ends)[0])
        most = max(most, window.held)
    return out, most


def cut(text, at):
    places = sorted({0, *(place % (len(text) + 1) for place in at), len(text)})
    return [text[a:b] for a, b in itertools.pairwise(places)] or [""]


words = st.sampled_from(
    ["Good", "day", "to", "<anna>", "<anna weber>", "you.", "So:", "\n", "ä"]
)


@given(st.lists(words, max_size=60).map(" ".join), st.lists(st.integers(0, 500), max_size=40))
def test_however_a_text_is_cut_its_values_are_masked_once_and_the_rest_is_unchanged(text, at):
    out, _ = sent(cut(text, at))
    assert "".join(out) == SECRET.sub("[PERSON]", text)


def test_a_sentence_goes_out_as_soon_as_it_has_ended():
    out, _ = sent(["Good day", ". ", "How", " are you? I", " am well."])
    assert out == ["", "Good day. ", "", "How are you? ", "I am well."]


def test_without_a_boundary_no_more_is_held_than_says_the_bound():
    out, most = sent(["word "] * 1_000)
    assert "".join(out) == "word " * 1_000
    assert most <= HELD_MAX
    out, most = sent(["<", *["no end "] * 1_000])
    assert most <= HELD_MAX + 10
    assert "".join(out).count("[PERSON]") == 1, "of a value without an end nothing goes out"
    assert "no end" not in "".join(out)


def test_what_went_out_is_looked_at_again_with_what_follows():
    window = Window()
    window.add("The first sentence. And")
    first = window.look(ends=False)
    assert first is not None
    window.release(first, [], ends=False)
    window.add(" the second.")
    look = window.look(ends=True)
    assert look is not None
    assert look.text == "The first sentence. And the second."
    assert (look.start, look.cut) == (20, 35)
    assert CONTEXT < HELD_MAX


@pytest.mark.parametrize(
    ("value", "own"),
    [
        ("anna.weber@example.org", True),
        ("ANNA WEBER", True),
        ("Frau Weber", False),
        ("Weber", True),
        ("DE89370400440532013000", True),
        ("DE89 3704 0044 0532 0130 00", True),
        ("DE89 3704 0044 0532 0130 01", False),
        ("Bernd Weber", False),
        ("Li", True),
        ("Lu", False),
        ("Annas", True),
        ("Weberovi", True),
        ("Szymanowskiego", True),
        ("Webster", False),
        ("Szymborska", False),
        ("...", False),
    ],
)
def test_own_is_what_stands_in_the_request_in_whatever_signs(value, own):
    request = [
        "Write to Anna Weber, Li and Szymanowski (anna.weber@example.org)",
        "IBAN de89-3704-0044-0532-0130-00",
    ]
    assert Sent(request).holds(value) is own

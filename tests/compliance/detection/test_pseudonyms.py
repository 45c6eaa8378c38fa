import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.detection.pseudonyms import TOKEN, Unreplaceable, treat
from compliance.detection.restore import Restorer, restore
from compliance.detection.segments import replaced, segments
from compliance.vocabulary import Category, Effect, Finding, Scan, Segment
from tests.compliance.detection.growth import is_linear

KINDS = {
    "PERSON": Category.PERSONAL,
    "EMAIL_ADDRESS": Category.PERSONAL,
    "IBAN_CODE": Category.PAYMENT,
}
PSEUDONYMISE = dict.fromkeys(KINDS, Effect.PSEUDONYMISE)


def found(segment, text, value, entity="PERSON", nth=0):
    start = -1
    for _ in range(nth + 1):
        start = text.index(value, start + 1)
    return Finding(segment, start, start + len(value), entity, KINDS[entity], 0.9, "test")


def texts_of(*texts, replaceable=True):
    return [Segment(f"/messages/{i}/content", t, replaceable) for i, t in enumerate(texts)]


def treated(texts, findings, treatments=PSEUDONYMISE):
    made = treat(texts_of(*texts), Scan(tuple(findings)), treatments)
    return [
        made.texts.get(f"/messages/{i}/content", text) for i, text in enumerate(texts)
    ], made


def test_pseudonyms_are_numbered_by_first_occurrence_and_the_same_value_has_the_same():
    one, two = "Ask Bob, then Anna, then Bob.", "Anna knows bob@example.com"
    out, made = treated(
        [one, two],
        [
            found(0, one, "Bob"),
            found(0, one, "Anna"),
            found(0, one, "Bob", nth=1),
            found(1, two, "Anna"),
            found(1, two, "bob@example.com", "EMAIL_ADDRESS"),
        ],
    )
    assert out == [
        "Ask [PERSON_1], then [PERSON_2], then [PERSON_1].",
        "[PERSON_2] knows [EMAIL_ADDRESS_1]",
    ]
    assert made.pseudonyms == {
        "[PERSON_1]": "Bob",
        "[PERSON_2]": "Anna",
        "[EMAIL_ADDRESS_1]": "bob@example.com",
    }
    assert made.replaced == 5


def test_texts_treated_apart_are_numbered_each_by_itself_and_hide_what_others_showed():
    texts = "Anna and Bob", "Carl met Bob; who is [PERSON_1]?", "Ask Anna."
    found_here = [
        found(0, texts[0], "Anna"),
        found(0, texts[0], "Bob"),
        found(1, texts[1], "Carl"),
    ]
    made = treat(texts_of(*texts), Scan(tuple(found_here)), PSEUDONYMISE, apart=True)
    assert list(made.texts.values()) == [
        "[PERSON_1] and [PERSON_2]",
        "[PERSON_2] met [PERSON_3]; who is [PERSON_1]?",
        "Ask [PERSON_1].",
    ]
    assert made.pseudonyms == {}
    assert made.replaced == 5


def test_a_number_that_the_input_holds_is_skipped_wherever_it_stands():
    one, two = "Anna and Bob", "What does [PERSON_1] mean? And [PERSON_3]?"
    out, made = treated([one, two], [found(0, one, "Anna"), found(0, one, "Bob")])
    assert out == ["[PERSON_2] and [PERSON_4]", two]
    assert restore("[PERSON_1] [PERSON_2]", made.pseudonyms) == "[PERSON_1] Anna"


def test_a_value_found_once_is_replaced_wherever_it_stands_as_a_word():
    one, two = (
        "This is Anna Berg.",
        "anna berg, Anna Berg's, xAnna Berg, Anna Berger; Anna Berg",
    )
    out, _ = treated([one, two], [found(0, one, "Anna Berg")])
    assert out[1] == "anna berg, [PERSON_1]'s, xAnna Berg, Anna Berger; [PERSON_1]"


def test_a_repeat_that_touches_another_finding_leaves_that_finding_whole():
    one, two = "Anna", "anna.Anna@example.com"
    out, _ = treated([one, two], [found(0, one, "Anna"), found(1, two, two, "EMAIL_ADDRESS")])
    assert out == ["[PERSON_1]", "[EMAIL_ADDRESS_1]"]


def test_a_mask_has_no_number_and_does_not_come_back():
    text = "Anna, DE89370400440532013000"
    out, made = treated(
        [text],
        [found(0, text, "Anna"), found(0, text, "DE89370400440532013000", "IBAN_CODE")],
        {"PERSON": Effect.ALLOW, "IBAN_CODE": Effect.MASK},
    )
    assert out == ["Anna, [IBAN_CODE]"]
    assert made.pseudonyms == {}
    assert not TOKEN.search(out[0])


def test_an_entity_that_may_not_be_processed_at_all_is_an_error():
    for treatments in ({"PERSON": Effect.BLOCK}, {}):
        with pytest.raises(ValueError, match="PERSON may not be processed"):
            treated(["Anna"], [found(0, "Anna", "Anna")], treatments)


def test_what_must_be_changed_in_a_place_that_must_stay_is_named_without_its_value():
    for findings in ([found(0, "Anna", "Anna")], [found(1, "Anna", "Anna")]):
        kept = [Segment("/stop/0", "Anna", replaceable=False), Segment("/messages/0", "Anna")]
        with pytest.raises(Unreplaceable) as refusal:
            treat(kept, Scan(tuple(findings)), PSEUDONYMISE)
        assert refusal.value.entity == "PERSON"
        assert "/stop/0" in str(refusal.value)
        assert "Anna" not in str(refusal.value)


def test_what_is_allowed_may_stay_in_a_place_that_must_stay():
    kept = [Segment("/stop/0", "Anna", replaceable=False)]
    assert treat(kept, Scan((found(0, "Anna", "Anna"),)), {"PERSON": Effect.ALLOW}).texts == {}


def test_nothing_personal_shows_in_the_representation():
    _, made = treated(["Anna"], [found(0, "Anna", "Anna")])
    assert "Anna" not in repr(made)


def test_a_value_found_as_two_kinds_is_treated_the_stricter_way_everywhere():
    one = two = "Anna"
    out, _ = treated(
        [one, two],
        [found(0, one, "Anna"), found(1, two, "Anna", "IBAN_CODE")],
        {"PERSON": Effect.ALLOW, "IBAN_CODE": Effect.MASK},
    )
    assert out == ["[IBAN_CODE]", "[IBAN_CODE]"]


@st.composite
def requests(draw):
    """Texts with findings at any places, some of them made of tokens and brackets."""
    parts = st.sampled_from(
        [
            "Anna",
            "Bob Li",
            "x@y.eu",
            "[PERSON_1]",
            "[PERSON_2]",
            "[",
            "]",
            " ",
            ", ",
            "é😀",
            "\x00",
        ]
    )
    texts = draw(st.lists(st.lists(parts, max_size=10).map("".join), max_size=4))
    findings = []
    for index, text in enumerate(texts):
        edges = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
        for start, end in zip(edges[::2], edges[1::2], strict=False):
            entity = draw(st.sampled_from(tuple(KINDS)))
            findings.append(Finding(index, start, end, entity, KINDS[entity], 0.9, "test"))
    return texts, findings


@given(requests())
def test_pseudonyms_put_back_give_the_text_as_it_was(request):
    texts, findings = request
    out, made = treated(texts, findings)
    assert [restore(text, made.pseudonyms) for text in out] == texts


def streamed(text, cuts, pseudonyms, *, json_escaped=False):
    """A text as it leaves when it comes in pieces, cut at any places."""
    restorer = Restorer(pseudonyms, json_escaped=json_escaped)
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    pieces = [restorer.feed(text[start:end]) for start, end in pairwise(edges)]
    return "".join([*pieces, restorer.finish()])


cuts = st.lists(st.integers(0, 500), max_size=12)


@given(requests(), cuts)
def test_pseudonyms_put_back_into_any_stream_give_the_text_as_it_was(request, cuts):
    texts, findings = request
    out, made = treated(texts, findings)
    assert [streamed(text, cuts, made.pseudonyms) for text in out] == texts


@given(requests(), cuts)
def test_arguments_of_a_call_come_back_as_they_were_and_are_json_at_both_ends(request, cuts):
    texts, findings = request
    given_arguments = {"texts": texts, "n": [1, {"deep": texts[:1]}]}
    call = {"function": {"name": "f", "arguments": json.dumps(given_arguments)}}
    body = {"messages": [{"role": "assistant", "tool_calls": [call]}]}
    parts = segments(body)
    of_text = [
        (number, part.text)
        for number, part in enumerate(parts)
        if part.replaceable and part.text in texts
    ]
    scan = Scan(
        tuple(
            replace(finding, segment=number)
            for number, text in of_text
            for finding in findings
            if finding.segment == texts.index(text)
        )
    )
    made = treat(parts, scan, PSEUDONYMISE)
    function = replaced(body, made.texts)["messages"][0]["tool_calls"][0]["function"]
    json.loads(function["arguments"])
    back = streamed(function["arguments"], cuts, made.pseudonyms, json_escaped=True)
    assert json.loads(back) == given_arguments


@given(requests())
def test_no_found_value_of_three_letters_is_left_as_a_word(request):
    texts, findings = request
    out, made = treated(texts, findings)
    for value in made.pseudonyms.values():
        if len(value) >= 3 and value.isalpha():
            # A token stands where letters stood: what it touches was no word of its own.
            outside = [TOKEN.sub("x", text) for text in out]
            assert all(value not in text.split() for text in outside)


@given(requests(), st.lists(st.sampled_from(["Anna", "later"]), max_size=3))
def test_a_history_that_is_sent_again_keeps_its_pseudonyms(request, later):
    texts, findings = request
    first, _ = treated(texts, findings)
    again, _ = treated([*texts, *later], findings)
    assert again[: len(first)] == first


def test_ten_thousand_values_are_treated_in_linear_time():
    def treat(count):
        text = " ".join(f"name{number}" for number in range(count))
        findings, start = [], 0
        for word in text.split():
            findings.append(
                Finding(0, start, start + len(word), "PERSON", Category.PERSONAL, 0.9, "test")
            )
            start += len(word) + 1
        out, made = treated([text, text], findings)
        assert len(made.pseudonyms) == count
        assert out[0] == out[1]

    assert is_linear(treat, 10_000)


def test_values_that_begin_or_end_with_a_sign_are_found_again():
    one, two = "call +49 170 1234567!", "+49 170 1234567, x+49 170 1234567; +49 170 12345678"
    text = "+49 170 1234567"
    out, _ = treated([one, two], [found(0, one, text)])
    assert out[1] == "[PERSON_1], x[PERSON_1]; +49 170 12345678"


def test_a_longer_value_is_preferred_to_a_shorter_one_that_begins_it():
    one, two = "Anna. Anna Berg.", "Anna Berg and Anna"
    out, _ = treated([one, two], [found(0, one, "Anna"), found(0, one, "Anna Berg")])
    assert out[1] == "[PERSON_2] and [PERSON_1]"

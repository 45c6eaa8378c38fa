"""In texts without personal data hardly anything is found."""

from tests.bench.targets.cost import TOKEN
from tests.compliance.detection.ordinary import texts

EVERY = 4  # of the texts, so that it takes a second; `make bench-detection` reads all
RATE = 1 / 2000  # of the words: half of what is aimed at for names and all else together


def test_numbers_and_words_of_ordinary_texts_are_taken_for_nothing_else(detector):
    some = list(texts())[::EVERY]
    words = sum(len(text.split()) for _, text in some)
    wrong = [
        (kind, one.entity)
        for (kind, _), examined in zip(
            some, detector.examine_all([t for _, t in some]), strict=True
        )
        for one in examined.findings
        if one.recogniser != "names" and one.category != "indirect"
    ]
    assert words > 5_000
    assert len(wrong) <= words * RATE, wrong


def test_of_all_that_is_personal_less_than_one_in_a_thousand_tokens_is_found(detector):
    some = [text for _, text in list(texts())[1::EVERY]]
    tokens = sum(map(len, some)) / TOKEN
    wrong = [
        one.entity
        for examined in detector.examine_all(some)
        for one in examined.findings
        if one.category != "indirect"
    ]
    assert tokens > 10_000
    assert len(wrong) <= tokens / 1000, wrong


def test_a_value_behind_such_a_text_is_found_all_the_same(detector):
    value = "DE89 3704 0044 0532 0130 00"
    some = [f"{text}\n\n{value}" for _, text in list(texts())[::EVERY]]
    missed = [
        text[-60:]
        for text, examined in zip(some, detector.examine_all(some), strict=True)
        if not any(
            one.entity == "IBAN_CODE" and text[one.start : one.end] == value
            for one in examined.findings
        )
    ]
    assert missed == []

import json
import logging
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from presidio_analyzer import LocalRecognizer
from presidio_analyzer.nlp_engine import NlpArtifacts

from compliance.detection.categories import CATEGORIES, pairs
from compliance.detection.detector import Detector
from compliance.detection.identifiers import ALL, network
from compliance.detection.language import Languages
from compliance.detection.own import OwnEntities
from compliance.detection.pseudonyms import treat
from compliance.detection.recognisers import Identifiers
from compliance.detection.resolve import resolved
from compliance.detection.secrets import credentials
from compliance.detection.segments import replaced, segments
from compliance.vocabulary import Category, DetectionFailed, Effect, Finding, OwnEntity, Segment
from tests.compliance.detection.growth import is_linear

PLANTED = {
    "PERSON": "Angela Schmidt",
    "EMAIL_ADDRESS": "angela.schmidt@example.de",
    "IBAN_CODE": "DE89 3704 0044 0532 0130 00",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "PHONE_NUMBER": "+49 170 1234567",
}


def found(detector, text):
    scan = detector.scan([Segment("/messages/0/content", text)])
    return [(f.entity, text[f.start : f.end]) for f in scan.findings]


def test_everything_planted_in_english_sentences_is_found(detector):
    text = (
        "My name is {PERSON} and my address is {EMAIL_ADDRESS}. Please pay to {IBAN_CODE} or "
        "charge {CREDIT_CARD}; you can reach me at {PHONE_NUMBER}."
    ).format(**PLANTED)
    assert dict(found(detector, text)) == PLANTED


def test_everything_planted_in_a_tool_argument_is_found_and_replaced(detector):
    arguments = json.dumps(
        {
            "to": PLANTED["EMAIL_ADDRESS"],
            "text": f"Dear {PLANTED['PERSON']}, we charged your card {PLANTED['CREDIT_CARD']}.",
            "account": PLANTED["IBAN_CODE"],
            "phone": PLANTED["PHONE_NUMBER"],
        }
    )
    call = {"id": "1", "type": "function", "function": {"name": "send", "arguments": arguments}}
    body = {"messages": [{"role": "assistant", "content": None, "tool_calls": [call]}]}
    parts = segments(body)
    scan = detector.scan(parts)
    values = {f.entity: parts[f.segment].text[f.start : f.end] for f in scan.findings}
    assert values == PLANTED
    treated = treat(parts, scan, dict.fromkeys(PLANTED, Effect.PSEUDONYMISE))
    sent = json.dumps(replaced(body, treated.texts))
    assert not [value for value in PLANTED.values() if value in sent]
    assert set(treated.pseudonyms.values()) == set(PLANTED.values())


FOUND = [
    ("IBAN AT611904300234573201 1000 EUR", "IBAN_CODE", "AT611904300234573201"),
    ("iban: de89370400440532013000.", "IBAN_CODE", "de89370400440532013000"),
    (
        "FR14 2004 1010 0505 0001 3M02 606 is it",
        "IBAN_CODE",
        "FR14 2004 1010 0505 0001 3M02 606",
    ),
    ("NO93 8601 1117 947", "IBAN_CODE", "NO93 8601 1117 947"),
    ("card 5555-5555-5555-4444 exp 12/26", "CREDIT_CARD", "5555-5555-5555-4444"),
    ("mastercard 2223003122003222", "CREDIT_CARD", "2223003122003222"),
    ("amex 3782 822463 10005", "CREDIT_CARD", "3782 822463 10005"),
    ("call 0171 1234567 today", "PHONE_NUMBER", "0171 1234567"),
    ("office (030) 901820", "PHONE_NUMBER", "(030) 901820"),
    ("phone: 2125551234", "PHONE_NUMBER", "2125551234"),
    ("fax 0033 1 42 68 53 00", "PHONE_NUMBER", "0033 1 42 68 53 00"),
    ("tel:+442071838750", "PHONE_NUMBER", "+442071838750"),
    ("write to bob+news@mail.example.co.uk", "EMAIL_ADDRESS", "bob+news@mail.example.co.uk"),
    ("<jo@xn--mnchen-3ya.de>", "EMAIL_ADDRESS", "jo@xn--mnchen-3ya.de"),
    ("from 203.0.113.9 today", "IP_ADDRESS", "203.0.113.9"),
    ("from 2001:db8::1 today", "IP_ADDRESS", "2001:db8::1"),
    ("mac 00:1A:2B:3C:4D:5E", "MAC_ADDRESS", "00:1A:2B:3C:4D:5E"),
    (
        "see https://example.com/a?b=1&user=anna now",
        "USER_URL",
        "https://example.com/a?b=1&user=anna",
    ),
    ("pay bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "CRYPTO", None),
    ("DNI 12345678Z", "ES_NIF", "12345678Z"),
    ("cf RSSMRA85T10A562S", "IT_FISCAL_CODE", "RSSMRA85T10A562S"),
    ("hetu 131052-308T", "FI_PERSONAL_IDENTITY_CODE", "131052-308T"),
    ("PESEL 44051401359", "PL_PESEL", "44051401359"),
    ("personnummer 811218-9876", "SE_PERSONNUMMER", "811218-9876"),
    ("my NHS number is 943 476 5919", "UK_NHS", "943 476 5919"),
    ("Best regards, Tom Baker", "PERSON", "Tom Baker"),
    ("she moved to Springfield last year", "LOCATION", "Springfield"),
    ("😀👩‍👩‍👧 mail bob@example.com 😀", "EMAIL_ADDRESS", "bob@example.com"),
    ("\u202e\u05e9\u05dc\u05dd bob@example.com", "EMAIL_ADDRESS", "bob@example.com"),
    ("a\x00b bob@example.com\x00", "EMAIL_ADDRESS", "bob@example.com"),
    ("\ud800 bob@example.com \udfff", "EMAIL_ADDRESS", "bob@example.com"),
]


@pytest.mark.parametrize(("text", "entity", "value"), FOUND)
def test_a_value_is_found_where_it_stands(detector, text, entity, value):
    results = found(detector, text)
    assert entity in [kind for kind, _ in results]
    if value is not None:
        assert (entity, value) in results


NOTHING = [
    "",
    "Hi",
    "42",
    "What is the capital of France?",
    "Write a short poem about the sea in the United States.",
    "def add(a, b):\n    return a + b",
    "std::vector<int> a::b; ::1",
    "ping 127.0.0.1 and 0.0.0.0",
    "[PERSON_1] met [PERSON_2] and [EMAIL_ADDRESS_1]",
    "[[[]]] [PERSON_",
    "order 1234567, total 123456789, at 1700000000",
    "2024-01-15 10:22:33 and 10/12/2024",
    "DE89370400440532013001 has a wrong check digit",
    "4111 1111 1111 1112 has a wrong check digit",
    "user@localhost, a@b.c and @mention",
    "https://example.com/docs?page=2",
    "123456789012345678901234567890",
    "3.14159265358979 and 1,234,567.89",
    "0123456789",
]


@pytest.mark.parametrize("text", NOTHING)
def test_nothing_is_found_where_nothing_is(detector, text):
    findings = detector.examine(text).findings
    assert [one for one in findings if one.category is not Category.INDIRECT] == []


texts = st.lists(
    st.sampled_from(
        [
            *PLANTED.values(),
            "4111 1111",
            "@",
            "password=hunter2",
            ".",
            "[PERSON_1]",
            "\x00",
            "😀",
        ]
    )
    | st.text(max_size=6),
    max_size=6,
).map("".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(texts, max_size=3))
def test_findings_are_sorted_and_within_their_text_and_do_not_overlap(detector, given_texts):
    parts = [Segment(f"/{index}", text) for index, text in enumerate(given_texts)]
    findings = detector.scan(parts).findings
    places = [(f.segment, f.start, f.end) for f in findings]
    assert places == sorted(places)
    for one in findings:
        assert 0 <= one.start < one.end <= len(given_texts[one.segment])
        assert (one.category, one.entity) in pairs(one.entity)
    for one, other in pairwise(findings):
        assert one.segment < other.segment or one.end <= other.start


def test_overlapping_findings_are_covered_whole_by_the_strongest(detector):
    text = "https://anna:Sommer2024@example.de/?user=anna"
    (both,) = detector.examine(text).findings
    assert both.category is Category.CREDENTIAL
    assert text[both.start : both.end].endswith("user=anna")


def test_what_identifies_only_with_other_data_gives_way_and_keeps_its_rest():
    def one(start, end, category):
        return Finding(0, start, end, str(category), category, 0.9, "test")

    place = one(0, 30, Category.INDIRECT)
    persons = [one(5, 10, Category.PERSONAL), one(10, 12, Category.PERSONAL)]
    left = [(f.start, f.end, f.category) for f in resolved([place, *persons])]
    assert left == [
        (0, 5, Category.INDIRECT),
        (5, 10, Category.PERSONAL),
        (10, 12, Category.PERSONAL),
        (12, 30, Category.INDIRECT),
    ]


def test_a_name_gives_way_to_what_was_checked_and_keeps_its_rest():
    text = "Anna Berg, anna@example.de"
    name = Finding(0, 0, 26, "PERSON", Category.PERSONAL, 0.99, "names")
    mail = Finding(0, 11, 26, "EMAIL_ADDRESS", Category.PERSONAL, 0.9, "email_address")
    left = [(f.entity, text[f.start : f.end]) for f in resolved([name, mail], text)]
    assert left == [("PERSON", "Anna Berg"), ("EMAIL_ADDRESS", "anna@example.de")]


def test_own_entities_are_found_beside_the_others_and_named_by_the_policy(detector):
    case = OwnEntity("CASE", "A case.", Category.SPECIAL, pattern=r"AZ-\d{4}")
    detector.own = OwnEntities([case])
    try:
        assert found(detector, "AZ-1234 of Angela Schmidt") == [
            ("CASE", "AZ-1234"),
            ("PERSON", "Angela Schmidt"),
        ]
    finally:
        detector.own = OwnEntities([])


def test_what_is_glued_to_an_own_entity_is_found(detector):
    case = OwnEntity("CASE", "A case.", Category.SPECIAL, pattern=r"AZ-\d{6}")
    detector.own = OwnEntities([case])
    try:
        assert found(detector, "Ring about AZ-123456+491701234567") == [
            ("CASE", "AZ-123456"),
            ("PHONE_NUMBER", "+491701234567"),
        ]
    finally:
        detector.own = OwnEntities([])


def test_a_name_is_found_wherever_it_stands_in_a_long_text(detector):
    text = "The weather was fine that day. " * 400 + "Then Angela Schmidt called."
    assert ("PERSON", "Angela Schmidt") in found(detector, text)


def test_coverage_names_every_kind_that_can_be_found(detector):
    coverage = detector.coverage
    assert {entity for _, entity in coverage} <= set(CATEGORIES)
    assert (Category.CREDENTIAL, "PASSWORD") in coverage
    assert (Category.PERSONAL, "PERSON") in coverage
    assert (Category.SPECIAL, "HEALTH") in coverage
    assert (Category.CRIMINAL, "CRIMINAL_OFFENCE") in coverage


def test_time_that_has_run_out_is_an_error_and_not_a_shorter_scan(detector):
    with pytest.raises(DetectionFailed, match="too long"):
        detector.examine("Angela Schmidt", 0.0)
    assert detector.examine("Angela Schmidt").findings


class Faulty(LocalRecognizer):
    """Fails as a recogniser might, with the text in its words."""

    def load(self):
        pass

    def analyze(self, text, entities, nlp_artifacts=None):
        del entities, nlp_artifacts
        raise RuntimeError(text)


def test_a_recogniser_that_errs_fails_the_scan_without_a_word_of_the_text():
    detector = Detector()
    detector._engine.registry.add_recognizer(Faulty(["PERSON"]))
    with pytest.raises(DetectionFailed, match="RuntimeError") as failure:
        detector.examine("Angela Schmidt")
    assert "Angela" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_nothing_of_a_text_is_logged(detector, caplog):
    with caplog.at_level(logging.DEBUG):
        found(detector, "IBAN DE00 0000 0000 0000 0000 00 of Angela Schmidt, x@example.de")
    assert caplog.text == ""


def test_the_bundled_suffix_list_is_used_and_no_cache_is_written():
    extract = network.suffixes()
    assert extract.suffix_list_urls == ()
    assert not extract._cache.enabled
    assert extract("example.co.uk").suffix == "co.uk"


def test_loading_and_scanning_open_no_socket():
    program = (
        "import sys; sys.addaudithook(lambda event, _: event.startswith('socket.connect') "
        "and sys.exit('it went online'))\n"
        "from compliance.detection.detector import Detector\n"
        "from compliance.vocabulary import Segment\n"
        "print(len(Detector().scan([Segment('/x', 'to bob@example.com')]).findings))"
    )
    root = Path(__file__).parents[3]
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.returncode) == ("1\n", 0)


LENGTH = 100_000
ADVERSARIAL = [
    *("1", "1 ", "0 1", "a@", "@a.b", "a!", "a.", "1:", "ab:", "http://a?", "http://a?b=c&"),
    *("AB12", "AB12 ", "1-", "+1", "(1", "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", "key_"),
    *(
        "password=",
        "pass_",
        "api_key_secret-",
        "http://a:b",
        "sk-",
        "-",
        "_",
        " ",
        "[",
        "basic ",
    ),
]


@cache
def identifiers():
    return Identifiers(ALL, lambda _: "de")


NO_ARTIFACTS = cast("NlpArtifacts", None)  # these recognisers look at the text alone


@pytest.mark.parametrize("unit", ADVERSARIAL)
def test_no_pattern_hangs_on_a_long_text_made_against_it(unit):
    for recogniser in [identifiers(), *credentials.recognisers()]:

        def look(length, recogniser=recogniser):
            text = unit * (length // len(unit))
            recogniser.analyze(text, recogniser.supported_entities, NO_ARTIFACTS)

        assert is_linear(look, LENGTH), recogniser.supported_entities


def test_language_is_told_in_linear_time():
    languages = Languages()
    for unit in [
        *ADVERSARIAL,
        "`a ",
        "<a",
        "<a>",
        "{a} ",
        "](",
        "a_",
        "```",
        "`a b c` ",
        "a: ",
    ]:

        def read(length, unit=unit):
            languages.read(unit * (length // len(unit)))

        assert is_linear(read, LENGTH), unit


def test_limits_in_schemas_are_no_personal_data(detector):
    limits = [
        *(2**31 - 1, 2**32 - 1, 2**53 - 1, 2**63 - 1, 10**6, 10**9, 10**12, 0.000001),
        *(-(2**31), 65_535_000, 253402300799, 86_400_000, 1e-9),
    ]
    properties = {"n": {"enum": limits, "maximum": limits[0]}}
    body = {"tools": [{"function": {"parameters": {"properties": properties}}}]}
    parts = segments(body)
    assert len(parts) >= len(limits)
    assert detector.scan(parts).findings == ()


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("CHE907822261IVA30179270605", "CH_VAT", "CHE907822261IVA"),  # glued to the other
        ("30039899049 530263 4879", "IS_NATIONAL_ID", "530263 4879"),  # taken for its part
        ("06 70070 131052-308T", "PHONE_NUMBER", "06 70070"),  # read together with its half
        # In the language of an address.
        ("CHE107787577IVA sli 65816869816", "NO_NATIONAL_ID", "65816869816"),
        # Nearer to its word, once a mask is shorter than the address between them.
        (
            "AG07. 401 56 923|Rua das Flores, 12, 4050-265 Porto|plaque d'immatriculation",
            "CH_NUMBER_PLATE",
            "AG07",
        ),
        # In Polish, once a street is gone from the words around it.
        (
            "853-565-61-83: Czy wolno łącz. Slovenski cesti 29, 1000 Ljubljana. ",
            "PL_TAX_ID",
            "853-565-61-83",
        ),
        # In a column, once a comma is gone from a cell before it.
        (
            "address,name,BSN\n"
            + "Kerkstraat 12 Utrecht,Anna,111222333\n" * 4
            + "Hauptstraße 5, 10115 Berlin,the same,123456782",
            "NL_NATIONAL_ID",
            "123456782",
        ),
    ],
)
def test_what_counts_once_what_stands_beside_it_is_masked_is_found(
    detector, text, entity, value
):
    start = text.index(value)
    assert (entity, start, start + len(value)) in {
        (one.entity, one.start, one.end) for one in detector.examine(text).findings
    }

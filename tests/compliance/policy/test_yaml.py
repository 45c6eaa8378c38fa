import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.policy.default import DEFAULT
from compliance.policy.rules import (
    Condition,
    Hours,
    PolicyRefused,
    Rule,
    Where,
    canonical,
    parse,
    policy,
)
from compliance.policy.yaml import from_yaml, to_yaml
from compliance.vocabulary import Effect
from tests.compliance.policy.documents import policies

NORWAY = """\
name: Plain words        # a comment
version: 1
zone: Europe/Oslo
rules:
  - id: "null"
    description: |
      Two
      lines
    when:
      hours: {days: [1, 2], from: 08:00, to: 18:30}
      high_risk: false
      purposes: [yes, off, 2026-08-05, 1e3, 0x1f, "12", .5]
    effect: allow
    where: {countries: [NO, DE]}
    obligations: {review: true, content_days: 0}
"""


def test_plain_words_mean_what_they_look_like():
    document = json.loads(from_yaml(NORWAY.replace("Two\n      lines\n", "Two lines\n")))
    rule = document["rules"][0]
    assert rule["id"] == "null"
    assert rule["where"]["countries"] == ["NO", "DE"]
    assert rule["when"]["hours"] == {"days": [1, 2], "from": "08:00", "to": "18:30"}
    assert rule["when"]["purposes"] == ["yes", "off", "2026-08-05", "1e3", "0x1f", "12", ".5"]
    assert rule["when"]["high_risk"] is False
    assert rule["obligations"] == {"review": True, "content_days": 0}


@settings(max_examples=40, deadline=None)
@given(policies())
def test_a_policy_is_read_back_from_yaml_as_it_was(made):
    assert parse(from_yaml(to_yaml(made))) == made


AWKWARD = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp"]), min_size=1
).filter(str.strip) | st.sampled_from(
    ["yes", "NO", "null", "~", "08:00", "18:00", "1_000", "-", "- a", "a: b", "#", "&a", "*a"]
)


@settings(max_examples=60, deadline=None)
@given(AWKWARD)
def test_a_text_stays_the_text_that_it_is(text):
    when = Condition(purposes=frozenset({text}), hours=Hours(frozenset({1}), 480, 1080))
    where = Where(countries=frozenset({"NO"}), operators=frozenset({text}))
    rules = (Rule(text[:64], text, when, Effect.ALLOW, where),)
    made = policy(text, 1, rules, zone="Europe/Oslo")
    assert json.loads(from_yaml(to_yaml(made))) == json.loads(canonical(made))


def test_yaml_is_written_in_the_order_in_which_a_person_reads():
    text = to_yaml(DEFAULT)
    assert text.startswith("name: eu-default\nversion: 1\nrules:\n- id: credentials\n")
    assert from_yaml(text)


BOMB = "a: &a [x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("ab", "bc", strict=True)
)

REFUSED = [
    ("", "the policy is empty"),
    ("# nothing\n", "the policy is empty"),
    ("name: &a x\nother: *a\n", "line 1: anchors and aliases are not read"),
    ("rules: &a\n  - *a\n", "anchors and aliases are not read"),
    (BOMB, "anchors and aliases are not read"),
    ("name: *a\n", "line 1: anchors and aliases are not read"),
    ("name: one\nname: two\n", "line 2: name is given twice"),
    ("rules: [{id: a, id: b}]\n", "line 1: id is given twice"),
    ("name: !!python/object/apply:os.system [id]\n", "line 1: tags are not read"),
    ("version: !!int 1\n", "tags are not read"),
    ("a: 1\n---\nb: 2\n", "line 2: a second document begins"),
    ("? [a]\n: b\n", "the name of a member must be a text"),
    ("1: b\n", "the name of a member must be a text"),
    ("true: b\n", "the name of a member must be a text"),
    ("name: [a\n", "the policy is not YAML at line"),
    ("name: \tx: y\n", "the policy is not YAML at line"),
    ("name: a\x00b\n", "the policy is not YAML"),
    ("name: \ud800\n", "the policy is not YAML"),
    ("[" * 100_000, "too many levels"),
    ("- " * 5_000, "too many levels"),
    ("a: " + "x" * (256 << 10), "larger than 256 KiB"),
    ('name: "\\U00110000"\n', "a number or an escaped character out of range"),
    ('name: "\\UFFFFFFFF"\n', "a number or an escaped character out of range"),
    (f"%YAML 1.{'9' * 5_000}\n---\nname: a\n", "out of range"),
    ('"\\uD800": 1\n"\\uD800": 2\n', r"line 2: '\ud800' is given twice"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_json_does_not_have_is_refused_with_its_line(text, message):
    with pytest.raises(PolicyRefused) as refusal:
        from_yaml(text)
    assert message in str(refusal.value)
    assert str(refusal.value).encode()


def test_a_number_that_is_too_long_is_a_text_and_refused_as_such():
    text = to_yaml(DEFAULT).replace("version: 1", "version: " + "9" * 40)
    with pytest.raises(PolicyRefused, match="version: must be an integer"):
        parse(from_yaml(text))


def test_not_a_number_is_a_text_and_refused_as_such():
    for word in (".nan", ".inf", "NaN", "1.5"):
        text = to_yaml(DEFAULT).replace("version: 1", f"version: {word}")
        with pytest.raises(PolicyRefused, match="version: must be an integer"):
            parse(from_yaml(text))

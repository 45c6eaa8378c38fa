"""Witness policies (C2SP tlog-policy): what they mean, and what is refused at which line."""

from __future__ import annotations

from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from compliance.audit import checkpoint, cosignature
from compliance.audit.checkpoint import Checkpoint
from compliance.audit.quorum import Policy, PolicyInvalid, judge, parse

ORIGIN = "example.org/log/1"
STATE = Checkpoint(ORIGIN, 7, bytes(32))
LOG = Ed25519PrivateKey.from_private_bytes(bytes(32))
LOG_KEY = checkpoint.verifier_key(ORIGIN, LOG.public_key().public_bytes_raw())
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(1, 9)]


def vkey(at: int) -> str:
    public = KEYS[at].public_key().public_bytes_raw()
    return cosignature.verifier_key(f"example.net/w{at}", public)


def note(*signers: int) -> bytes:
    lines = [
        cosignature.cosign(STATE.text(), f"example.net/w{at}", KEYS[at], 1000 + at)
        for at in signers
    ]
    return checkpoint.sign(STATE, LOG) + "".join(lines).encode()


WITNESSES = "".join(f"witness w{at} {vkey(at)}\n" for at in range(6))
EXAMPLE = f"""\
# two of the first three, and one of the others
log {LOG_KEY} https://example.org/log
\t{WITNESSES}
group X 2 w0 w1 w2
group Y any w3 w4 w5
  group both all X Y
quorum both
"""


@pytest.mark.parametrize(
    ("signers", "met"),
    [
        ((), False),
        ((0, 1), False),
        ((0, 3), False),
        ((0, 1, 3), True),
        ((1, 2, 5), True),
        ((3, 4, 5), False),
        ((0, 1, 2, 3, 4, 5), True),
    ],
)
def test_two_levels_of_groups_count_as_they_say(signers, met):
    found = judge(parse(EXAMPLE), note(*signers))
    assert found.met is met
    assert set(found.signed) == {f"w{at}" for at in signers}
    assert set(found.absent) == {f"w{at}" for at in range(6)} - set(found.signed)
    assert found.words.startswith("Witnessed by" if met else "NOT witnessed by")


def test_a_quorum_of_none_and_one_of_a_single_witness():
    assert judge(parse("quorum none\n"), note()).met
    single = parse(f"witness w0 {vkey(0)}\nquorum w0\n")
    assert judge(single, note(0)).signed == {"w0": 1000}
    assert not judge(single, note(1)).met


def test_a_false_cosignature_is_none():
    single = parse(f"witness w0 {vkey(0)}\nquorum w0")
    line = cosignature.cosign("another text\n", "example.net/w0", KEYS[0], 5).encode()
    assert not judge(single, note() + line).met
    other = Checkpoint(ORIGIN, 8, bytes(32))
    moved = note(0).replace(STATE.text().encode(), other.text().encode())
    assert not judge(single, moved).met


def test_a_policy_that_names_logs_counts_for_these_only():
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32).public_key().public_bytes_raw()
    rest = f"witness w0 {vkey(0)}\nquorum w0\n"
    assert judge(parse(f"log {LOG_KEY}\n{rest}"), note(0)).met
    found = judge(parse(f"log {checkpoint.verifier_key(ORIGIN, other)}\n{rest}"), note(0))
    assert not found.met
    assert "other logs" in found.words


REFUSED = [
    ("", None, "no line `quorum`"),
    (WITNESSES, None, "no line `quorum`"),
    ("quorum w9", 1, "no line above defines w9"),
    (f"quorum w0\n{WITNESSES}", 1, "no line above defines w0"),
    (f"{WITNESSES}quorum w0\nquorum w1", 8, "a quorum already"),
    (f"{WITNESSES}group g 0 w0\nquorum g", 7, "not 0"),
    (f"{WITNESSES}group g 2 w0\nquorum g", 7, "not 2"),
    (f"{WITNESSES}group g 01 w0\nquorum g", 7, "not 01"),
    (f"{WITNESSES}group g most w0 w1\nquorum g", 7, "not most"),
    (f"{WITNESSES}group g all\nquorum g", 7, "too few words"),
    (f"{WITNESSES}group g any g\nquorum g", 7, "defines g"),
    (f"{WITNESSES}group g any w0\ngroup h any w0\nquorum h", 8, "w0 is in a group"),
    (f"{WITNESSES}group g any w0 w0\nquorum g", 7, "w0 is in a group"),
    (f"{WITNESSES}group w0 any w1\nquorum w0", 7, "w0 is taken"),
    (f"witness none {vkey(0)}\nquorum none", 1, "none is taken"),
    (f"witness a {vkey(0)}\nwitness b {vkey(0)}\nquorum a", 2, "in a line above"),
    (f"log {LOG_KEY}\nlog {LOG_KEY}\nquorum none", 2, "in a line above"),
    (f"log {vkey(0)}\nquorum none", 1, "not the verifier key"),
    (f"witness a {LOG_KEY}\nquorum a", 1, "not one for cosignatures"),
    ("quorum none\nwhatever", 2, "a line begins with"),
    ("\n# comment\nquorum none now", 3, "too few words or too many"),
    (f"witness a\x0b {vkey(0)}\nquorum none", 1, "control character"),
    ("#" * 70_000, None, "at most"),
]


@pytest.mark.parametrize(("text", "line", "words"), REFUSED)
def test_what_cannot_be_meant_is_refused_at_its_line(text, line, words):
    with pytest.raises(PolicyInvalid, match=words) as found:
        parse(text)
    assert line is None or str(found.value).startswith(f"Line {line}: ")


@st.composite
def policies(draw) -> tuple[str, object]:
    """A policy's text, and the same as nested tuples (needed, members) and numbers."""
    free: list[tuple[str, object]] = [(f"w{at}", at) for at in range(6)]
    lines = [WITNESSES]
    for number in range(draw(st.integers(0, 4))):
        count = draw(st.integers(1, len(free)))
        chosen = [free.pop(draw(st.integers(0, len(free) - 1))) for _ in range(count)]
        needed = draw(st.integers(1, count))
        words = {1: ["any", "1"], count: ["all", str(count)]}.get(needed, [str(needed)])
        word = draw(st.sampled_from(words))
        lines.append(f"group g{number} {word} {' '.join(name for name, _ in chosen)}\n")
        free.append((f"g{number}", (needed, [value for _, value in chosen])))
    name, value = draw(st.sampled_from(free))
    return "".join([*lines, f"quorum {name}\n"]), value


def witnessed(value: object, signers: set[int]) -> bool:
    if isinstance(value, int):
        return value in signers
    assert isinstance(value, tuple)
    needed, members = value
    count = sum(witnessed(member, signers) for member in members)
    return bool(count >= needed)


@given(policies(), st.sets(st.integers(0, 5)), st.integers(0, 5))
def test_any_policy_counts_as_its_groups_say_and_one_more_witness_never_harms(
    made, signers, more
):
    text, value = made
    policy = parse(text)
    assert isinstance(policy, Policy)
    names = {f"w{at}" for at in signers}
    assert policy.met(names) is witnessed(value, signers)
    assert policy.met(names) <= policy.met({*names, f"w{more}"})


@given(st.text(max_size=200))
def test_no_text_is_more_than_refused(text):
    with suppress(PolicyInvalid):
        parse(text)

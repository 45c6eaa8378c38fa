"""Laws of detection, on texts that hypothesis makes of values, words and any characters."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.detection.identifiers import ALL
from compliance.detection.matching.passes import read
from compliance.detection.matching.words import spaced
from compliance.detection.pseudonyms import treat
from compliance.detection.resolve import resolved
from compliance.vocabulary import Category, Effect, Finding, Segment
from tests.compliance.detection.test_identifiers import TABLES, matcher

VALUES = sorted({values.valid[0] for values in TABLES.values()})
WORDS = sorted({row.words[0].rstrip("*") for row in ALL if row.words})

pieces = (
    st.sampled_from(VALUES)
    | st.sampled_from(WORDS)
    | st.sampled_from([": ", ", ", "\n", " ", ";", "|", '"', "@", "\u200b", "٣", "ß", "İ"])
    | st.text(max_size=8)
)
texts = st.lists(pieces, max_size=12).map("".join)
law = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@law
@given(st.text())
def test_a_text_is_read_as_one_byte_a_character(text):
    assert len(read(text)) == len(text)
    assert len(spaced(read(text))) == len(text)


@law
@given(texts)
def test_matches_lie_inside_the_text_and_apart(text):
    end = 0
    for match in matcher().found(text):
        assert end <= match.start < match.end <= len(text)
        assert 0 < match.score <= 1
        end = match.end


@law
@given(texts)
def test_what_stands_around_a_value_beside_its_word_does_not_hide_it(text):
    """Whatever stands two lines before it: at most it becomes part of a longer value."""
    said = f"{text}\n\nSozialversicherungsnummer: 1237 010180"
    assert any(match.end == len(said) for match in matcher().found(said))


spans = st.tuples(st.integers(0, 40), st.integers(1, 12))
kinds = st.sampled_from(list(Category))
findings = st.lists(
    st.builds(
        lambda span, kind, score, by: Finding(
            0, span[0], span[0] + span[1], str(kind), kind, score, by
        ),
        spans,
        kinds,
        st.sampled_from([0.5, 0.7, 0.9]),
        st.sampled_from(["names", "other"]),
    ),
    max_size=8,
)


@law
@given(findings)
def test_resolving_leaves_no_character_out_and_nothing_overlaps(found):
    kept = resolved(found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(kept))
    assert _covered(kept) == _covered(found)


@law
@given(findings)
def test_resolving_never_makes_less_of_what_stands_somewhere(found):
    """Where a finding of more than indirect data was, none of indirect data is then."""
    direct = _covered([one for one in found if one.category is not Category.INDIRECT])
    kept = resolved(found)
    weak = _covered([one for one in kept if one.category is Category.INDIRECT])
    checked = _covered(
        [o for o in found if o.category is Category.INDIRECT and o.recogniser != "names"]
    )
    assert weak & direct <= checked


def _covered(found):
    return {place for one in found for place in range(one.start, one.end)}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts)
def test_nothing_is_found_where_all_was_masked(detector, text):
    segment = Segment("/messages/0/content", text)
    scan = detector.scan([segment])
    effects = dict.fromkeys({one.entity for one in scan.findings}, Effect.MASK)
    masked = treat([segment], scan, effects).texts.get(segment.pointer, text)
    left = detector.scan([Segment("/messages/0/content", masked)]).findings
    assert [(f.entity, masked[f.start : f.end]) for f in left] == []

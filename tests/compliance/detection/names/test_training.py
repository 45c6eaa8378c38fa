import random

import numpy as np
import onnxruntime
import pytest

from compliance.detection.names.labels import CLASSES, DILATIONS, TAGS
from compliance.detection.names.model import FOLDER
from compliance.detection.names.tokens import tokens
from compliance.detection.names.training import LANGUAGES, export, marked, places
from compliance.detection.names.training.corpus import encoded, tagged
from compliance.detection.names.training.inflect import inflected
from compliance.detection.names.training.plain import made_up
from compliance.detection.names.training.slots import EVERY, Sentence, templates


@pytest.mark.parametrize(
    ("language", "case", "name", "form"),
    [
        ("pl", "gen", "Anna Nowak", "Anny Nowaka"), ("cs", "ins", "Praha", "Prahou"),
        ("fi", "ine", "Turku", "Turussa"), ("hu", "ine", "Budapest", "Budapestban"),
        ("lt", "loc", "Vilnius", "Vilniuje"), ("el", "acc", "Γιώργος", "Γιώργο"),
        ("de", "gen", "Anna", "Annas"), ("bg", "gen", "София", "София"),
        ("en", "dat", "Tom", "Tom"),
    ],
)  # fmt: skip
def test_names_take_the_endings_of_their_language(language, case, name, form):
    # Endings are rough: consonants that soften inside a stem are left as they are.
    assert inflected(language, case, name)[:3] == form[:3]
    assert inflected(language, case, name)[-1] == form[-1]


def test_every_language_has_sentences_streets_and_organisations():
    for language in LANGUAGES:
        lines = templates(language)
        assert len(lines) >= 90, language
        assert sum("{" not in line for line in lines) >= 20, language
        for table in (places.STREETS, places.ADDRESSES, places.ORGANISATIONS, places.REGIONS):
            assert len(table[language]) >= 2, language


def test_words_of_a_span_are_tagged_first_and_inside():
    text = "Mr Tom Baker is in Ulm."
    found = tokens(text)
    tags = tagged(found.starts, found.ends, ((3, 12, "PERSON"), (19, 22, "LOCATION")))
    assert [TAGS[tag] for tag in tags] == [
        "O", "B-PERSON", "I-PERSON", "O", "O", "B-LOCATION", "O",
    ]  # fmt: skip


def test_a_class_that_a_source_does_not_annotate_may_be_in_it():
    some = frozenset({"PERSON", "LOCATION"})
    arrays = encoded(
        [
            ("a", Sentence("de", "am Montag", (), some)),
            ("b", Sentence("de", "am Montag", (), EVERY)),
        ]
    )
    open_, closed = (arrays["unannotated"][index] for index in arrays["allowed"])
    assert open_[TAGS.index("B-DATE_TIME")]
    assert not open_[TAGS.index("B-PERSON")]
    assert closed.sum() == 1  # only O


def test_nothing_is_left_of_the_slots_of_made_up_text():
    assert not [one for one in made_up(200, random.Random(1)) if "{w}" in one.text]


def test_a_table_of_bytes_is_close_to_what_it_was_made_of():
    table = np.random.default_rng(1).normal(size=(50, 16)).astype(np.float32)
    rows, scales = export.quantised(table)
    assert rows.dtype == np.int8
    assert np.abs(rows * scales.astype(np.float32)[:, None] - table).max() < 0.02


def small_weights():
    rng = np.random.default_rng(3)
    shapes = {
        "project.weight": (8, 10), "project.bias": (8,), "form.weight": (28, 8),
        "tag.weight": (len(TAGS), 8), "tag.bias": (len(TAGS),),
        **{f"norms.{i}.{part}": (8,) for i in range(5) for part in ("weight", "bias")},
        **{f"convolutions.{i}.weight": (8, 8, 3) for i in range(4)},
        **{f"convolutions.{i}.bias": (8,) for i in range(4)},
    }  # fmt: skip
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def by_hand(weights, features, which, form):
    """The network for one window, written down plainly."""

    def normed(x, layer):
        x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
        return x * weights[f"norms.{layer}.weight"] + weights[f"norms.{layer}.bias"]

    word = features @ weights["project.weight"].T + weights["project.bias"]
    x = word[which] + weights["form.weight"][form]
    for layer, dilation in enumerate(DILATIONS):
        y = np.pad(normed(x, layer), ((dilation, dilation), (0, 0)))
        near = [y[at * dilation : at * dilation + len(x)] for at in range(3)]
        kernel = weights[f"convolutions.{layer}.weight"]
        y = sum(part @ kernel[:, :, at].T for at, part in enumerate(near))
        x = x + np.maximum(y + weights[f"convolutions.{layer}.bias"], 0)
    logits = normed(x, len(DILATIONS)) @ weights["tag.weight"].T + weights["tag.bias"]
    chances = np.exp(logits - logits.max(1, keepdims=True))
    return chances / chances.sum(1, keepdims=True)


def test_the_network_that_is_written_is_the_one_that_was_trained():
    weights = small_weights()
    rng = np.random.default_rng(5)
    features = rng.normal(size=(6, 10)).astype(np.float32)
    which, form = rng.integers(0, 6, 30), rng.integers(0, 28, 30)
    session = onnxruntime.InferenceSession(export.network(weights).SerializeToString())
    padded = np.zeros((1, 37), np.int64)
    mask = np.zeros((1, 37, 1), np.float32)
    mask[:, :30] = 1
    words, forms = padded.copy(), padded.copy()
    words[0, :30], forms[0, :30] = which, form
    fed = {"features": features, "mask": mask, "which": words, "form": forms}
    (chances,) = session.run(None, fed)
    assert np.abs(chances[0, :30] - by_hand(weights, features, which, form)).max() < 1e-4


def test_what_is_delivered_has_its_sums_beside_it():
    named = {line.split()[1] for line in (FOLDER / "SHA256SUMS").read_text().splitlines()}
    assert named == {file.name for file in FOLDER.iterdir()} - {"SHA256SUMS"}


def test_a_mark_becomes_a_span_and_a_lost_bracket_is_an_error():
    text, spans = marked.read(r"[P Jana Kováčová] lives\nin [L Brno].")
    assert text == "Jana Kováčová lives\nin Brno."
    assert [(text[start:end], label) for start, end, label in spans] == [
        ("Jana Kováčová", "PERSON"),
        ("Brno", "LOCATION"),
    ]
    for wrong in ("[P Jana", "Jana]", "[X Jana]", "[P ]", "", "[P [L Brno]]"):
        with pytest.raises(ValueError, match="marks are not right"):
            marked.read(wrong)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_texts_of_a_language_can_be_read_and_none_stands_twice(language):
    found = list(marked.texts(language))
    assert len({one.text for one in found}) == len(found) > 700
    named = [one for one in found if one.spans]
    assert len(found) / 3 < len(named) < len(found)
    assert {label for one in named for _, _, label in one.spans} == set(CLASSES)

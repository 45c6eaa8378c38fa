from itertools import pairwise
from pathlib import Path

import pytest
import regex

from compliance.detection.special import special, terminology
from compliance.detection.special.special import SpecialCategories
from compliance.vocabulary import Category
from tests.compliance.detection.growth import is_linear

LINES = [
    line
    for line in Path(__file__).with_name("special_sentences.txt").read_text("utf-8").split("\n")
    if line and not line.startswith("#")
]
LANGUAGES = sorted({line.split()[0] for line in LINES})


@pytest.fixture(scope="module")
def categories():
    return SpecialCategories()


def found(categories, written):
    """What is found in a text, in which {…} stands around the names of persons."""
    persons, text, end = [], "", 0
    for name in regex.finditer(r"\{(.*?)\}", written):
        text += written[end : name.start()]
        persons.append((len(text), len(text) + len(name[1])))
        text, end = text + name[1], name.end()
    text += written[end:]
    return [(f.entity, text[f.start : f.end]) for f in categories.find(text, persons)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_sentence_says_of_a_person_is_found_and_what_it_says_of_none_is_not(
    categories, language
):
    said = [line for line in LINES if line.startswith(f"{language} ")]
    wrong = []
    for line in said:
        wanted, sentence = line.removeprefix(f"{language} ").split(": ", 1)
        result = found(categories, sentence)
        entity, _, term = wanted.partition(" ")
        right = not result if wanted == "-" else (entity, term) in result
        if not right or any(one[0] != entity for one in result):
            wrong.append((sentence, result))
    assert not wrong
    assert len([line for line in said if line.startswith(f"{language} -")]) >= 3
    assert len(said) >= 7


def test_every_official_language_has_terms_and_sentences():
    assert len(LANGUAGES) == 24
    assert [path.stem for path in sorted(terminology.FOLDER.glob("*.txt"))] == LANGUAGES


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Name: {Anna Weber}\nDiagnose: Diabetes mellitus Typ 2", [("HEALTH", "Diabetes")]),
        ("Diagnosen:\n- Asthma\n- COPD\nPatientin: {Anna Weber}", ["Asthma", "COPD"]),
        ('{"name": "x", "by": {Anna Weber}, "religion": "catholic"}', ["catholic"]),
        ("name={Anna Weber}; ethnic origin=Roma", ["Roma"]),
        ("Diagnosis: diabetes", []),
        ("Diagnosis: diabetes\n" + "Nothing else is known here. " * 20 + "{Anna Weber}", []),
    ],
)
def test_a_field_tells_something_only_in_a_record_that_names_a_person(categories, text, wanted):
    terms = [one if isinstance(one, str) else one[1] for one in wanted]
    assert [term for _, term in found(categories, text)] == terms


def test_who_was_named_a_sentence_before_is_still_spoken_of(categories):
    text = "{Anna Weber} came in on Monday. She was diagnosed with epilepsy."
    assert found(categories, text) == [("HEALTH", "epilepsy")]
    alone = "Nobody came in on Monday. She was diagnosed with epilepsy."
    assert found(categories, alone) == []


def test_a_name_that_is_a_term_is_no_finding(categories):
    assert found(categories, "{Christian Krebs} hat seit Mai Urlaub.") == []
    assert found(categories, "Herr {Krebs} leidet an Asthma.") == [("HEALTH", "Asthma")]


def test_findings_have_their_category_and_do_not_overlap(categories):
    text = "Anna Weber was convicted of fraud and suffers from depression and diabetes."
    findings = categories.find(text, [(0, 10)])
    assert {f.category for f in findings} == {Category.SPECIAL, Category.CRIMINAL}
    assert all(special.ENTITIES[f.entity] is f.category for f in findings)
    assert all(one.end <= other.start for one, other in pairwise(findings))


@pytest.mark.parametrize(
    "text", ["diabetes ", "is convicted of fraud hat krebs ", "diagnosis:\n- "]
)
def test_time_grows_linearly(categories, text):
    assert is_linear(lambda size: categories.find(text * (size // len(text)), []), 60_000)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("helth: flu", "'helth' is no key"),
        ("health link: suffer*", "'suffer*' cannot be read as 'health link'"),
    ],
)
def test_a_line_of_terms_that_says_nothing_is_named(tmp_path, line, said):
    (tmp_path / "xx.txt").write_text(f"# terms\n{line}\n", "utf-8")
    with pytest.raises(ValueError, match=r"^xx\.txt") as refused:
        terminology.terminology(tmp_path)
    assert str(refused.value) == f"xx.txt, line 2: {said}"

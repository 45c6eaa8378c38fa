import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.detection.pseudonyms import TOKEN, treat
from compliance.detection.reading.first_names import FIRST_NAMES
from compliance.detection.restore import Restorer, restore
from compliance.detection.surrogates.inflections import folded_forms, forms
from compliance.detection.surrogates.lists import COMPANIES, CYRILLIC, GREEK, LATIN
from compliance.detection.surrogates.surrogates import ADDRESS, parts
from compliance.vocabulary import Category, Effect, Finding, Scan, Segment
from tests.compliance.detection import ordinary
from tests.compliance.detection.test_pseudonyms import cuts, streamed

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
ENTITIES = ("PERSON", "LOCATION", "ORGANIZATION", "EMAIL_ADDRESS", "IBAN_CODE")
PSEUDONYMISE = dict.fromkeys(ENTITIES, Effect.PSEUDONYMISE)
SCRIPTS = (LATIN, GREEK, CYRILLIC)
LISTED = sorted(
    {
        *COMPANIES,
        *(name for names in SCRIPTS for name in (*names.women, *names.men, *names.towns)),
        *(name for names in SCRIPTS for name in (*names.families, *names.families_of_women)),
    }
)


def treated(*texts, key=KEY, apart=False):
    """Texts in which values are marked `<PERSON Anna>`, treated, and how they were unmarked."""
    plain, findings = [], []
    for index, text in enumerate(texts):
        written, at = "", 0
        for mark in re.finditer(r"<([A-Z_]+) ([^>]+)>", text):
            written += text[at : mark.start()]
            span = len(written), len(written) + len(mark[2])
            findings.append(Finding(index, *span, mark[1], Category.PERSONAL, 0.9, "test"))
            written, at = written + mark[2], mark.end()
        plain.append(written + text[at:])
    segments = [Segment(f"/{index}", text) for index, text in enumerate(plain)]
    made = treat(segments, Scan(tuple(findings)), PSEUDONYMISE, apart=apart, key=key)
    return [made.texts.get(f"/{index}", text) for index, text in enumerate(plain)], plain, made


def name_for(value, entity="PERSON", key=KEY):
    [out], _, _ = treated(f"<{entity} {value}>", key=key)
    return out


def test_names_stand_for_names_and_what_a_model_takes_of_them_is_put_back():
    out, plain, made = treated(
        "Write to <PERSON Anna Schmidt> (<EMAIL_ADDRESS anna.schmidt@klinik.eu>) of"
        " <ORGANIZATION Siemens AG> in <LOCATION München>, <IBAN_CODE DE89370400440532013000>."
    )
    name = re.fullmatch(
        r"Write to (\w+) (\w+) \((\S+)\) of (\w+) in (\w+), \[IBAN_CODE_1\]\.", out[0]
    )
    assert name is not None
    given, family, address, company, town = name.groups()
    assert (given in LATIN.women, family in LATIN.families) == (True, True)
    assert (company in COMPANIES, town in LATIN.towns) == (True, True)
    assert re.fullmatch(ADDRESS.replace("++", "+").partition("(?!")[0], address)
    assert [restore(text, made.pseudonyms) for text in out] == plain
    said = f"Ms {family}, {given}'s letter to {address} about {company} went to {town}."
    assert restore(said, made.pseudonyms) == (
        "Ms Schmidt, Anna's letter to anna.schmidt@klinik.eu about Siemens AG went to München."
    )


def test_who_is_called_by_one_name_later_keeps_it():
    out, _, _ = treated("<PERSON Anna Schmidt> and <PERSON Schmidt>", "<PERSON Anna> came")
    given, family = out[0].split(" and ")[0].split()
    assert out == [f"{given} {family} and {family}", f"{given} came"]


def test_a_name_has_the_same_other_name_in_every_request_of_an_application():
    values = [f"{given} Schmidt" for given in ("Anna", "Bernd", "Clara", "Dieter", "Erika")]
    ours = [name_for(value) for value in values]
    for value, name in zip(values, ours, strict=True):
        out, _, _ = treated("Good morning", f"Here is <PERSON {value}> again")
        assert out[1] == f"Here is {name} again"
    assert [name_for(value, key=OTHER_KEY) for value in values] != ours
    assert len({name.split()[1] for name in ours}) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Anna Schmidt", [("given", "Anna"), ("", " "), ("family", "Schmidt")]),
        ("Schmidt", [("family", "Schmidt")]),
        ("László", [("given", "László")]),
        ("Nagy László", [("family", "Nagy"), ("", " "), ("given", "László")]),
        ("von Braun", [("family", "von Braun")]),
        (
            "Anna Maria von der Leyen",
            [
                ("given", "Anna"), ("", " "), ("given", "Maria"), ("", " "),
                ("family", "von der Leyen"),
            ],
        ),
        ("anna schmidt", [("given", "anna"), ("", " "), ("family", "schmidt")]),
    ],
)  # fmt: skip
def test_a_name_is_taken_apart(value, expected):
    assert parts(value) == expected


@pytest.mark.parametrize(
    ("value", "women", "names"),
    [
        ("Anna Weber", True, LATIN),
        ("Ingrid Weber", True, LATIN),
        ("Anna O'Brien", True, LATIN),
        ("Anna D’Angelo", True, LATIN),
        ("Klaus Weber", False, LATIN),
        ("Luca Rossi", False, LATIN),
        ("Μαρία Παπαδοπούλου", True, GREEK),
        ("Γιώργος Παπαδόπουλος", False, GREEK),
        ("Мария Иванова", True, CYRILLIC),
        ("Георги Иванов", False, CYRILLIC),
    ],
)
def test_a_name_keeps_its_script_and_mostly_its_gender(value, women, names):
    given, family = name_for(value).split()
    assert given in (names.women if women else names.men)
    assert family in (names.families_of_women if women else names.families)


def test_a_name_keeps_its_case():
    title, upper, lower = (name_for(one) for one in ("Anna Weber", "ANNA WEBER", "anna weber"))
    assert (title.upper(), title.lower()) == (upper, lower)
    out, plain, made = treated("<PERSON Anna Weber>, <PERSON ANNA WEBER>, <PERSON anna weber>")
    assert out == [f"{title}, {upper}, {lower}"]
    assert restore(out[0], made.pseudonyms) == plain[0]


def test_values_that_differ_only_in_how_a_letter_is_written_have_different_names():
    out, plain, made = treated("<PERSON straße> <PERSON strasse>")
    assert len(set(out[0].split())) == 2
    assert restore(out[0], made.pseudonyms) == plain[0]


@pytest.mark.parametrize(
    "text",
    [
        "<PERSON Anna\nWeber>", "<PERSON A. Weber>", "<PERSON Anna2>", "<PERSON 李雷>",
        "<PERSON Annа>", "<PERSON Anna Maria Luisa Clara Weber>", "x<PERSON Anna>",
        "<PERSON Anna>_1", "<PERSON Anna>\u0301", "<LOCATION 10115 Berlin>", "<LOCATION A\nB>",
        f"<ORGANIZATION {'A' * 81}>", "<IBAN_CODE DE89370400440532013000>",
        "<EMAIL_ADDRESS anna@klinik.eu>x",
    ],
)  # fmt: skip
def test_what_is_no_plain_name_or_stands_in_a_word_has_a_token(text):
    [out], [plain], made = treated(text)
    assert TOKEN.search(out)
    assert restore(out, made.pseudonyms) == plain


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Lindgren", "Lindgrens"),  # de, sv, da, nl
        ("Lindgren", "Lindgrena"),  # pl, cs, sk, hr, sl
        ("Lindgren", "Lindgrenem"),  # cs, pl
        ("Lindgren", "Lindgrenovi"),  # cs, sk
        ("Lindgren", "Lindgrenová"),  # cs, sk
        ("Lindgren", "Lindgrenowi"),  # pl
        ("Lindgren", "Lindgrenu"),  # hr, sl
        ("Lindgren", "Lindgreniga"),  # et
        ("Lindgren", "Lindgrenille"),  # fi
        ("Lindgren", "Lindgrennek"),  # hu
        ("Lindgren", "Lindgrennel"),  # hu
        ("Lindgren", "Lindgrenas"),  # lt
        ("Lindgren", "Lindgrenam"),  # lv
        ("Lindgren", "Lindgrenului"),  # ro
        ("Rozalinda", "Rozalindy"),  # pl, cs, sk
        ("Rozalinda", "Rozalindę"),  # pl
        ("Rozalinda", "Rozalindzie"),  # pl
        ("Rozalinda", "Rozalindě"),  # cs
        ("Rozalinda", "Rozalindou"),  # cs, sk
        ("Rozalinda", "Rozalindi"),  # hr, sl
        ("Rozalinda", "Rozalindas"),  # de, sv
        ("Rozalinda", "Rozalindalla"),  # fi
        ("Rozalinda", "Rozalindaga"),  # et
        ("Rozalinda", "Rozalindának"),  # hu
        ("Rozalinda", "Rozalindai"),  # lt, lv
        ("Rozalinda", "Rozalindei"),  # ro
        ("Tamara", "Tamarze"),  # pl
        ("Λαζαρίδης", "Λαζαρίδη"),
        ("Περικλής", "Περικλή"),
        ("Τηλέμαχος", "Τηλέμαχου"),
        ("Μελίνα", "Μελίνας"),
    ],
)
def test_the_forms_that_a_model_may_write_are_listed(name, form):
    assert {name, form} <= forms(name)


def test_a_form_comes_back_as_the_value_and_any_other_stays():
    out, _, made = treated("<PERSON Novák>")
    said = f"Píšu o {out[0]}ovi a {out[0]}kovi."
    assert restore(said, made.pseudonyms) == f"Píšu o Novák a {out[0]}kovi."


def test_lists_hold_what_their_rules_ask():
    assert all(name.isalpha() and name.istitle() for name in LISTED)
    for names in SCRIPTS:
        assert len(names.families) == len(names.families_of_women)
        for listed in (names.women, names.men, names.families, names.towns, COMPANIES):
            assert len({name.casefold() for name in listed}) == len(listed)


def test_no_form_is_a_word_of_ordinary_texts_or_a_common_name():
    words = {
        word.casefold() for _, text in ordinary.texts() for word in re.findall(r"\w+", text)
    }
    for name in LISTED:
        assert folded_forms(name).isdisjoint(words), name
        assert (folded_forms(name) - {name.casefold()}).isdisjoint(FIRST_NAMES), name


@pytest.mark.parametrize(
    "word",
    [
        "jasno", "jasne", "jasně", "jasny",  # clear: hr, sl, pl, cs
        "marta", "martie", "martā", "marte", "marti",  # March: sr, ro, lv; Tuesday: ro
        "hedde", "malvinas", "velorio", "terorii", "altoriai",  # da, es, es, ro, lt
        "liviu", "marty",  # other people
        "altenstadt", "rosenfeld", "finavia",
    ],
)  # fmt: skip
def test_no_form_is_a_word_that_others_are_likely_to_use(word):
    assert [name for name in LISTED if word in folded_forms(name)] == []


def test_a_name_that_stands_in_the_request_in_any_form_stands_for_nobody():
    free = name_for("Weber")
    for form in (free, f"{free}ovi", free.upper(), f"{free.lower()}s"):
        out, plain, made = treated(f"{form} and <PERSON Weber>")
        other = out[0].removeprefix(f"{form} and ")
        assert other in set(LATIN.families) - {free}
        assert restore(out[0], made.pseudonyms) == plain[0]


def test_where_no_name_is_left_there_are_tokens():
    said = " ".join(LATIN.families)
    out, _, _ = treated(f"{said}: <PERSON Weber>")
    assert out[0].endswith("[PERSON_1]")
    count = 3_000
    values = ["".join("abcdefghij"[int(d)] for d in f"{n:04}").title() for n in range(count)]
    out, plain, made = treated(" ".join(f"<PERSON {value}>" for value in values))
    tokens = TOKEN.findall(out[0])
    assert 0 < count - len(tokens) <= len(LATIN.families) + len({*LATIN.women, *LATIN.men})
    assert restore(out[0], made.pseudonyms) == plain[0]


def test_who_has_a_name_keeps_it_in_other_capitals_once_none_is_left():
    others = " ".join(f"<PERSON {letter}xq>" for letter in map(chr, range(ord("A"), ord("Z"))))
    others += (
        others.replace("xq", "xz") + others.replace("xq", "xy") + others.replace("xq", "xw")
    )
    out, plain, made = treated(f"<PERSON Weber> {others} <PERSON Qqx> <PERSON WEBER>")
    assert TOKEN.fullmatch(out[0].split()[-2])
    assert out[0].split()[-1] == out[0].split()[0].upper()
    assert restore(out[0], made.pseudonyms) == plain[0]


def test_many_addresses_have_different_ones_and_tokens_once_hardly_any_is_left():
    count = 12_000
    values = (f"<EMAIL_ADDRESS a{number}@klinik.eu>" for number in range(count))
    out, plain, made = treated(" ".join(values))
    assert len(set(out[0].split())) == count
    assert 0 < len(TOKEN.findall(out[0])) < count
    assert restore(out[0], made.pseudonyms) == plain[0]


def test_an_address_that_stands_in_the_request_stands_for_nobody():
    value = "a@klinik.eu"
    free = name_for(value, "EMAIL_ADDRESS")
    out, plain, made = treated(f"{free} and <EMAIL_ADDRESS {value}>")
    assert out[0] != f"{free} and {free}"
    assert restore(out[0], made.pseudonyms) == plain[0]


def test_in_an_address_that_stands_for_none_words_are_put_back():
    [name], _, made = treated("<PERSON weber>")
    assert restore(f"x.{name}@example.org", made.pseudonyms) == "x.weber@example.org"


def test_texts_that_become_vectors_have_the_same_names_and_none_is_put_back():
    out, _, made = treated("<PERSON Anna Weber>", "Again <PERSON Anna Weber>", apart=True)
    assert out == [name_for("Anna Weber"), f"Again {name_for('Anna Weber')}"]
    assert made.pseudonyms == {}


PIECES = [
    "Anna Weber", "Anna", "Weber", "WEBER", "weber", "Ursula von der Leyen", "Berlin",
    "Siemens", "anna@klinik.eu", "Annas", *LISTED[::9], "m.lindgren@example.org",
    "example.org", " ", "\n", "-", "'s", "_", "@", ".", "\\", '"', "\\n", "[", "]",
    "[PERSON_1]", "é", "\u0301", "x", "7",
]  # fmt: skip


@st.composite
def requests(draw):
    texts, findings = [], []
    for index in range(draw(st.integers(1, 3))):
        text = ""
        pieces = st.tuples(
            st.sampled_from(PIECES) | st.text(max_size=3), st.sampled_from([None, *ENTITIES])
        )
        for piece, entity in draw(st.lists(pieces, max_size=8)):
            if entity and piece:
                span = len(text), len(text) + len(piece)
                findings.append(Finding(index, *span, entity, Category.PERSONAL, 0.9, "test"))
            text += piece
        texts.append(text)
    return texts, findings


def pseudonymised(texts, findings):
    segments = [Segment(f"/{index}", text) for index, text in enumerate(texts)]
    made = treat(segments, Scan(tuple(findings)), PSEUDONYMISE, key=KEY)
    return [made.texts.get(f"/{index}", text) for index, text in enumerate(texts)], made


@given(requests(), cuts)
def test_names_put_back_into_any_stream_give_the_text_as_it_was(request, cuts):
    texts, findings = request
    out, made = pseudonymised(texts, findings)
    assert [streamed(text, cuts, made.pseudonyms) for text in out] == texts


@given(requests(), cuts)
def test_names_put_back_inside_json_give_the_text_as_it_was(request, cuts):
    texts, findings = request
    out, made = pseudonymised(texts, findings)
    written = json.dumps(out, ensure_ascii=False)
    back = streamed(written, cuts, made.pseudonyms, json_escaped=True)
    assert json.loads(back) == texts


@pytest.mark.parametrize(
    ("before", "is_word"),
    [
        (r"\n", True), (r"\u0009", True), (r"\\", True), (r"\"", True), (r"\\n", False),
        ("n", False),
    ],
)  # fmt: skip
def test_an_escape_in_json_is_no_letter(before, is_word):
    [name], _, made = treated("<PERSON Weber>")
    back = streamed(f"{before}{name}.", range(20), made.pseudonyms, json_escaped=True)
    assert back == (f"{before}Weber." if is_word else f"{before}{name}.")


@given(requests())
def test_no_name_that_is_given_stood_in_the_request(request):
    texts, findings = request
    _, made = pseudonymised(texts, findings)
    said = {word.casefold() for text in texts for word in re.findall(r"[^\W_]+", text)}
    names = {name.casefold() for name in made.pseudonyms if "[" not in name and "@" not in name}
    assert names.isdisjoint(said)


@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=3)).map("".join), cuts, st.booleans()
)
def test_any_split_restores_as_the_whole_does(text, cuts, json_escaped):
    _, _, made = treated("<PERSON Anna Weber> <EMAIL_ADDRESS a@klinik.eu> <LOCATION Köln>")
    known = made.pseudonyms
    text = text.replace("Ilona", name_for("Anna Weber")).replace("x", name_for("Weber")[:4])
    whole = restore(text, known, json_escaped=json_escaped)
    assert streamed(text, cuts, known, json_escaped=json_escaped) == whole
    assert streamed(text, range(500), known, json_escaped=json_escaped) == whole


def test_a_name_is_put_back_that_comes_a_character_at_a_time():
    [out], [plain], made = treated(
        "Write to <PERSON Anna Weber>, <EMAIL_ADDRESS ANNA@KLINIK.EU> or <LOCATION Köln> x"
    )
    assert streamed(out, range(500), made.pseudonyms) == plain


def test_what_cannot_be_a_name_leaves_with_the_chunk_it_came_in():
    [name], _, made = treated("<PERSON Weber>")
    restorer = Restorer(made.pseudonyms)
    assert restorer.feed("Good morning, Mr ") == "Good morning, Mr "
    assert restorer.feed(name[:3]) == ""
    assert restorer.held == 3
    assert restorer.feed(name[3:]) == ""  # its word may go on
    assert restorer.feed("!") == "Weber!"
    assert restorer.feed(f"x{name} ") == f"x{name} "
    assert restorer.feed("x") == "x"
    assert restorer.feed(f"{name} ") == f"{name} "  # glued to what went out
    assert restorer.feed("x") == "x"
    assert restorer.finish() == ""
    assert restorer.feed(f"{name} ") == "Weber "  # of a stream that starts anew


def test_the_documentation_has_the_figures_of_the_lists():
    told = (Path(__file__).parents[3] / "docs/detection.md").read_text("utf-8")
    assert f"there are {len(LISTED)}," in told
    assert f"{sum(len(forms(name)) for name in LISTED):,} listed forms" in told

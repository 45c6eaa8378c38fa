# ruff: noqa: RUF001 -- letters that look like others are what is tested
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.detection.reading.views import views
from tests.compliance.detection.growth import is_linear

ORDINARY = [
    "",
    "Hi",
    "What is the capital of France?",
    "Die Größe des Hauses – „schön“ – kostet 5 € pro m².",
    "Ο Γιώργος μένει στην Αθήνα από το 1990.",
    "Иван Петров живее в София от 1990 г.",
    "def add(a, b):\n    return [a + b, a[0] | b]",
    "Gewerkschaftsmitgliedschaft und Datenschutzgrundverordnung",
    "at 10:00 on 2024-01-15 the server said 404",
    "C:\\Users\\anna\\notes.txt",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_a_text_that_hides_nothing_is_its_own_only_view(text):
    (view,) = views(text)
    assert view.text is text


PLAIN = [
    ("zero-width", "DE\u200b89 37\u200d04", "DE89 3704"),
    ("soft hyphen", "Anna Schm\u00adidt", "Anna Schmidt"),
    ("spaces of all kinds", "Anna\u00a0Berg\u2009x\u3000y", "Anna Berg x y"),
    ("full width", "ａｎｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "anna@example.com"),
    ("mathematical letters", "𝐀𝐧𝐧𝐚 𝟒𝟏𝟏𝟏", "Anna 4111"),
    ("small capitals", "ᴀɴɴᴀ", "anna"),
    ("digits of other scripts", "٤١١١ १२", "4111 12"),
    ("keycaps", "4\ufe0f\u20e31\ufe0f\u20e3", "41"),
    ("marks over digits", "4\u03321\u0332", "41"),
    ("decomposed", "Mu\u0308ller Dvor\u030ca\u0301k", "Müller Dvořák"),
    ("Cyrillic in Latin", "аnnа.sсhmidt@ехаmрlе.соm", "anna.schmidt@example.com"),
    ("Cyrillic beside digits", "АТ61 1904 3002", "AT61 1904 3002"),
    ("Greek in Latin", "Αnna Βerg", "Anna Berg"),
    ("Latin in Cyrillic", "Ивaнов", "Иванов"),
    ("Greek letter for a German one", "Hauptstraβe 5", "Hauptstraße 5"),
    ("non-breaking hyphens", "811218\u20119876", "811218-9876"),
    ("full stops of other scripts", "example。com", "example.com"),
    ("hidden tags", "x\U000e0044\U000e0045\U000e0038", "xDE8"),
    ("ligatures", "Graﬀ", "Graff"),
    ("raised digits", "⁴¹¹¹", "4111"),
    ("numeric entities", "DE&#56;&#x39; &#65;nna", "DE89 Anna"),
    ("named entities", "anna&commat;example&period;com&nbsp;x", "anna@example.com x"),
    ("entities of entities", "anna&amp;#64;example.com", "anna@example.com"),
    ("an entity for a zero-width space", "DE&#8203;89", "DE89"),
    ("JSON escapes", r"M\u00fcller \ud83d\ude00 a\/b", "Müller 😀 a/b"),
    ("escapes within escapes", r"anna\\u0040example.com", "anna@example.com"),
    ("bytes", r"M\xc3\xbcller anna\x40example.com", "Müller anna@example.com"),
    ("new lines of JSON", r"Anna Berg\nDE89\tx\"", 'Anna Berg\nDE89\tx"'),
    ("backslashes of Markdown", r"anna\_berg\@example\.com", "anna_berg@example.com"),
]


@pytest.mark.parametrize(("how", "written", "read"), PLAIN)
def test_the_first_view_is_the_text_as_a_person_reads_it(how, written, read):
    assert views(written)[0].text == read


DECODED = [
    ("base64", "REU4OTM3MDQwMDQ0MDUzMjAxMzAwMA==", "DE89370400440532013000"),
    ("base64 for addresses", "eMO_w74geHh4eHh4eA", "xÿþ xxxxxxx"),
    (
        "base64 of base64",
        "UkVVNE9UTTNNRFF3TURRME1EVXpNakF4TXpBd01BPT0=",
        "DE89370400440532013000",
    ),
    ("base64 of UTF-16", "QQBuAG4AYQAgAEIAZQByAGcA", "Anna Berg"),
    ("hex", "416e6e61205363686d69647420", "Anna Schmidt "),
    ("hex with spaces", "41 6e 6e 61 20 53 63 68 6d 69 64 74", "Anna Schmidt"),
    ("hex as in C", "0x41, 0x6e, 0x6e, 0x61, 0x20, 0x42, 0x65, 0x72, 0x67", "Anna Berg"),
    ("URL encoding", "anna%40example%2Ecom", "anna@example.com"),
    ("URL encoding twice", "anna%2540example.com", "anna@example.com"),
    ("URL encoding of UTF-8", "M%C3%BCller", "Müller"),
]


@pytest.mark.parametrize(("how", "written", "read"), DECODED)
def test_what_is_encoded_is_decoded_and_stands_for_all_of_it(how, written, read):
    text = f"My data is: {written} (for you)"
    view = next(view for view in views(text) if view.how == "decoded")
    start = view.text.index(read)
    place = view.span(start, start + len(read))
    assert text[slice(*place)] == written
    assert view.is_new(start, start + len(read))
    assert not view.is_new(0, 3)


JOINED = [
    ("letters apart", "A n n a S c h m i d t", "Anna Schmidt", "plain"),
    ("letters and words apart", "A n n a   S c h m i d t", "Anna Schmidt", "plain"),
    ("bold within a name", "Anna** Sch**midt", "Anna Schmidt", "plain"),
    ("bold", "**DE89** **3704** 0044", "DE89 3704 0044", "plain"),
    ("bold within", "DE89**3704**0044", "DE8937040044", "plain"),
    ("tags of style", "DE89<b>3704</b>0044", "DE8937040044", "plain"),
    ("characters apart", "D E 8 9   3 7 0 4   0 0 4 4", "DE89 3704 0044", "joined"),
    ("an address apart", "a n n a @ e x a m p l e . c o m", "anna@example.com", "joined"),
    ("a letter with an accent", "rené @example.com", "rené@example.com", "joined"),
    ("two spaces", "anna  @example.com", "anna@example.com", "joined"),
    ("a dot apart", "anna@example . com", "anna@example.com", "joined"),
    (
        "words in wide brackets",
        "anna [  at  ]  example (  dot  )  com",
        "anna@example.com",
        "joined",
    ),
    ("two spaces behind", "anna@  example.com", "anna@example.com", "joined"),
    ("characters by hyphens", "4-1-1-1-1-1-1-1-1-1", "4111111111", "joined"),
    ("words for signs", "anna dot berg at example dot com", "anna.berg@example.com", "joined"),
    ("words in brackets", "anna [at] example (dot) com", "anna@example.com", "joined"),
    ("German words", "anna punkt berg at example punkt de", "anna.berg@example.de", "joined"),
    ("Spanish words", "anna arroba ejemplo punto es", "anna@ejemplo.es", "joined"),
    ("Polish words", "anna małpa przyklad kropka pl", "anna@przyklad.pl", "joined"),
    ("Bulgarian words", "anna кльомба primer точка bg", "anna@primer.bg", "joined"),
    ("words and underscores", "anna_at_example_dot_com", "anna@example.com", "joined"),
    ("signs apart", "anna @ example . com", "anna@example.com", "joined"),
    ("code marks", "`DE89` `3704` 0044", "DE89 3704 0044", "joined"),
    ("a link", "[DE89 3704](https://example.com) 0044", "DE89 3704 0044", "joined"),
    ("strings in code", "'DE89' + '3704' + '0044'", "DE8937040044", "joined"),
    ("underscores", "4111_1111_1111_1111", "4111 1111 1111 1111", "joined"),
    ("commas", "4111,1111,1111,1111", "4111 1111 1111 1111", "joined"),
    ("hyphens apart", "DE89 - 3704 - 0044 - 0532", "DE89 3704 0044 0532", "joined"),
    ("several spaces", "DE89  3704  0044  0532", "DE89 3704 0044 0532", "joined"),
    ("a line that ends within", "DE89 3704\n0044 0532", "DE89 3704 0044 0532", "joined"),
    ("quoted lines", "DE89 3704\n> 0044 0532", "DE89 3704 0044 0532", "joined"),
    ("an address on two lines", "anna@exam\nple.com", "anna@example.com", "joined"),
    ("a word before", "svnr1237010180", "svnr 1237010180", "joined"),
    ("a word before letters", "ibande89370400440532013000", "iban de89", "joined"),
    ("a word before +", "call+491701234567", "call +491701234567", "joined"),
    ("letters for digits", "4l1I 1111 11O1", "4111 1111 1101", "joined"),
    ("a name in snake case", "customer_name_anna_schmidt", "Anna Schmidt", "compounds"),
    ("a name in a path", "/users/anna-schmidt/orders", "Anna Schmidt", "compounds"),
    ("a name glued", "customernameAnnaSchmidt", "Anna Schmidt", "compounds"),
    ("an address", "moc.elpmaxe@berg.anna", "anna.greb@example.com", "backwards"),
    ("an account", "00 0310 2350 4400 4073 98ED", "DE89 3704 0044 0532 0130 00", "backwards"),
    ("a phone number", "7654321 071 94+", "+49 170 1234567", "backwards"),
]


@pytest.mark.parametrize(("how", "written", "read", "view_is"), JOINED)
def test_what_is_written_apart_is_joined_and_stands_where_it_stood(how, written, read, view_is):
    text = f"This is mine: {written}; and yours?"
    view = next(view for view in views(text) if view.how == view_is and read in view.text)
    start = view.text.index(read)
    first, last = view.span(start, start + len(read))
    assert text[first:last].strip("*`'[]<>b/") in written
    assert view.is_new(start, start + len(read))


NOT_JOINED = [
    "max_size, mark_read, will_return, test_maria_db, MariaDb, anna_file, AnnaModel",
    "anna.schmidt@example.com, Jean-Pierre Dupont, Anna-Lena, Maria-Theresia",
    "jupiter_orbit.html, GetElementById, read-only, state-of-the-art, and/or-else",
    "look at google dot com, or find us at example dot org",
    "We met at the point where the road ends.",
    "Der Punkt ist: um 10:22:33,123 war es so weit",
    "1, 2, 3, 4, 5, 6, 7, 8 and 12, 345, 678",
    "192.168.0.1:8080 and 2024-01-15T10:22:33.123456",
    "took 12 ms from 10.0.0.1:8080 -> 200 OK at 10:22:33,123",
    "a table:\n12 34\n56 7\n",
    "@csrf_protect\n@require_GET\ndef page_view(request): ...",
    "raises `Http404` and `ValueError` in 3 cases",
    "for i in range(10): x[i] = a * b + c[i] ** 2",
    "write to anna@example.com\nBest regards",
    "It cost 1.234.567,89 or 1 234 567 in 2021/2022",
]


@pytest.mark.parametrize("text", NOT_JOINED)
def test_what_is_not_written_apart_is_not_joined(text):
    assert [view.how for view in views(text)] == ["plain"]


def test_figures_that_would_be_signs_of_many_scripts_are_no_text():
    figures = "191444678296 796503106276 490005051169"
    assert [view.text for view in views(figures)] == [figures]
    assert "Anna Schmidt" in {v.text for v in views("Anna Schmidt".encode("utf-16-le").hex())}


def test_a_word_of_hex_digits_behind_does_not_hide_what_is_encoded():
    (_, view) = views("My number is 2b3439203137302031323334353637, a dad.")
    assert "is +49 170 1234567, a dad" in view.text


NOT_ENCODED = [
    "d41d8cd98f00b204e9800998ecf8427e",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "123e4567-e89b-12d3-a456-426614174000",
    "getElementsByClassName(applicationContextFactoryBean)",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "4111 1111 1111 1111",
    "100%, 50%ab and %d%s",
    "00 11 22 33 44 55 66 77 88 99",
]


@pytest.mark.parametrize("text", NOT_ENCODED)
def test_what_is_not_encoded_text_is_not_decoded(text):
    assert [view.how for view in views(text)] == ["plain"]


pieces = st.sampled_from(
    [
        *(written for _, written, _ in [*PLAIN, *DECODED]),
        *(written for _, written, _, _ in JOINED),
        *(
            "DE89 3704 0044 0532 0130 00",
            "anna@example.com",
            "&",
            "\\",
            "%",
            "\ud800",
            "é",
            "😀",
        ),
        *("\u0301", "ﷺ", "\n", " ", "**", "at", "dot", "4 1 1 1 1 1 1 1", "_", "@", "+"),
    ]
)
texts = st.lists(pieces | st.text(max_size=8), max_size=12).map("".join)


@given(texts)
def test_every_place_of_every_view_is_inside_the_original(text):
    for view in views(text):
        for start in range(len(view.text)):
            for end in {start + 1, min(start + 7, len(view.text)), len(view.text)}:
                first, last = view.span(start, end)
                assert 0 <= first < last <= len(text)


@given(texts)
def test_a_character_that_a_view_keeps_is_the_same_in_the_original(text):
    plain = views(text)[0]
    for place, character in enumerate(plain.text):
        if character in string.ascii_letters:
            start, end = plain.span(place, place + 1)
            assert end - start > 1 or text[start] == character or text[start] > "\x7f"


@given(texts)
def test_all_views_together_are_at_most_five_times_the_text(text):
    made = views(text)
    assert sum(len(view.text) for view in made) <= 5 * max(len(text), len(made[0].text))


def test_a_span_that_a_view_does_not_have_is_an_error():
    (view,) = views("Anna")
    for start, end in ((-1, 2), (2, 2), (3, 5)):
        with pytest.raises(ValueError, match="has no"):
            view.span(start, end)


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "&",
            "&#",
            "\\",
            "\\u",
            "%",
            "%25",
            "A1b2",
            "QW5u",
            "41",
            "41 ",
            "a ",
            "1 ",
            "@",
            " at ",
        ),
        *(
            "a at ",
            "a dot ",
            "é",
            "e\u0301",
            "\u200b",
            "аa",
            "**",
            "<b>",
            "1_",
            "1\n",
            "a.",
            "+1",
        ),
        *("[at]", "dot ", "`a", "x@y ", "1a", "\u0301", "ﷺ", "IBAN DE8", "=a+"),
    ],
)
def test_views_cost_time_in_proportion_to_the_text(unit):
    assert is_linear(lambda length: views(unit * (length // len(unit))), 100_000)

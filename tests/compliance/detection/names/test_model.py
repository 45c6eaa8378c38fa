import shutil

import pytest

from compliance.detection.names.model import FOLDER, WINDOW, Names
from compliance.vocabulary import DetectionFailed


def found(names, text):
    return [(name.label, text[name.start : name.end]) for name in names.find([text])[0]]


PERSONS = [
    ("bg", "Моля, обадете се на Иван Петров утре сутринта.", "Иван Петров"),
    ("cs", "Pacient Petr Novák byl přijat na oddělení v noci.", "Petr Novák"),
    ("da", "Skriv venligst et brev til Mette Jensen om mødet.", "Mette Jensen"),
    ("de", "Bitte schreiben Sie einen Brief an Anna Weber wegen der Rechnung.", "Anna Weber"),
    ("el", "Η ασθενής Μαρία Παπαδοπούλου εισήχθη στο νοσοκομείο.", "Μαρία Παπαδοπούλου"),
    ("en", "The applicant, Mr John Murphy, complained about the delay.", "John Murphy"),
    ("es", "Escribe un correo a Lucía Fernández sobre la reunión.", "Lucía Fernández"),
    ("et", "Palun saada kiri Mart Tammele enne koosolekut.", "Mart Tammele"),
    ("fi", "Potilas Matti Virtanen saapui vastaanotolle illalla.", "Matti Virtanen"),
    ("fr", "Rédige une lettre à Claire Dubois pour sa facture.", "Claire Dubois"),
    ("ga", "Scríobh litir chuig Seán Murphy faoin gcruinniú.", "Seán Murphy"),
    ("hr", "Napiši poruku za Ivana Horvata o sastanku.", "Ivana Horvata"),
    ("hu", "A beteg, Nagy Katalin tegnap este érkezett az osztályra.", "Nagy Katalin"),
    ("it", "Scrivi una lettera a Giulia Rossi per la fattura.", "Giulia Rossi"),
    ("lt", "Pacientas Jonas Kazlauskas atvyko vakare.", "Jonas Kazlauskas"),
    ("lv", "Pacients Jānis Bērziņš ieradās vakarā.", "Jānis Bērziņš"),
    ("mt", "Ikteb ittra lil Maria Camilleri dwar il-kont.", "Maria Camilleri"),
    ("nl", "Schrijf een brief aan Pieter Jansen over de rekening.", "Pieter Jansen"),
    ("pl", "Pacjent Jan Kowalski zgłosił się wieczorem do szpitala.", "Jan Kowalski"),
    ("pt", "Escreve uma carta a João Silva sobre a reunião.", "João Silva"),
    ("ro", "Scrie o scrisoare pentru Ion Popescu despre factură.", "Ion Popescu"),
    ("sk", "Pacient Peter Kováč prišiel večer na oddelenie.", "Peter Kováč"),
    ("sl", "Bolnik Janez Novak je prišel zvečer v bolnišnico.", "Janez Novak"),
    ("sv", "Skriv ett brev till Anna Andersson om mötet.", "Anna Andersson"),
]


@pytest.mark.parametrize(("language", "text", "person"), PERSONS)
def test_a_person_is_found_in_every_language(names, language, text, person):
    assert ("PERSON", person) in found(names, text), language


WRITTEN = [
    (
        "Sehr geehrte Frau Weber,\nvielen Dank.\n\nMit freundlichen Grüßen\nAnna Schmidt",
        "Weber",
    ),
    (
        "Sehr geehrte Frau Weber,\nvielen Dank.\n\nMit freundlichen Grüßen\nAnna Schmidt",
        "Anna Schmidt",
    ),
    ("Name: Schneider\nVorname: Lukas", "Schneider"),
    ("schreib bitte eine mail an anna schmidt wegen morgen", "anna schmidt"),
    ("write an email to john miller about the meeting", "john miller"),
    ("PATIENT: MARIA ROSSI", "MARIA ROSSI"),
    ("Present: Tom Baker, Lucy Clark and Ahmed Khan.", "Lucy Clark"),
]


@pytest.mark.parametrize(("text", "person"), WRITTEN)
def test_a_person_is_found_however_it_is_written(names, text, person):
    assert ("PERSON", person) in found(names, text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The company is based in Rotterdam and sells tea.", ("LOCATION", "Rotterdam")),
        ("Er wohnt seit drei Jahren in Stuttgart.", ("LOCATION", "Stuttgart")),
        ("Warszawa leży nad Wisłą.", ("LOCATION", "Warszawa")),
        ("A delegáció az USA-ban tárgyalt.", ("LOCATION", "USA-ban")),
        ("Die Siemens AG hat einen neuen Vorstand.", ("ORGANIZATION", "Siemens AG")),
        ("Die Verhandlung ist am 3. März 2021.", ("DATE_TIME", "3. März 2021")),
        (
            "Anschrift: Gartenweg 12, 70173 Stuttgart",
            ("ADDRESS", "Gartenweg 12, 70173 Stuttgart"),
        ),
    ],
)
def test_places_organisations_addresses_and_dates_are_found(names, text, name):
    assert name in found(names, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\t ",
        "12345 67890 !!! ???",
        "def total(rows):\n    return sum(row.price * row.count for row in rows)",
        '{"status": "ok", "retries": 3, "cache": {"hits": 12, "misses": 4}}',
        "Die Rechnung wird nach der Prüfung durch die Buchhaltung bezahlt.",
        "Please summarise the text in three short sentences.",
        "What is the difference between Kubernetes and Docker?",
        "Nehmen Sie Ibuprofen nur nach dem Frühstück ein.",
        " river" * 1400,
        "rivers river river river",
        "rivers",
    ],
)
def test_where_nobody_is_named_no_person_and_no_place_is_found(names, text):
    assert not [name for name in found(names, text) if name[0] in ("PERSON", "LOCATION")]


@pytest.mark.parametrize(
    "text",
    [
        "Article 47/11 has 89 3704 0044 parts.", "Die Nummer lautet 4111 1111 1111 1111.",
        "Version 3.14.159 costs 99.99.", "The 45.13.2021 is no day.",
    ],
)  # fmt: skip
def test_figures_that_are_no_date_are_not_taken_for_one(names, text):
    assert "DATE_TIME" not in dict(found(names, text))


@pytest.mark.parametrize(
    "text",
    [
        "edition 4, doi:10.2827/2442899, ISSN 1047-5996",
        "art. 0995-360 EAN 0671005184974 HS 9206",
    ],
)
def test_numbers_of_books_and_goods_are_no_address(names, text):
    assert "ADDRESS" not in dict(found(names, text))


@pytest.mark.parametrize(
    "date", ["3.5.2021", "2021-05-03", "03/05/2021", "14:30", "3 May 2021", "5/3/21"]
)
def test_dates_are_found_in_figures_and_words(names, date):
    assert ("DATE_TIME", date) in found(
        names, f"The hearing took place on {date} in the office."
    )


@pytest.mark.parametrize(
    "text",
    [
        "surse 12:46Gaudeamus",
        "dni używaj1785 4651 4806",
        "Redactor4 octombrie 2018 Comentariile sunt",
        "Katso myös HE 9/2018 vp, PeVL 14/2018 vp ja KKO 2016:20.",
    ],
)
def test_what_is_part_of_a_longer_code_is_no_date(names, text):
    assert "DATE_TIME" not in dict(found(names, text))


def test_years_with_a_dash_between_them_are_dates(names):
    text = "Astrid Lindgren (1938–2017), född i Vimmerby, skrev böcker."
    assert "DATE_TIME" in dict(found(names, text))


def test_a_date_with_an_ending_is_one(names):
    assert ("DATE_TIME", "1990") in found(names, "Anfang der 1990er schrieb sie ein Buch.")


def test_a_person_is_found_behind_a_figure(names):
    assert ("PERSON", "Anna Weber") in found(names, "Note 7Anna Weber came later.")


@pytest.mark.parametrize(
    "text",
    ["Write to john.miller@example.org now.", "see https://example.org/john/miller", "@john_m"],
)
def test_parts_of_mail_and_web_addresses_are_no_names(names, text):
    assert found(names, text) == []


def test_a_mail_address_without_end_is_read_in_linear_time(names):
    assert names.find(["a@" * 60_000]) == [[]]


def test_what_is_found_does_not_depend_on_where_a_window_begins(names):
    sentence = "Yesterday Tom Baker wrote to Lucy Clark in Springfield about the invoice. "
    once = found(names, sentence * 12)
    for words in (1, 7, WINDOW - 90, WINDOW - 20, WINDOW - 9, WINDOW):
        before = "well " * words
        shifted = found(names, before + sentence * 12)
        # The first sentence has other words before it, whatever the window.
        assert shifted[-3 * 11 :] == once[-3 * 11 :]


def test_what_is_found_does_not_depend_on_the_texts_beside_it(names):
    texts = [text for _, text, _ in PERSONS] + [text * 40 for text, _ in WRITTEN]
    together = names.find(texts)
    for text, answer in zip(texts, together, strict=True):
        alone = names.find([text])[0]
        assert [(n.start, n.end, n.label) for n in alone] == [
            (n.start, n.end, n.label) for n in answer
        ]
        # Scores are rounded to a thousandth.
        scores = [n.score for n in alone]
        assert [n.score for n in answer] == pytest.approx(scores, abs=0.0011)


@pytest.mark.parametrize(
    ("text", "countries"),
    [
        ("She moved from Germany to Springfield.", {"Germany"}),
        ("Sie zog von Frankreich nach Stuttgart.", {"Frankreich"}),
    ],
)
def test_a_country_is_told_from_other_places(names, text, countries):
    (answer,) = names.find([text])
    places = [name for name in answer if name.label == "LOCATION"]
    assert {text[name.start : name.end] for name in places if name.country} == countries
    assert len(places) > len(countries)


def test_reading_stops_when_its_time_has_passed(names):
    with pytest.raises(DetectionFailed, match="too long"):
        names.find(["Tom Baker is here."], seconds=-1.0)


def test_weights_that_were_changed_are_refused(tmp_path):
    for file in FOLDER.iterdir():
        shutil.copy(file, tmp_path / file.name)
    with (tmp_path / "words.npy").open("r+b") as file:
        file.seek(200)
        file.write(b"\x7f\x7f\x7f")
    with pytest.raises(DetectionFailed, match=r"words\.npy"):
        Names(tmp_path)


@pytest.mark.parametrize("missing", ["network.onnx", "SHA256SUMS"])
def test_weights_that_are_missing_are_refused(tmp_path, missing):
    for file in FOLDER.iterdir():
        if file.name != missing:
            shutil.copy(file, tmp_path / file.name)
    with pytest.raises(DetectionFailed, match="install Domicile again"):
        Names(tmp_path)


def test_an_empty_list_of_weights_is_refused(tmp_path):
    (tmp_path / "SHA256SUMS").write_text("")
    with pytest.raises(DetectionFailed, match="lists no files"):
        Names(tmp_path)


def test_a_text_in_several_parts_keeps_its_places(names, monkeypatch):
    monkeypatch.setattr("compliance.detection.names.model.CHUNK", 500)
    text = "Yesterday Tom Baker wrote about the invoice.\n" * 60
    answer = found(names, text)
    assert answer.count(("PERSON", "Tom Baker")) == 60


def test_weights_are_small_enough_to_be_delivered():
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= 25_000_000

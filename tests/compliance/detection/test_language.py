import pytest

from compliance.detection.language import Languages


@pytest.fixture(scope="module")
def languages():
    return Languages()


UNCHECKED = [
    ("Bitte schreiben Sie einen Brief an Frau Müller in Ravensburg.", "de"),
    ("Wie geht es dir?", "de"),
    ("BITTE RUFEN SIE HEUTE NOCH FRAU MÜLLER AN", "de"),
    ("Ich heiße Anna.", "de"),
    ("Pouvez-vous écrire une lettre à Monsieur Dupont ?", "fr"),
    ("Je m'appelle Marie.", "fr"),
    ("Por favor, escribe una carta al señor García.", "es"),
    ("Scrivi una lettera al signor Rossi di Milano, per favore.", "it"),
    ("Napisz proszę list do pana Kowalskiego z Krakowa.", "pl"),
    ("Schrijf alstublieft een brief aan mevrouw De Vries.", "nl"),
    ("Por favor, escreva uma carta ao senhor Silva.", "pt"),
    ("Skriv ett brev till fru Andersson i Malmö.", "sv"),
    ("Kirjoita kirje rouva Virtaselle Tampereelle.", "fi"),
    ("Prosím, napište dopis panu Novákovi, který bydlí v Brně.", "cs"),
    ("Kérem, írjon levelet Kovács úrnak Szegedre.", "hu"),
    ("Vă rog să scrieți o scrisoare domnului Popescu.", "ro"),
    ("Lütfen Ahmet Öztürk için güzel bir mektup yaz.", "tr"),
]


@pytest.mark.parametrize(("text", "language"), UNCHECKED)
def test_a_sentence_in_another_language_is_unchecked(languages, text, language):
    reading = languages.read(text)
    assert reading.names_unchecked
    assert language in reading.languages


@pytest.mark.parametrize(
    "text",
    [
        "Моля, пишете на господин Иванов.",
        "Παρακαλώ γράψτε στον κύριο Παπαδόπουλο.",
        "请给张伟写一封信",
        "张伟",
        "田中さんに手紙を書いて",
        "김민수에게 편지를 써 주세요",
        "اكتب رسالة إلى محمد",
        "Please write to \u05d3\u05d5\u05d3 today.",
    ],
)
def test_letters_of_another_script_are_unchecked(languages, text):
    assert languages.read(text).names_unchecked


@pytest.mark.parametrize(
    "text",
    [
        "Please write a letter to Angela Schmidt.",
        "Dear team, please welcome Jürgen Müller from Ravensburg and Zoë O'Brien.",
        "What is the capital of France?",
        "tell me a joke",
        "WRITE AN EMAIL TO JOHN",
        "You are a helpful assistant.",
        "The meeting with Giuseppe Verdi and Maria Rossi is at noon.",
        "Meeting notes: third quarter revenue forecast",
        "I'm Zoe. It's 3 o'clock, don't be late!",
    ],
)
def test_english_is_checked_whoever_it_names(languages, text):
    reading = languages.read(text)
    assert not reading.names_unchecked
    assert reading.languages <= {"en"}


@pytest.mark.parametrize(
    "text",
    [
        *("", "Hi", "ok", "42", "ja", "Danke", "x = 1", "[PERSON_1]", "Anna Müller"),
        *(
            "anna.mueller@example.de",
            "https://example.de/über-uns",
            "π r² ± Δx",
            "😀😀😀",
            "\x00",
        ),
        '{"an": "Frau Müller", "ort": "Ravensburg"}',
        "def hole(wert): return wert + 1",
        "```\nfor wert in liste:\n    drucke(wert)\n```",
        "```python\nimport os\nfrom pfad import hole, lege, nimm\nreturn wert\n```",
        "```yaml\nmodelle:\n  -\n    sprache: de\n    name: gross\n  - kunden\n```",
        "Use `kunden_liste`, `hole_wert` or `x = lege(wert, ort)` to get the value.",
        "kunden_nummer = hole_wert(liste_der_kunden)",
        "SELECT name FROM kunden WHERE id = 7;",
        "git commit -m fix && git push origin main",
    ],
)
def test_what_says_nothing_about_its_language_is_not_held_against_it(languages, text):
    assert not languages.read(text).names_unchecked


@pytest.mark.parametrize(
    "text",
    [
        "`Bitte schreiben Sie einen Brief an Frau Müller in Ravensburg.`",
        "```\nBitte schreiben Sie einen Brief\nan Frau Müller in Ravensburg.\n```",
        "```text\nHerr Müller wohnt in Ravensburg und ist seit gestern krank",
        "```für jeden Wert der Liste etwas tun```",
        "```python\nx = 1\n# Herr Müller wohnt in Ravensburg und ist krank\n```",
        "Summarise this:\n```\nVielen Dank für Ihren Brief vom Montag, Frau Müller.\n```",
        "`Herr Müller` `wohnt in` `Ravensburg und` `ist krank`",
        "Herr_Müller wohnt_in Ravensburg_am Bodensee_und ist_krank",
        "<b>Herr</b> <i>Müller</i> <b>wohnt</b> <b>in</b> <b>Ulm</b> <b>und</b> krank",
        "{Herr} {Müller} {wohnt} {in} {Ravensburg} {und} {ist} {krank}",
        "[Herr](http://a) [Müller](http://b) [wohnt](http://c) [in](/d) [Ulm](/e) [und](/f) so",
    ],
)
def test_marks_of_code_do_not_hide_a_language(languages, text):
    assert languages.read(text).names_unchecked


def test_one_foreign_sentence_in_an_english_text_is_seen(languages):
    english = "The customer wrote to us again about the late delivery. " * 5
    german = "Bitte rufen Sie heute noch Herrn Maier in Stuttgart an."
    assert not languages.read(english).names_unchecked
    reading = languages.read(f"{english}\n{german}\n{english}")
    assert reading.names_unchecked
    assert reading.languages == {"de", "en"}


def test_short_lines_are_read_together(languages):
    letter = "Sehr geehrte\nFrau Müller,\nvielen Dank\nfür Ihren\nBrief vom\nMontag."
    assert languages.read(letter).names_unchecked

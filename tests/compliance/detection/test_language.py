import sys

import pytest
import regex
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from compliance.detection.language import Languages
from compliance.detection.language_model import Model


@pytest.fixture(scope="module")
def languages():
    return Languages()


KNOWN = [
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
    ("Моля, пишете на господин Иванов от София.", "bg"),
    ("Παρακαλώ γράψτε στον κύριο Παπαδόπουλο.", "el"),
    ("Skriv venligst et brev til fru Jensen i Aarhus.", "da"),
    ("Napišite molim vas pismo gospodinu Horvatu iz Zagreba.", "hr"),
    ("Parašykite prašau laišką ponui Kazlauskui iš Kauno.", "lt"),
    ("Lūdzu, uzrakstiet vēstuli Bērziņa kungam no Rīgas.", "lv"),
    ("Palun kirjutage kiri härra Tammele Tartusse.", "et"),
    ("Napíšte prosím list pánovi Kováčovi, ktorý býva v Košiciach.", "sk"),
    ("Prosim, napišite pismo gospodu Novaku, ki živi v Mariboru.", "sl"),
    ("Jekk jogħġbok ikteb ittra lis-Sinjur Borg dwar il-kont tiegħu.", "mt"),
    ("Scríobh litir chuig an Uasal Ó Briain faoin mbille, le do thoil.", "ga"),
]


@pytest.mark.parametrize(("text", "language"), KNOWN)
def test_a_sentence_in_a_language_of_the_union_is_checked(languages, text, language):
    reading = languages.read(text)
    assert not reading.names_unchecked
    assert language in reading.languages


UNCHECKED = [
    ("Lütfen Ahmet Öztürk için güzel bir mektup yaz.", "tr"),
    ("LÜTFEN BUGÜN AYŞE HANIMI ARAYIN VE SORUN", "tr"),
    ("Напишіть, будь ласка, листа панові Шевченку до Києва.", "uk"),
    ("Добрый день, меня зовут Иван Петров, я живу в Москве.", "ru"),
    ("Skrifaðu bréf til frú Jónsdóttur í Reykjavík, takk fyrir.", "is"),
    ("Tôi tên là Nguyễn Văn An và tôi sống ở Hà Nội.", "vi"),
    ("Nama saya Budi Santoso dan saya tinggal di Jakarta.", "id"),
    ("Më quajnë Arben Hoxha dhe jetoj në Tiranë.", "sq"),
]


@pytest.mark.parametrize(("text", "language"), UNCHECKED)
def test_a_sentence_in_another_language_is_unchecked(languages, text, language):
    reading = languages.read(text)
    assert reading.names_unchecked
    assert language in reading.languages


@pytest.mark.parametrize(
    "text",
    [
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


def test_letters_of_every_other_script_are_unchecked(languages):
    other = regex.compile(r"(?![µ\p{Latin}\p{Greek}\p{Cyrillic}])\p{L}")
    letters = [letter for letter in map(chr, range(sys.maxunicode + 1)) if other.match(letter)]
    for letter in letters[::41]:
        assert languages.read(f"Frau {letter}{letter}").names_unchecked, hex(ord(letter))


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
        "`Lütfen bugün Bursa'da oturan Ayşe Hanım için uzun bir mektup yazın.`",
        "```\nLütfen bugün Bursa'da oturan\nAyşe Hanım için uzun mektup yazın.\n```",
        "```text\nAyşe Hanım Bursa'da oturuyor ve dünden beri çok hasta",
        "```her değer için bir şey yapmak gerekiyor```",
        "```python\nx = 1\n# Ayşe Hanım Bursa'da oturuyor ve çok hasta\n```",
        "Summarise this:\n```\nMektubunuz için çok teşekkür ederim, Ayşe Hanım.\n```",
        "`Ayşe Hanım` `Bursada oturuyor` `ve dünden` `beri çok` `hasta yatıyor`",
        "Ayşe_Hanım Bursada_oturuyor dünden_beri çok_hasta",
        "<b>Ayşe</b> <i>Hanım</i> <b>dünden</b> <b>beri</b> <b>çok</b> <b>hasta</b> yatıyor",
        "{Ayşe} {Hanım} {dünden} {beri} {çok} {hasta} {yatıyor}",
        "[Ayşe](http://a) [Hanım](http://b) [dünden](http://c) [beri](/d) [çok](/e) [o](/f)",
    ],
)
def test_marks_of_code_do_not_hide_a_language(languages, text):
    assert languages.read(text).names_unchecked


def test_one_foreign_sentence_in_an_english_text_is_seen(languages):
    english = "The customer wrote to us again about the late delivery. " * 5
    turkish = "Lütfen bugün Bursa'da oturan Ayşe Hanımı arayın ve sorun."
    assert not languages.read(english).names_unchecked
    reading = languages.read(f"{english}\n{turkish}\n{english}")
    assert reading.names_unchecked
    assert reading.languages == {"en", "tr"}


def test_short_lines_are_read_together(languages):
    letter = "Sayın\nAyşe Hanım,\nmektubunuz\niçin çok\nteşekkür\nederim."
    assert languages.read(letter).names_unchecked


def test_many_texts_at_once_have_the_chances_that_each_has_in_py3langid():
    own = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    texts = ["", "\uffff", *(text for text, _ in KNOWN + UNCHECKED), "Wie geht es dir? " * 500]
    texts = [text.lower() for text in texts]
    model = Model()
    for text, chances in zip(texts, model.chances(texts), strict=True):
        theirs = dict(own.rank(text))
        for name, chance in zip(model.names, chances.tolist(), strict=True):
            assert chance in (0, pytest.approx(theirs[name], abs=1e-4))
        assert chances.sum() == pytest.approx(1, abs=1e-4)

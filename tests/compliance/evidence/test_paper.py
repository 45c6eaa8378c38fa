"""What is on paper: PDF/A-3 as far as its structure shows, and text that is only text."""

import datetime as dt
import io
import json
from typing import Any

import pypdf
import pytest

from compliance.evidence.paper import issue, letters, page
from compliance.evidence.paper.page import Attached, Paper, PaperImpossible, printed

NOW = dt.datetime(2026, 11, 22, 20, 15, tzinfo=dt.UTC)
DATA = json.dumps({"text": "Grüße, 日本"}, ensure_ascii=False)
ACTIVE = {"/JavaScript", "/Launch", "/URI", "/SubmitForm", "/ImportData", "/Movie", "/Sound"}


def paper(*blocks, **changes):
    shown = (page.title("A paper"), page.heading("Part"), *blocks)
    values: dict[str, Any] = {
        "title": "A paper",
        "author": "example.org",
        "foot": "A foot.",
        "created": NOW,
        "blocks": shown,
        "attached": Attached("data.json", DATA, "The same."),
    }
    return Paper(**values | changes)


def everything(*, whole_in="data.json"):
    yield page.label("Label", "Art. 30(1)(a); required")
    for style in ("text", "value", "small", "quiet", "loud"):
        yield from page.text(f"Some {style}.", style)
    yield from page.text("=1+1 <b>*bold*</b> #panic() $x$ `raw` @ref // no comment")
    yield from page.text("日本", whole_in=whole_in)
    yield page.table(("Name", "Number"), [("crm", 1_234), ("日本", 5)])


def opened(data) -> Any:
    return pypdf.PdfReader(io.BytesIO(data))


def objects(data):
    """Every object of a PDF, once."""
    reader = opened(data)
    for number in range(1, reader.trailer["/Size"]):
        found = reader.get_object(number)
        if found is not None:
            yield from inside(found)


def inside(found):
    if isinstance(found, pypdf.generic.ArrayObject):
        for one in found:
            if not isinstance(one, pypdf.generic.IndirectObject):
                yield from inside(one)
    elif isinstance(found, pypdf.generic.DictionaryObject):
        yield found
        for one in found.values():
            if not isinstance(one, pypdf.generic.IndirectObject):
                yield from inside(one)


@pytest.fixture(scope="module")
def unsigned():
    return printed(paper(*everything()))


@pytest.fixture
def handed_out(signer):
    return issue.issued(paper(*everything()), signer)


def text_of(data):
    return "\n".join(one.extract_text() for one in opened(data).pages)


def test_signing_leaves_the_metadata_as_they_were(handed_out, unsigned):
    was, now = (
        opened(data).trailer["/Root"]["/Metadata"].get_data() for data in (unsigned, handed_out)
    )
    assert now == was


def test_it_calls_itself_pdf_a_3_and_has_what_that_asks_of_a_file(handed_out):
    reader = opened(handed_out)
    root = reader.trailer["/Root"]
    assert handed_out.startswith(b"%PDF-1.7")
    assert "/Encrypt" not in reader.trailer
    assert len(reader.trailer["/ID"]) == 2
    assert "/Version" not in root
    about = root["/Metadata"].get_data().decode()
    assert "/Filter" not in root["/Metadata"]
    assert "<pdfaid:part>3</pdfaid:part>" in about
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in about
    assert "A paper" in about
    assert root["/Lang"] == "en-GB"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/StructTreeRoot"]["/K"]
    (intent,) = root["/OutputIntents"]
    assert intent["/S"] == "/GTS_PDFA1"
    profile = intent["/DestOutputProfile"]
    assert profile["/N"] == 3
    assert profile.get_data()[12:24] == b"mntrRGB XYZ "  # ICC.1:2022, 7.2: a display, RGB
    assert set(root["/Perms"]) == {"/DocMDP"}


def test_fonts_are_embedded_and_nothing_is_active_hidden_or_transparent(handed_out):
    fonts = 0
    for one in objects(handed_out):
        if one.get("/Type") == "/FontDescriptor":
            assert {"/FontFile2", "/FontFile3"} & set(one)
            fonts += 1
        if one.get("/Type") == "/Font" and one["/Subtype"] == "/Type0":
            assert "/ToUnicode" in one
        assert one.get("/S") not in ACTIVE
        assert not {"/JS", "/AA", "/OpenAction", "/SMask"} & set(one)
        assert one.get("/ca", 1) == one.get("/CA", 1) == 1
        assert one.get("/BM", "/Normal") == "/Normal"
        if one.get("/Subtype") == "/Widget":
            hidden = 1 | 2 | 32  # ISO 32000-1, 12.5.3: invisible, hidden, no view
            assert one["/F"] & 4
            assert not one["/F"] & hidden
            assert one["/Rect"] == [0, 0, 0, 0]  # so it needs no appearance
    assert fonts >= 2


def test_the_data_is_an_associated_file(handed_out):
    root = opened(handed_out).trailer["/Root"]
    (file,) = root["/AF"]
    assert file["/AFRelationship"] == "/Data"
    assert file["/F"] == file["/UF"] == "data.json"
    stream = file["/EF"]["/F"]
    assert stream["/Subtype"] == "/application/json"
    assert "/ModDate" in stream["/Params"]
    assert stream.get_data().decode() == DATA
    assert "data.json" in str(root["/Names"]["/EmbeddedFiles"])


def test_text_is_no_markup_and_what_cannot_be_shown_is_told(unsigned):
    text = " ".join(text_of(unsigned).split())
    assert "=1+1 <b>*bold*</b> #panic() $x$ `raw` @ref // no comment" in text
    assert f"{letters.BOX * 2} (Some characters of this text cannot be shown here" in text
    assert "crm 1,234 [U+65E5][U+672C] 5" in text
    assert "A foot. Page 1 of 1" in text


def test_a_long_word_goes_on_in_the_next_line_and_is_copied_whole():
    word, digest = "0123456789" * 30, "ab" * 32
    data = printed(paper(*page.text(f"{word} Digest {digest}")))
    assert word in text_of(data).replace("\n", "")
    assert digest in text_of(data)
    address = "http://data.europa.eu/eli/reg_impl/2024/2956/oj"
    filler = "word " * 15
    sentence = text_of(printed(paper(*page.text(f"{filler}{address}, {filler}{digest}."))))
    assert f"{address}," in sentence
    assert f"{digest}." in sentence
    widest = max(len(line) for line in text_of(data).splitlines())
    assert widest < 100  # digits that fit between the margins: 482 / 5.7 points


def test_what_was_typed_stands_apart_from_the_paper_s_own_words():
    found: dict[str, set[float]] = {"own": set(), "typed": set()}

    def seen(text, matrix, within, *_rest):
        for word, places in found.items():
            if word in text:
                places.add(round(matrix[4] + within[4] * matrix[0]))

    blocks = (*page.text("own"), *page.text("typed\ntyped as if verified", "value"))
    opened(printed(paper(*blocks))).pages[0].extract_text(visitor_text=seen)
    ((own,), (typed,)) = (found["own"], found["typed"])
    assert typed > own


def test_a_paper_that_would_take_all_memory_is_refused_before_it_is_set():
    line = {"kind": "text", "text": "secret " * 15, "style": "text"}
    with pytest.raises(PaperImpossible, match="16000 paragraphs") as told:
        printed(paper(*[line] * 15_998))
    assert "secret" not in str(told.value)


def test_data_that_would_take_all_memory_are_refused_before_anything_is_set():
    heavy = Attached("data.json", "é" * (page.HEAVIEST_DATA // 2 + 1), "The same.")
    with pytest.raises(PaperImpossible, match="would hold 100 MB of data") as told:
        printed(paper(attached=heavy))
    assert "é" not in str(told.value)


def test_the_same_paper_is_the_same_file(unsigned):
    assert printed(paper(*everything())) == unsigned


def test_every_character_that_there_is_can_be_printed_or_is_replaced():
    signs = "".join(chr(n) for n in (*range(0x600), *sorted(letters.known())))
    signs += "日\ud800\ue000\ufeff\ufffe\U0001f600\U000e0001"
    rows = [(signs[n : n + 200], n) for n in range(0, len(signs), 200)]
    blocks = [page.table(("Name", "Number"), rows), *page.text(signs)]
    text = text_of(printed(paper(*blocks, title=signs, foot=signs)))
    assert all(chr(one) in text for one in range(0x21, 0x7F))
    shown, whole = letters.shown("Żółć, Ελληνικά, български, íslenska, Gaeilge")
    assert whole
    assert shown == "Żółć, Ελληνικά, български, íslenska, Gaeilge"


def test_what_cannot_be_set_is_a_sentence_without_the_text():
    with pytest.raises(PaperImpossible, match="could not be set") as told:
        printed(paper({"kind": "text", "text": "secret 日本", "style": "text"}))
    assert "secret" not in str(told.value)

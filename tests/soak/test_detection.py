"""Random texts of all of Unicode, values and markup: nothing fails, leaks or grows too fast.

`DOMICILE_SEED=…` replays a run; `make soak` has the long form.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence

import pytest

from compliance.detection.detector import Detector
from compliance.detection.pseudonyms import Treated, treat
from compliance.detection.restore import Restorer
from compliance.vocabulary import Effect, Finding, Scan, Segment
from tests.bench.targets.scanners import INDIRECT
from tests.chaos import plan
from tests.compliance.detection import ordinary
from tests.compliance.detection.evasions import EVASIONS, KINDS, UNREADABLE, written
from tests.compliance.detection.growth import is_linear
from tests.compliance.detection.test_identifiers import TABLES

FEW, MANY = 60, 20_000  # texts
LONG = 1_000_000  # characters
SOAK = [pytest.mark.soak, pytest.mark.timeout(7200)]
POINTER = "/messages/0/content"
KEY = bytes(range(32))  # with which names stand for names
MARKUP = ('{"', '": "', '"}', "<b>", "</b>", "](", "**", "```", "\\u00", "&#", "%4", "=\n", ";")
NAMES = frozenset({"PERSON", "LOCATION", "ADDRESS"})
"""What the names model may see in a masked text that it did not see before."""
LAST = "\nIBAN: DE89370400440532013000"
"""A line that is found behind whatever stands before it."""
PLANES = ((0x20, 0x7F), (0xA0, 0x250), (0x370, 0x530), (0x590, 0x780), (0x900, 0x1200),
          (0x2000, 0x2100), (0x3040, 0xAC00), (0xD800, 0xE000), (0xFE00, 0x10000),
          (0x10000, 0x20000), (0xE0000, 0xE0200), (0, sys.maxunicode + 1))  # fmt: skip
"""Of code points: letters, signs, surrogates alone, selectors, tags, and any."""


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    long = request.node.get_closest_marker("soak")
    seed = plan.fresh_seed() if long else plan.seed()
    print(f"\nDOMICILE_SEED={seed}")  # noqa: T201 - it replays the run
    return random.Random(seed)


VALUES = [value for values in TABLES.values() for value in values.valid]
TEXTS = [text for _, text in ordinary.texts()]
HIDDEN = [
    text
    for evasion in EVASIONS
    for kind in KINDS
    if (evasion, kind) not in UNREADABLE and (case := written(evasion, kind)) is not None
    for text in case.texts
]


def characters(chance: random.Random, length: int) -> str:
    first, last = chance.choice(PLANES)
    return "".join(chr(chance.randrange(first, last)) for _ in range(length))


def piece(chance: random.Random) -> str:
    """A few characters of one plane, a value, a hidden one, markup, or a part of a text."""
    kind = chance.randrange(6)
    if kind == 0:
        return characters(chance, chance.randrange(12))
    if kind == 1:
        return chance.choice(VALUES)
    if kind == 2:
        return chance.choice(HIDDEN)
    if kind == 3:
        return chance.choice(MARKUP) * chance.randrange(1, 4)
    if kind == 4:
        return chance.choice(
            (" ", "\n", "\t", ", ", ": ", "\u200b", "\u00ad", "\u202e", "\r\n")
        )
    text = chance.choice(TEXTS)
    at = chance.randrange(len(text))
    return text[at : at + chance.randrange(80)]


def texts(chance: random.Random, count: int) -> Iterator[str]:
    for _ in range(count):
        yield "".join(piece(chance) for _ in range(chance.randrange(12)))


def counted(count: tuple[int, int]) -> list[object]:
    return [
        pytest.param(count[0], id="few"),
        pytest.param(count[1], id="many", marks=SOAK),
    ]


ONCE_LEFT = (
    "FR3778710\u0418\u043d\u043e\u0432\u04306 8 161 60903252597phone",
    "jakh z \u017cy1785 46514806 7386 2759\n",
    "86_095_742719 FI20774740\u6c05\u3ad1\u33f2",
    "D\u041589 370400440532013000ty.OBUPR202094DHYGS17\ufe74",
    "1212919388\u01a6&#http://a%40mpl",
    "49&#49&#32&#49&#49&#49&#49&#49&#49&#49&#49ow.ATU41583924\u01d3\u010a\u0184",
    ": 48259/03/2032My phonenumber +49_170_456",
    "2488087 DB hc es a-D i 05\n742 719 s",
    (
        "\ufe989305043614hd &#52&#49&#49&#&#32&#9&#49&49&#49&#32&#49&#49&#49&#49&#32"
        "&#49&#49&#49&#49"
    ),
    "SK2022749619 8  @e.om",
)
"""Texts of which a number was once found only when they were masked."""


@pytest.mark.parametrize("text", ONCE_LEFT)
def test_what_was_once_left_in_a_masked_text_is_found_or_is_none(
    detector: Detector, text: str
) -> None:
    assert left(detector, text) <= NAMES | INDIRECT


def left(detector: Detector, text: str) -> set[str]:
    """What is found in a text that was masked."""
    segment = Segment(POINTER, text)
    scan = detector.scan([segment])
    masked = treat([segment], scan, effects(scan, Effect.MASK))
    again = detector.scan([Segment(POINTER, masked.texts.get(POINTER, text))])
    return {one.entity for one in again.findings}


@pytest.mark.parametrize("count", counted((FEW, MANY)))
def test_whatever_a_text_is_made_of_it_is_masked_whole_and_restored_whole(
    detector: Detector, chance: random.Random, count: int
) -> None:
    found = 0
    for text in texts(chance, count):
        segment = Segment(POINTER, text)
        scan = detector.scan([segment])
        found += len(scan.findings)
        assert all(0 <= one.start < one.end <= len(text) for one in scan.findings)
        assert left(detector, text) <= NAMES | INDIRECT, repr(text)
        for key in (None, KEY):
            replaced = treat([segment], scan, effects(scan, Effect.PSEUDONYMISE), key=key)
            assert restored(chance, replaced, text) == text, repr(text)
    assert found > count / 2


def effects(scan: Scan, direct: Effect) -> dict[str, Effect]:
    """What becomes of each entity that was found."""
    entities = {one.entity for one in scan.findings}
    return {one: Effect.ALLOW if one in INDIRECT else direct for one in entities}


def restored(chance: random.Random, replaced: Treated, text: str) -> str:
    """What comes of the pseudonymised text when a model repeats it, in chunks of any size."""
    given = replaced.texts.get(POINTER, text)
    restorer = Restorer(replaced.pseudonyms)
    out, at = [], 0
    while at < len(given):
        size = chance.randrange(1, 40)
        out.append(restorer.feed(given[at : at + size]))
        at += size
    return "".join([*out, restorer.finish()])


@pytest.mark.parametrize(
    "kind", ["any characters", "values", "hidden values", "markup and text"]
)
@pytest.mark.parametrize(
    "length", [pytest.param(20_000, id="20 kB"), pytest.param(LONG, id="1 MB", marks=SOAK)]
)
def test_the_work_grows_with_the_text(
    detector: Detector, chance: random.Random, kind: str, length: int
) -> None:
    makers: dict[str, Callable[[], str]] = {
        "any characters": lambda: characters(chance, 50),
        "values": lambda: f"{chance.choice(VALUES)} ",
        "hidden values": lambda: f"{chance.choice(HIDDEN)}\n",
        "markup and text": lambda: piece(chance),
    }
    parts, size = list[str](), 0
    while size < length:
        parts.append(makers[kind]())
        size += len(parts[-1])
    text = "".join(parts)
    assert is_last_found(detector.examine(text + LAST).findings, text + LAST)
    assert is_linear(lambda size: detector.examine(text[:size]), length)


def is_last_found(findings: Sequence[Finding], text: str) -> bool:
    """Whether the account number in `LAST` was found, alone or in something longer."""
    start = len(text) - len(LAST.partition(": ")[2])
    return any(one.start <= start and one.end == len(text) for one in findings)

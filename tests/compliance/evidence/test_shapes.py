"""The offline verifier's quick look at details judges as the slow one does."""

import random

import pytest

from compliance.evidence import verify

TEXTS = (
    "",
    "a",
    ",",
    ":",
    "]},",
    "a,",
    'say "x"',
    "\\",
    "\n",
    "Straße",
    "a:",
    "0",
    "id",
    "{",
    ":[",
)
NUMBERS = (0, 1, 9, 10, 99, -1, 10**14, 9 * 10**15, 2**53 - 1, 1_795_387_248_000_000)
KEYS = ("a", "application", "id", "name", ":", "", "a,", "b_1", "]}")


def value(chance, depth=0):
    """What a detail may hold, with much in it that looks like its own punctuation."""
    kind = chance.randrange(6 if depth < 3 else 4)
    if kind < 2:
        return chance.choice(TEXTS)
    if kind == 2:
        return chance.choice(NUMBERS)
    if kind == 3:
        return chance.choice((True, False, None))
    if kind == 4:
        return [value(chance, depth + 1) for _ in range(chance.randrange(3))]
    return {chance.choice(KEYS): value(chance, depth + 1) for _ in range(chance.randrange(4))}


def change(chance, raw):
    """The same with a piece of it somewhere else, or a character of JSON's own."""
    data = bytearray(raw)
    at = chance.randrange(len(data))
    kind = chance.randrange(3)
    if kind == 0:
        data[at : at + 1] = chance.choice(
            (b'"', b",", b":", b"0", b"-", b"\\", b"}", b"\x01", b"\xff")
        )
    elif kind == 1:
        del data[at : at + chance.choice((1, 2, 5))]
    else:
        begin = chance.randrange(len(data))
        data[at:at] = data[begin : begin + chance.choice((1, 2, 5, 9))]
    return bytes(data)


def judged(judge, raw):
    try:
        return judge(raw, 5)
    except verify.Broken as error:
        return str(error)


@pytest.mark.parametrize("seed", range(4))
def test_quick_and_slow_agree_on_details_and_on_mutants_of_them(seed):
    chance = random.Random(seed)
    quick = verify.Shapes()
    for _ in range(250):
        about = value(chance)
        about = about if isinstance(about, dict) else {"x": about}
        about["application"] = {"id": chance.choice(TEXTS), "name": value(chance)}
        raw = verify.canonical(about)
        for one in (raw, *(change(chance, raw) for _ in range(20)), raw):
            assert judged(quick.application, one) == judged(quick.slowly, one), one


@pytest.mark.parametrize(
    ("known", "other"),
    [
        (b'{"a":{":":"]},"}}', b'{"a":{":"x"]},"}}'),
        (b'{"a":1,"b":2}', b'{"a":1,"b":02}'),
        (b'{"a":1,"b":2}', b'{"a":1,"b":9007199254740993}'),
        (b'{"a":"x","b":2}', b'{"a":"\x01","b":2}'),
        (b'{"a":"x","b":2}', b'{"a":"\xff","b":2}'),
        (b'{"a":"x","b":2}', b'{"a":"\\u0041","b":2}'),
        (b'{"a":"x","b":2}', b'{"b":"x","a":2}'),
    ],
)
def test_a_known_shape_excuses_nothing_in_another_detail(known, other):
    quick = verify.Shapes()
    for _ in range(3):
        quick.application(known, 5)
    with pytest.raises(verify.Broken, match="not canonical JSON"):
        quick.application(other, 5)


def test_details_of_a_known_shape_are_not_read_again():
    quick = verify.Shapes()
    raw = b'{"application":{"id":"%b","name":"crm"},"time":%d}'
    quick.application(raw % (b"one", 1_795_387_248_000_000), 5)
    vars(quick)["slowly"] = None
    for number in range(1_000):
        text = b"id-%d" % number
        named = quick.application(raw % (text, 1_795_387_248_000_000 + number), 5)
        assert named == text.decode()

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


def digit(chance, raw):
    """The same with other digits."""
    return bytes(chance.choice(b"0123456789") if 48 <= one <= 57 else one for one in raw)


@pytest.mark.parametrize("seed", range(4))
def test_quick_and_slow_agree_on_details_whose_digits_were_changed(seed):
    chance = random.Random(seed)
    quick = verify.Shapes()
    alike = 0
    for _ in range(60):
        about = value(chance)
        about = about if isinstance(about, dict) else {"x": about}
        about |= {"a1": 1, "b": chance.choice(NUMBERS)} if chance.randrange(2) else {}
        about["application"] = {"id": f"id-{chance.choice(NUMBERS)}", "name": value(chance)}
        raw = verify.canonical(about)
        for one in (raw, raw, raw, *(digit(chance, raw) for _ in range(20)), raw):
            alike += one.translate(verify.ZEROS) in quick.alike
            assert judged(quick.application, one) == judged(quick.slowly, one), one
    assert alike > 100


@pytest.mark.parametrize(
    ("known", "other"),
    [
        (b'{"a":10}', b'{"a":01}'),
        (b'{"a":8000000000000000}', b'{"a":9900000000000000}'),
        (b'{"a":[1,-1]}', b'{"a":[1,-0]}'),
        (b'{"a1":0,"a2":0}', b'{"a2":0,"a1":0}'),
        (b'{"a1":0,"a2":0}', b'{"a1":0,"a1":0}'),
        (b'{"a":"\\u0001"}', b'{"a":"\\u0040"}'),
        (b'{"a":"\\u0001"}', b'{"a":"\\u9999"}'),
    ],
)
def test_other_digits_excuse_nothing(known, other):
    quick = verify.Shapes()
    for _ in range(3):
        quick.application(known, 5)
    with pytest.raises(verify.Broken, match="not canonical JSON"):
        quick.application(other, 5)


def test_the_application_is_the_detail_s_own_and_not_another_that_it_speaks_of():
    quick = verify.Shapes()
    raw = '{"application":{"a":1,"id":"%s"},"b":{"application":{"id":"crm"}}}'
    for _ in range(3):
        assert quick.application((raw % "crm").encode(), 5) == "crm"
    assert quick.application((raw % "mail").encode(), 5) == "mail"
    raw = '{"application":{"a":1,"id":"id-%d"},"b":{"application":{"id":"id-1"}}}'
    for number in (1, 1, 1, 2, 3):
        assert quick.application((raw % number).encode(), 5) == f"id-{number}"


def known(texts):
    """Shapes that have met a detail with each of these texts, and can read no other."""
    quick = verify.Shapes()
    for text in texts:
        for _ in range(3):
            quick.application(RAW % (text, 1_795_387_248_000_000), 5)
    vars(quick)["slowly"] = None
    return quick


RAW = b'{"application":{"id":"%b","name":"crm"},"time":%d}'


def test_details_that_differ_in_digits_only_are_not_read_again():
    quick = known([b"id-1", b"id-22", b"id-333"])
    for number in range(1_000):
        raw = RAW % (b"id-%d" % number, 1_795_387_248_000_000 + number)
        assert quick.application(raw, 5) == f"id-{number}"
        assert raw.translate(verify.ZEROS) in quick.alike


def test_details_of_a_known_shape_are_not_read_again():
    letters = "abcdefghijklmnopqrstuvwxyz"
    texts = [(one + other).encode() for one in letters for other in letters]
    quick = known(texts[: verify.OFTEN])
    for text in texts:
        assert quick.application(RAW % (text, 1), 5) == text.decode()


def test_few_details_are_remembered_and_no_long_ones():
    quick = known([b"x" * verify.ALIKE_BYTES])
    assert not quick.alike
    quick = verify.Shapes()
    for length in range(3 * verify.OFTEN):
        quick.application(RAW % (b"x" * length, 1), 5)
    assert 1 < len(quick.alike) <= verify.OFTEN

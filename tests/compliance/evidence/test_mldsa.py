"""The verifier's own ML-DSA-44, held against `cryptography` (OpenSSL)."""

import random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from compliance.evidence.verify import (
    BETA,
    GAMMA1,
    OMEGA,
    _hints,
    _ntt,
    _responses,
    mldsa44_verify,
)

HINTS = 2336  # where they begin in a signature


def theirs(public, message, signature):
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def signed(seed, message):
    key = MLDSA44PrivateKey.from_seed_bytes(bytes([seed]) * 32)
    return key.public_key().public_bytes_raw(), key.sign(message)


@pytest.mark.parametrize("seed", range(12))
def test_it_accepts_what_openssl_signs_and_nothing_near_it(seed):
    chance = random.Random(seed)
    message = chance.randbytes(chance.randrange(300))
    public, signature = signed(seed, message)
    assert mldsa44_verify(public, message, signature)
    assert not mldsa44_verify(public, message + b"x", signature)
    assert not mldsa44_verify(signed(seed + 1, b"")[0], message, signature)
    for begin, end in ((0, 32), (32, HINTS), (HINTS, len(signature))):
        broken = bytearray(signature)
        at = chance.randrange(begin, end)
        broken[at] ^= 1 << chance.randrange(8)
        assert theirs(public, message, bytes(broken)) is False
        assert mldsa44_verify(public, message, bytes(broken)) is False, at
    other = bytearray(public)
    other[chance.randrange(len(public))] ^= 1
    assert not mldsa44_verify(bytes(other), message, signature)


def test_keys_and_signatures_have_one_length():
    public, signature = signed(1, b"text")
    for broken in (b"", signature[:-1], signature + b"\0", signature[1:]):
        assert not mldsa44_verify(public, b"text", broken)
    for broken in (b"", public[:-1], public + b"\0"):
        assert not mldsa44_verify(broken, b"text", signature)


def rearranged(signature, number):
    """The same hints, written otherwise."""
    hints = bytearray(signature[HINTS:])
    count = hints[OMEGA]
    if number == 0:  # two places of the first polynomial exchanged
        hints[0], hints[1] = hints[1], hints[0]
    elif number == 1:  # a place twice
        hints[1] = hints[0]
    elif number == 2:  # something behind the last place
        hints[hints[-1]] = 1
    elif number == 3:  # more places than there is room for
        hints[-1] = OMEGA + 1
    else:  # an end before the one before it
        hints[OMEGA + 1] = count - 1
    return signature[:HINTS] + bytes(hints)


@pytest.mark.parametrize("number", range(5))
def test_hints_have_one_form(number):
    public, signature = next(
        (public, signature)
        for public, signature in (signed(seed, b"text") for seed in range(250))
        if signature[HINTS + OMEGA] > 1 and signature[-1] < OMEGA
    )
    broken = rearranged(signature, number)
    assert broken != signature
    assert _hints(signature[HINTS:]) is not None
    assert _hints(broken[HINTS:]) is None
    assert theirs(public, b"text", broken) is False
    assert mldsa44_verify(public, b"text", broken) is False


@pytest.mark.parametrize(
    ("places", "ends"),
    [
        (b"\x01\x02\x03", b"\x03\x02\x03\x03"),  # an end before the one before it
        (bytes(range(1, 81)), b"\x51\x51\x51\x51"),  # an end where no place is
        (b"\x01\x01", b"\x02\x02\x02\x02"),
        (b"\x01\x02", b"\x01\x01\x01\x01"),
    ],
)
def test_ends_of_hints_rise_and_stay_in_bounds(places, ends):
    assert _hints(places.ljust(OMEGA, b"\0") + ends) is None


def test_a_coefficient_has_a_bound_on_both_sides():
    bound = GAMMA1 - BETA
    for number, within in (
        (bound - 1, True),
        (1 - bound, True),
        (bound, False),
        (-bound, False),
    ):
        bits = sum(GAMMA1 << place for place in range(0, 18 * 256, 18)) - number
        packed = bits.to_bytes(576, "little") * 4
        assert (_responses(packed) is not None) is within, number


def test_the_transform_multiplies_as_the_ring_does():
    chance = random.Random(1)
    a, b = ([chance.randrange(8380417) for _ in range(256)] for _ in range(2))
    slow = [0] * 256
    for i in range(256):
        for j in range(256):
            place, sign = (i + j) % 256, 1 - 2 * (i + j >= 256)
            slow[place] += sign * a[i] * b[j]
    product = [x * y % 8380417 for x, y in zip(_ntt(a), _ntt(b), strict=True)]
    assert product == [one % 8380417 for one in _ntt([one % 8380417 for one in slow])]

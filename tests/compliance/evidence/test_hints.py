"""Seven bits of each leaf hash, packed by the export and unpacked by the verifier."""

import os

import pytest

from compliance.evidence.hints import AT_ONCE, packed
from compliance.evidence.verify import HALF, unpacked


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 4_096, AT_ONCE - 1, AT_ONCE, 3 * AT_ONCE + 5])
def test_what_was_packed_is_found_again_in_seven_eighths_of_the_room(count):
    first = os.urandom(count)
    lies = packed(first)
    assert len(lies) == -(-7 * count // 8)
    assert unpacked(lies)[:count] == first.translate(HALF)


def test_bits_lie_as_the_format_says():
    assert packed(b"\xff\x00\x80") == bytes([0b11111110, 0b00000010, 0b00000000])

"""Seven bits of each entry's leaf hash: by them a verifier tells which entry was changed.

They prove nothing. With the rest of a proof they stay below a byte for each entry of a hundred
thousand; a changed entry keeps its bits once in 128 times, and is then not named.
"""

from __future__ import annotations

AT_ONCE = 8_192  # bytes; a multiple of eight


def packed(first: bytes) -> bytes:
    """The upper seven bits of each byte, end to end; zeros fill the last byte."""
    pieces = (first[at : at + AT_ONCE] for at in range(0, len(first), AT_ONCE))
    return b"".join(map(_packed, pieces))


def _packed(first: bytes) -> bytes:
    size = -(-7 * len(first) // 8)
    bits = bytearray(f"{int.from_bytes(first, 'big'):0{8 * len(first)}b}".encode())
    del bits[7::8]
    return int(bits.ljust(8 * size, b"0"), 2).to_bytes(size, "big")

"""The characters that the paper's font can show, and what stands for those that it cannot.

PDF/A asks for a shape of every character, with its meaning in Unicode.
"""

from __future__ import annotations

import struct
import unicodedata
from functools import cache
from pathlib import Path

import ttf_opensans  # type: ignore[import-untyped]

FONTS = Path(ttf_opensans.TTF_BIN_FOLDER)
FACES = ("OpenSans-Regular.ttf", "OpenSans-Bold.ttf")
BOX = "\ufffd"
LONGEST = 300  # characters of a name on paper
_HEADER = 12  # bytes before a font's table directory


def shown(text: str) -> tuple[str, bool]:
    """The text with boxes for what the font lacks, and whether it is whole."""
    clean = _spaced(text)
    out = "".join(sign if sign == "\n" or _has(sign) else BOX for sign in clean)
    return out, out == clean


def named(text: str) -> str:
    """One line of at most `LONGEST` characters; what the font lacks, by its code point.

    Two names that differ stay different on paper.
    """
    clean = _spaced(text).replace("\n", " ")
    cut = clean if len(clean) <= LONGEST else f"{clean[:LONGEST]} …"
    return "".join(sign if _has(sign) else f"[U+{ord(sign):04X}]" for sign in cut)


def _spaced(text: str) -> str:
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\t", " ")
    return "".join(" " if unicodedata.category(sign) == "Zs" else sign for sign in lines)


def _has(sign: str) -> bool:
    """Control and formatting characters have no shape, and may turn the order of others."""
    return sign.isprintable() and ord(sign) in known()


@cache
def known() -> frozenset[int]:
    """The code points for which each face has a shape."""
    regular, bold = (_mapped((FONTS / face).read_bytes()) for face in FACES)
    return regular & bold


def _mapped(font: bytes) -> frozenset[int]:
    """The code points of a font's character map (OpenType 1.9, `cmap`, format 4)."""
    (tables,) = struct.unpack_from(">H", font, 4)
    directory = (struct.unpack_from(">4s4xLL", font, _HEADER + 16 * n) for n in range(tables))
    start = next(offset for tag, offset, _length in directory if tag == b"cmap")
    (count,) = struct.unpack_from(">H", font, start + 2)
    maps = (struct.unpack_from(">HHL", font, start + 4 + 8 * n) for n in range(count))
    at = start + next(
        offset for platform, coding, offset in maps if (platform, coding) == (3, 1)
    )
    (doubled,) = struct.unpack_from(">H", font, at + 6)
    segments = doubled // 2
    ends, starts, deltas, offsets = (
        struct.unpack_from(f">{segments}H", font, at + place)
        for place in (14, 16 + doubled, 16 + 2 * doubled, 16 + 3 * doubled)
    )
    found = set()
    for n, (begin, end) in enumerate(zip(starts, ends, strict=True)):
        for point in range(begin, min(end, 0xFFFE) + 1):
            glyph = point
            if offsets[n]:
                place = 16 + 3 * doubled + 2 * n + offsets[n] + 2 * (point - begin)
                (glyph,) = struct.unpack_from(">H", font, at + place)
            if (offsets[n] == 0 or glyph) and (glyph + deltas[n]) % 0x10000:
                found.add(point)
    return frozenset(found)

r"""What stands in a text in another notation: entities, escapes, URL encoding, base64, hex.

Entities and escapes are undone in the whole text, which stays readable. What is encoded as a
whole is decoded in an excerpt, and only where the result is text; a finding in it stands for
all that was encoded, since what is left of base64 after a part was changed says nothing.

Sources: HTML Living Standard 13.5 (named characters), RFC 8259 section 7, RFC 3986 section 2.1,
RFC 4648.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import sys
from collections.abc import Iterator

import regex

from compliance.detection.reading.folding import folded
from compliance.detection.reading.triggers import Trigger
from compliance.detection.reading.view import Edit, Trust, View, apart

DEPTH = 3
"""How often something may be encoded anew."""

LEAST = 12  # characters of base64, and of hex, below which nothing personal is encoded
_FIRST = 16  # characters of base64 by which most of what is none is told

# --- In the whole text --------------------------------------------------------------------

_ESCAPED = regex.compile(
    r"&(?:#[0-9]{2,7};?|#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{1,31};)"
    r"|\\++u[dD][89abAB][0-9a-fA-F]{2}\\++u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|\\++(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|u\{[0-9a-fA-F]{1,6}\})"
    r"|(?:\\x[0-9a-fA-F]{2})++"
    r"|\\++(?:[nrt](?![a-z])|[\"'/]|(?<=\w\\)[._@+\-](?=\w))"
)
_BEFORE_LOWER = regex.compile(r"\\++[nrt](?=[a-z])")
"""Between lines of JSON or code; in a path of Windows the letter belongs to a name."""
_LINES = regex.compile(r"\\[nrt](?![A-Za-z])|\\\"")
_PATH = regex.compile(r"[A-Za-z]:\\|\\\\[A-Za-z]")
_CODE = regex.compile(r"[0-9a-fA-F]{4,8}|(?<=\{)[0-9a-fA-F]{1,6}")
_WHITE = {"n": "\n", "r": "\r", "t": "\t"}


def unescaped(view: View) -> View:
    """The view with entities and escapes as what they stand for, up to `DEPTH` deep."""
    for _ in range(DEPTH):
        made = view.edited(list(_unescaping(view.text)))
        if made is view:
            break
        view = made
    return view


def _unescaping(text: str) -> Iterator[Edit]:
    edits = [
        _edit(match, new) for match in _ESCAPED.finditer(text) if (new := _meant(match[0]))
    ]
    if "\\" in text and _LINES.search(text) and not _PATH.search(text):
        edits += (_edit(m, _WHITE[m[0][-1]]) for m in _BEFORE_LOWER.finditer(text))
        edits.sort(key=lambda edit: edit.start)
    return iter(edits)


def _edit(match: re.Match[str] | regex.Match[str], new: str) -> Edit:
    return Edit(match.start(), match.end(), new)


def _meant(written: str) -> str | None:
    """What an entity or escape stands for; None where it is none, or not a character."""
    if written[0] == "&":
        meant = html.unescape(written)
        return meant if meant != written and len(meant) <= len(written) else None
    last = written[-1]
    if written.startswith("\\x"):
        return _utf8(bytes.fromhex(written.replace("\\x", "")))
    if "u" in written or "U" in written:
        codes = [int(code, 16) for code in _CODE.findall(written)]
        if max(codes) > sys.maxunicode:
            return None
        units = "".join(map(chr, codes)).encode("utf-16-be", "surrogatepass")
        return units.decode("utf-16-be", "replace")
    return _WHITE.get(last, last)


def _utf8(data: bytes) -> str:
    """Bytes as text; each as a character of its own where they are no UTF-8 (as in Python)."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


# --- In an excerpt ------------------------------------------------------------------------

_PERCENT = regex.compile(r"(?:%(?:25){0,3}[0-9A-Fa-f]{2})++")
_OVER = regex.compile(r"%(?:25)+(?=[0-9A-Fa-f]{2})")
_FORM = regex.compile(r"(?<=[?&;][\w.\-]{1,60}=[\w.%\-]{0,200})\+(?=[\w%])")
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/_\-])[A-Za-z0-9+/_\-]{12,}+"
    r"(?:(?<=[A-Za-z0-9+/]{32})(?:\\?\r?\n[ \t>]{0,8}[A-Za-z0-9+/]{4,}+)++)?+(?:=|%3[dD]){0,2}"
)
_HEX = re.compile(
    r"(?<![0-9A-Za-z])(?:0[xX])?(?:[0-9a-fA-F]{2})++"
    r"(?:[ :,\-]{1,2}(?:0[xX])?(?:[0-9a-fA-F]{2})++(?![0-9A-Za-z]))*+(?![0-9A-Za-z])"
)
_HEX_RUN = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{2}){6,}+(?![0-9A-Za-z])")
_MIXED_CASE = re.compile(r"[a-z0-9][A-Z]|[A-Z][a-z0-9][a-z0-9]?[A-Z0-9]")
_NOT_HEX = regex.compile(r"0[xX]|[ :,\-]")
_NOT_BASE64 = re.compile(r"[\s>\\]+")
_CONTROL = regex.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TEXT = regex.compile(r"[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\t\r\n]*+")
_WORDS = regex.compile(r"[\p{L}\p{N}]{3}")


def decoded(view: View, present: Trigger) -> View | None:
    """What is encoded in a view, with its surroundings; None where nothing is."""
    edits = _decoding(view.text, present, DEPTH)
    return view.excerpt(edits, "decoded", Trust.FULL) if edits else None


def _decoding(text: str, present: Trigger, depth: int) -> list[Edit]:
    edits: list[Edit] = []
    if present & Trigger.BASE64:
        edits += _tokens(text, _BASE64, depth)
    if present & Trigger.HEX:
        edits += _tokens(text, _HEX, depth)
    if present & Trigger.PERCENT:
        edits += _percent(text)
    if present & Trigger.FORM:
        edits += (_edit(match, " ") for match in _FORM.finditer(text))
    return apart(edits)


def _percent(text: str) -> Iterator[Edit]:
    for match in _PERCENT.finditer(text):
        data = bytes.fromhex(_OVER.sub("%", match[0]).replace("%", ""))
        new = data.decode(errors="replace")
        if "\ufffd" not in new and _TEXT.fullmatch(new):
            yield _edit(match, new)


def _tokens(text: str, pattern: re.Pattern[str], depth: int) -> Iterator[Edit]:
    read = _from_hex if pattern is _HEX else _from_base64
    for match in pattern.finditer(text):
        data = read(match[0])
        plain = None if data is None else _as_text(data)
        if plain is not None:
            yield _edit(match, _inner(plain, depth - 1))
        elif pattern is _HEX and _NOT_HEX.search(match[0]):  # a word behind may look like hex
            runs = _HEX_RUN.finditer(text, *match.span())
            found = ((run, _as_text(bytes.fromhex(run[0]))) for run in runs)
            yield from (_edit(run, _inner(new, depth - 1)) for run, new in found if new)


def _inner(text: str, depth: int) -> str:
    """Decoded text, and what is encoded in it."""
    view = folded(unescaped(View(text)))
    if depth:
        everything = Trigger.BASE64 | Trigger.HEX | Trigger.PERCENT
        view = view.edited(_decoding(view.text, everything, depth))
    return view.text


def _from_base64(written: str) -> bytes | None:
    first = written[:_FIRST]
    if not _MIXED_CASE.search(first):
        return None
    plain = _NOT_BASE64.sub("", written) if "\n" in written else written
    plain = plain.split("=")[0].split("%")[0].replace("-", "+").replace("_", "/")
    try:
        begin = binascii.a2b_base64(plain[: len(first) // 4 * 4])
        if _CONTROL.search(begin.replace(b"\x00", b"") if begin[1:2] == b"\x00" else begin):
            return None
        # One character too many is a letter of what follows.
        plain = plain[: len(plain) - (len(plain) % 4 == 1)]
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except binascii.Error:
        return None


def _from_hex(written: str) -> bytes | None:
    digits = _NOT_HEX.sub("", written)
    return bytes.fromhex(digits) if len(digits) >= LEAST else None


def _as_text(data: bytes) -> str | None:
    """Bytes that are text, in UTF-8 or UTF-16; None for any other."""
    wide = data[1:2] == b"\x00" and len(data) % 2 == 0
    if wide and 2 * len(set(data[1::2])) > len(data) // 2 + 1:
        return None  # of text the upper bytes are few: those of one script, and of signs
    try:
        text = data.decode("utf-16-le" if wide else "utf-8")
    except UnicodeDecodeError:
        return None
    return text if _TEXT.fullmatch(text) and _WORDS.search(text) else None

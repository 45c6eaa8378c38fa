"""Characters as what they look like: what does not show goes, forms become letters and digits.

Sources: Unicode Standard Annex 15 (compatibility forms), Annex 44 (default ignorable code
points), Technical Standard 39 (look-alike letters; here only those of Greek, Cyrillic and
Armenian that stand for a Latin one in common typefaces).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache

import regex

from compliance.detection.reading.view import Edit, View

_LONGEST = 3  # characters that one may become; some would be a sentence

_AS_THEY_ARE = frozenset("\u2122\u2120\u2026\u00bc\u00bd\u00be")  # TM, SM, ellipsis, fractions
"""Signs whose compatibility form is another text, and would be glued to a neighbour."""

_LIKE = {
    **dict.fromkeys("\u2010\u2011\u2012\u2212\u02d7\u2043", "-"),
    **dict.fromkeys("\u2044\u2215\u29f8", "/"),
    **dict.fromkeys("\u3002\uff61\u2024", "."),
    **dict.fromkeys("\u00b4\u02b9\u02bc\u2032", "'"),
    **dict.fromkeys("\u2028\u2029\u0085", "\n"),
    **dict(
        zip(
            "\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f"
            "\u1d18\u0280\ua731\u1d1b\u1d1c\u1d20\u1d21\u028f\u1d22\u0251\u0261",
            "abcdefghijklmnoprstuvwyzag",
            strict=True,
        )
    ),
}
"""Signs and small capitals that have no compatibility form but look like ASCII."""

_IGNORABLE = regex.compile(
    r"[\p{Default_Ignorable_Code_Point}\p{Cf}\ufff9-\ufffb\u20e3\u20de\u20dd]+"
)
_MARKED = regex.compile(r"[\p{L}\p{N}@.]\p{M}+")
_RAISED = regex.compile(
    r"[\u00b2\u00b3\u00b9\u2070-\u209c\u02b0-\u02b8\u02e1-\u02e3\u1d2c-\u1d6a]{4,}"
)
"""Raised or lowered by four and more: by fewer they are the marks of notes and powers."""
_RAISED_ONE = regex.compile(
    r"[\u00aa\u00ba\u00b2\u00b3\u00b9\u2070-\u209c\u02b0-\u02b8\u02e1-\u02e3\u1d2c-\u1d6a]"
)
_TAG = 0xE0000  # a hidden copy of ASCII begins there, which models read


def folded(view: View) -> View:
    """The view with every character as what it looks like."""
    text = view.text
    unusual = {character for character in set(text) if character > "\x7f"}
    single = {ord(c): new for c in unusual if (new := _single(c)) is not None}
    view = view.translated(text.translate(single)) if single else view
    view = view.edited(list(_edits(view.text, unusual)))
    return view.translated(_one_alphabet(view.text))


@cache
def _single(character: str) -> str | None:
    """The one character that a character looks like; None where it is as it looks."""
    if character in _LIKE:
        return _LIKE[character]
    code = ord(character)
    if _TAG + 0x20 <= code < _TAG + 0x7F:
        return chr(code - _TAG)
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if unicodedata.category(character) == "Zs":
        return " "
    new = _compatible(character)
    return new if len(new) == 1 and new != character else None


def _compatible(character: str) -> str:
    if character in _AS_THEY_ARE or _RAISED_ONE.match(character):
        return character
    new = unicodedata.normalize("NFKC", character)
    return character if new[:1] == " " else new


@cache
def _several(character: str) -> str | None:
    new = _compatible(character)
    return new if 1 < len(new) <= _LONGEST and _single(character) is None else None


def _edits(text: str, unusual: set[str]) -> list[Edit]:
    """What goes, what is composed, and what becomes several characters; sorted."""
    edits: list[Edit] = []
    if any(map(_IGNORABLE.match, unusual)):
        edits += (Edit(*match.span()) for match in _IGNORABLE.finditer(text))
    if any(unicodedata.category(character)[0] == "M" for character in unusual):
        edits += _composed(text)
    if any(map(_RAISED_ONE.match, unusual)):
        edits += (_compatible_run(match) for match in _RAISED.finditer(text))
    if many := {character for character in unusual if _several(character)}:
        pattern = regex.compile(r"\L<many>", many=list(many))
        edits += (Edit(*m.span(), _several(m[0]) or "") for m in pattern.finditer(text))
    return sorted(edits, key=lambda edit: edit.start)


def _compatible_run(match: regex.Match[str]) -> Edit:
    return Edit(*match.span(), unicodedata.normalize("NFKC", match[0]))


def _composed(text: str) -> Iterator[Edit]:
    """A letter and its accents as one; marks laid over a plain character go."""
    for match in _MARKED.finditer(text):
        start, end = match.span()
        new = unicodedata.normalize("NFC", match[0])
        if new[0].isascii() or len(new) == 1:
            yield Edit(start, end, new[0])
        else:
            yield Edit(start, end, new)


# --- Look-alike letters -------------------------------------------------------------------

_LATIN = {
    **dict(
        zip(
            "\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u04ae\u050c\u051c",
            "ABESIJKMHOPCTYXYGW",
            strict=True,
        )
    ),
    **dict(
        zip(
            "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u04cf\u043a\u043c\u0442\u04af\u051f\u0475",
            "aeopcyxijshdqwlkmtykv",
            strict=True,
        )
    ),
    **dict(
        zip(
            "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
            "ABEZHIKMNOPTYX",
            strict=True,
        )
    ),
    **dict(
        zip(
            "\u03b1\u03bf\u03bd\u03c1\u03b9\u03ba\u03c5\u03c4\u03c7\u03b3\u03b5\u03b7\u03f2\u03f3\u03b2",
            "aovpikutxyencj\u00df",
            strict=True,
        )
    ),
    **dict(zip("\u0585\u057d\u0578\u0570\u0581\u0566", "ounhgq", strict=True)),
}
_NATIVE = {
    "\u0400": dict(
        zip(
            "ABEIKMHOPCTYXaeopcyxi",
            "\u0410\u0412\u0415\u0406\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456",
            strict=True,
        )
    ),
    "\u0370": dict(
        zip(
            "ABEZHIKMNOPTYXaovpikuxyn",
            "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03b1\u03bf\u03bd\u03c1\u03b9\u03ba\u03c5\u03c7\u03b3\u03b7",
            strict=True,
        )
    ),
}
_FOREIGN = regex.compile(r"[\u0370-\u03ff\u0400-\u052f\u0531-\u0587]")
_MIXED = regex.compile(
    r"[A-Za-z0-9][\u0370-\u03ff\u0400-\u052f\u0531-\u0587]|[\u0370-\u03ff\u0400-\u052f\u0531-\u0587][A-Za-z0-9]"
)
_RUN = regex.compile(r"[\w@.+]++")


def _one_alphabet(text: str) -> str:
    """Words of two alphabets in one: a Greek or Cyrillic word by itself is left alone.

    Beside Latin letters, or digits alone, letters become Latin where each looks like a Latin
    one; else the Latin letters become what the others are, where each looks like such a one.
    """
    if not _MIXED.search(text):
        return text
    return _RUN.sub(lambda run: _unmixed(run[0]) if _MIXED.search(run[0]) else run[0], text)


def _unmixed(run: str) -> str:
    foreign = set(_FOREIGN.findall(run))
    if foreign <= _LATIN.keys():
        return "".join(_LATIN.get(character, character) for character in run)
    block = "\u0370" if min(foreign) < "\u0400" else "\u0400"
    native = _NATIVE[block]
    latin = {character for character in run if character.isascii() and character.isalpha()}
    if latin <= native.keys():
        return "".join(native.get(character, character) for character in run)
    return run

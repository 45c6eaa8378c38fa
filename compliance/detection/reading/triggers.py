"""Which ways of writing a text may need reading otherwise: one pass, microseconds.

Each trigger is a pattern that is found wherever its reader could have something to do, and
seldom elsewhere. All are looked for at once by Hyperscan, whatever their number, in the bytes
of UTF-8: by code points it would take ten times as long.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from enum import IntFlag, auto

import hyperscan

from compliance.detection.reading.first_names import FIRST_NAMES
from compliance.detection.reading.spoken import AT_WORDS, DOT_WORDS, TOP_LEVEL


class Trigger(IntFlag):
    """Something in a text that `views` has a reader for."""

    ENTITY = auto()  # &#64; &amp;
    ESCAPE = auto()  # \\u0040 \\x40 \\n
    UNUSUAL = auto()  # a character that is seldom what it looks like, or does not show
    MIXED = auto()  # letters of two alphabets in one word, or beside digits
    FORMAT = auto()  # **bold**, <b>
    SPACED_LETTERS = auto()  # A n n a
    SPACED = auto()  # D E 8 9
    PERCENT = auto()  # %40
    FORM = auto()  # name=Anna+Berg
    BASE64 = auto()
    HEX = auto()
    AT_DOT = auto()  # anna at example dot com
    MARK = auto()  # DE89**3704**
    GROUPED = auto()  # 4111_1111_1111_1111
    WRAPPED = auto()  # a line that ends within a value
    GLUED = auto()  # svnr1237010180
    LOOKALIKE = auto()  # l23O
    BACKWARDS = auto()  # moc.elpmaxe@anna
    COMPOUND = auto()  # anna_schmidt
    CAMEL = auto()  # AnnaSchmidt
    REVERSED = auto()  # a text that says that something is written backwards

    ESCAPED = ENTITY | ESCAPE
    FOLDED = UNUSUAL | MIXED
    STYLED = FORMAT | SPACED_LETTERS


REVERSED_WORDS = (
    *(
        "reversed",
        "backwards",
        "rückwärts",
        "umgekehrt",
        "l'envers",
        "l\u2019envers",
        "al revés",
    ),
    *("al rovescio", "achterstevoren", "wspak", "od tyłu", "pozpátku", "odzadu", "baglæns"),
    *("baklänges", "takaperin", "visszafelé", "ao contrário", "наобратно", "ανάποδα"),
    *("unatrag", "nazaj", "atpakaļ", "atbulai", "tagurpidi", "invers"),
)


ACCOUNT_COUNTRIES = (
    *("TA", "EB", "GB", "RH", "YC", "ZC", "KD", "EE", "IF", "RF", "ED", "RG", "UH", "EI", "TI"),
    *("VL", "TL", "UL", "TM", "LN", "LP", "TP", "OR", "KS", "IS", "SE", "ES", "BG", "HC", "ON"),
    *("SI", "IL", "CM", "MS", "DA", "AV"),
)
"""Countries of account numbers, backwards."""
TOP_LEVELS_TURNED = sorted(name[::-1] for name in TOP_LEVEL if name.isascii())

_BETWEEN = (
    r"(?:[_|;~*']|\xc2\xb7|\xe2\x80\xa2|[ \t]{2,3}|\.\.|--|//"
    r"| ?(?:[\-./|:;,_]|\xc2\xb7|\xe2\x80[\x93\xa2]) )"
)
_LETTER = r"(?:[A-Za-z]|[\xc3-\xd4][\x80-\xbf])"
_IN_ADDRESS = r"[0-9A-Za-z_+\-\x80-\xff]"
_FOREIGN = r"[\xcd-\xd6]"  # the first byte of a letter that is Greek, Cyrillic or Armenian
_UNUSUAL = (
    r"\xc2[^\xa7\xab\xb0\xb5\xb7\xbb\xbf]|\xc4[\xb2\xb3\xbf]|\xc5[\x80\x89\xbf]"
    r"|\xc7[\x84-\x8c\xb1-\xb3]|[\xc9-\xcd]|\xce[\x80-\x85\x87]|\xcf[\x90-\xbf]|\xd2[\x83-\x89]|\xd4[\xb0-\xbf]|[\xd5-\xe0]"
    r"|\xe1[^\xb8-\xbb]|\xe2\x80[^\x93\x94\x98-\x9e\xa0-\xa2\xa6]|\xe2\x82[^\xac]|\xe2\x86[\x80-\x8f]"
    r"|\xe2[\x81\x83-\x85\x88-\x93\xa0-\xbf]|[\xe3\xea\xee\xef]|\xf0[^\x9f]|\xf0\x9f[\x84-\x87\xaf]"
    r"|[\xf1-\xf4]"
)
"""Bytes of UTF-8: all but the letters of European languages, usual punctuation and emoji."""


def _any(words: Iterable[str]) -> str:
    """One of some words, in lower case or in capitals, as UTF-8."""
    forms = sorted({form for word in words for form in (word, word.upper())})
    return "|".join(form.encode().decode("latin-1") for form in forms)


_PATTERNS: Mapping[Trigger, str] = {
    Trigger.ENTITY: r"&(?:#[0-9]{2,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31};)",
    Trigger.ESCAPE: r"\\(?:[uU][0-9a-fA-F]{4}|u\{[0-9a-fA-F]|x[0-9a-fA-F]{2}|[nrt\"'/._@+\-])",
    Trigger.UNUSUAL: _UNUSUAL,
    Trigger.MIXED: rf"[A-Za-z0-9]{_FOREIGN}|{_FOREIGN}[\x80-\xbf][A-Za-z0-9]",
    Trigger.FORMAT: r"\*\*[^\s*]|<!--"
    r"|</?(?:b|i|u|em|strong|span|mark|font|wbr|small|code|tt)[ />]",
    Trigger.SPACED_LETTERS: rf"{_LETTER} {_LETTER} {_LETTER} {_LETTER}(?:[^\w]|$)",
    Trigger.SPACED: r"[0-9A-Za-z@.+](?:(?: {1,3}[0-9A-Za-z@.+()/\-]){6}"
    r"|(?:[\-._|/*~]{1,3}[0-9A-Za-z@+]){6})",
    Trigger.PERCENT: r"%[0-9A-Fa-f]{2}",
    Trigger.FORM: r"=[\w.%\-]{1,100}\+[\w%]",
    Trigger.BASE64: r"[a-z0-9][A-Z][A-Za-z0-9+/_\-]{6}|[A-Z][a-z0-9][A-Z][A-Za-z0-9+/_\-]{6}",
    Trigger.HEX: r"[0-9a-fA-F]{12}|[0-9a-fA-F]{2}(?:[ :,\-]{1,2}(?:0[xX])?[0-9a-fA-F]{2}){5}",
    Trigger.AT_DOT: rf"(?:{_any((*AT_WORDS, *DOT_WORDS))})"
    rf"\s{{0,2}}[\])}}>]\s{{0,2}}{_IN_ADDRESS}"
    rf"|[\[({{<]\s{{0,2}}[@.]\s{{0,2}}[\])}}>]"
    rf"|{_IN_ADDRESS}(?:\s{{1,2}}@\s{{0,2}}|@\s{{1,2}}){_IN_ADDRESS}"
    rf"|@{_IN_ADDRESS}{{1,40}}\s{{1,2}}\.\s{{1,2}}{_IN_ADDRESS}"
    rf"|[ _\n](?:{_any(DOT_WORDS)})[ _\n] ?[a-zA-Z\x80-\xff]",
    Trigger.MARK: r"[0-9A-Za-z][0-9][*`~]|[*`~][0-9][0-9A-Za-z]|@[*`~]|[*`~]@|[0-9]__[0-9]"
    r"|[*`~][A-Za-z]{2}[0-9]|[0-9]</?[A-Za-z][^<>]{0,30}>[0-9]|[0-9@][^\[\]\n]{0,30}\]\("
    r"|[0-9@][\"'] ?[+.&|]{0,2} ?[\"'][0-9A-Za-z]|[a-z.][\"'] ?[+.&|]{0,2} ?[\"'][@0-9]",
    Trigger.GROUPED: rf"[0-9A-Za-z]{_BETWEEN}[0-9A-Za-z]{{0,4}}[0-9][0-9A-Za-z]{{0,4}}"
    rf"{_BETWEEN}[0-9]|[0-9A-Za-z][,:=+][0-9A-Za-z]{{3,8}}[,:=+][0-9]",
    Trigger.WRAPPED: r"[0-9][ \t]{0,4}\r?\n[ \t>#*|]{0,8}[0-9]|@[\w.\-]{0,63}\r?\n[\w@.]"
    r"|\w\r?\n@",
    Trigger.GLUED: r"[A-Za-z\x80-\xff][0-9]{7}|[0-9]{7}[A-Za-z\x80-\xff]"
    r"|[A-Za-z]{3}[0-9]{2}[A-Za-z0-9]{11}|[A-Za-z\x80-\xff]\+[0-9]{5}",
    Trigger.LOOKALIKE: r"[0-9][ \-./]?[OolI|]{1,3}[ \-./]?[0-9]|[0-9]{3}[OlI|]",
    Trigger.BACKWARDS: rf"(?:{'|'.join(TOP_LEVELS_TURNED)})\.[a-z0-9.\-]{{1,60}}@"
    rf"|(?i:[0-9]{{2}} ?(?:{'|'.join(ACCOUNT_COUNTRIES)})(?:[^\w]|$))|[0-9]\+(?:[^\w]|$)",
    Trigger.COMPOUND: rf"(?i)(?:^|[^a-z])(?:{'|'.join(sorted(FIRST_NAMES))})[_.\-][a-z]{{3}}",
    Trigger.CAMEL: r"[A-Z][a-z]{2,19}[A-Z][a-z]{2}",
    Trigger.REVERSED: _any(REVERSED_WORDS),
}

_local = threading.local()


def triggers(text: str) -> Trigger:
    """What of the above a text holds; in linear time."""
    data = text.encode(errors="surrogatepass")
    found = Trigger(0)

    def met(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
        nonlocal found
        found |= _ORDER[number]

    for database in _databases():
        database.scan(data, match_event_handler=met)
    return found


_ORDER = tuple(_PATTERNS)
_TOGETHER = 4
"""Patterns in one database: compiling takes far more than twice as long for twice as many."""


def _databases() -> Sequence[hyperscan.Database]:
    """This thread's own: a database may not be used by two at once."""
    databases: Sequence[hyperscan.Database] | None = getattr(_local, "databases", None)
    if databases is None:
        groups = range(0, len(_ORDER), _TOGETHER)
        databases = _local.databases = [
            _compiled(range(start, min(start + _TOGETHER, len(_ORDER)))) for start in groups
        ]
    return databases


def _compiled(numbers: Sequence[int]) -> hyperscan.Database:
    database = hyperscan.Database()
    database.compile(
        expressions=[_PATTERNS[_ORDER[number]].encode("latin-1") for number in numbers],
        ids=list(numbers),
        elements=len(numbers),
        flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(numbers),
    )
    return database

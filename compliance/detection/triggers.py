"""Which ways of writing a text may need reading otherwise: one pass, microseconds.

Each trigger is a pattern that is found wherever its reader could have something to do, and
seldom elsewhere. All are looked for at once by Hyperscan, whatever their number.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from enum import IntFlag, auto

import hyperscan

from compliance.detection.spoken import AT_WORDS, DOT_WORDS


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

    ESCAPED = ENTITY | ESCAPE
    FOLDED = UNUSUAL | MIXED


_FOREIGN = r"[\x{370}-\x{3FF}\x{400}-\x{52F}\x{531}-\x{587}]"  # Greek, Cyrillic, Armenian
_USUAL = (
    r"\x{0}-\x{7F}\x{A7}\x{AB}\x{B0}\x{B5}\x{B7}\x{BB}\x{BF}-\x{131}\x{134}-\x{13E}"
    r"\x{141}-\x{148}\x{14A}-\x{17E}\x{180}-\x{1C3}\x{218}-\x{21B}\x{386}\x{388}-\x{3CF}"
    r"\x{400}-\x{482}\x{48A}-\x{52F}\x{1E00}-\x{1E99}\x{2013}\x{2014}\x{2018}-\x{201E}"
    r"\x{2020}-\x{2022}\x{2026}\x{20AC}\x{2190}-\x{21FF}"
)
_AT_DOT = "|".join(sorted({*AT_WORDS, *DOT_WORDS}))

_PATTERNS: Mapping[Trigger, str] = {
    Trigger.ENTITY: r"&(?:#[0-9]{2,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31};)",
    Trigger.ESCAPE: r"\\(?:[uU][0-9a-fA-F]{4}|u\{[0-9a-fA-F]|x[0-9a-fA-F]{2}|[nrt\"'/._@+\-])",
    Trigger.UNUSUAL: f"[^{_USUAL}]",
    Trigger.MIXED: f"[A-Za-z0-9]{_FOREIGN}|{_FOREIGN}[A-Za-z0-9]",
    Trigger.FORMAT: r"\*\*[^\s*]|<!--"
    r"|</?(?:b|i|u|em|strong|span|mark|font|wbr|small|code|tt)[ />]",
    Trigger.SPACED_LETTERS: r"\pL \pL \pL \pL(?:[^\w]|$)",
    Trigger.SPACED: r"[A-Za-z0-9@.+](?:[ \-._|/*][A-Za-z0-9@.+]){6}"
    r"|[A-Za-z0-9@](?:[ ]{2,3}[A-Za-z0-9@.]){4}",
    Trigger.PERCENT: r"%[0-9A-Fa-f]{2}",
    Trigger.FORM: r"=[\w.%\-]{1,100}\+[\w%]",
    Trigger.BASE64: r"[A-Za-z0-9+/_\-][a-z0-9][A-Z][A-Za-z0-9+/_\-]{6}",
    Trigger.HEX: r"[0-9a-fA-F]{2}(?:[ :,\-]{0,2}(?:0x)?[0-9a-fA-F]{2}){7}",
    Trigger.AT_DOT: rf"(?i)[\[({{<]\s{{0,2}}(?:{_AT_DOT}|@|\.)\s{{0,2}}[\])}}>]"
    rf"|[\s_](?:{'|'.join(DOT_WORDS)})[\s_]\s?[a-z]{{2}}|\w\s@\s?\w|\w@\s\w",
    Trigger.MARK: r"[0-9A-Za-z@.](?:[*`~]{1,3}|__|<[^<>\n]{1,60}>|\]\()"
    r"|(?:[*`~]|__|\[)[0-9A-Za-z]{1,30}(?:[*`~]|__|\])",
    Trigger.GROUPED: r"[0-9A-Za-z]{2,8}(?:[^0-9A-Za-z\n]{1,3}[0-9]{1,8}){2}",
    Trigger.WRAPPED: r"[0-9]{2}[ \t]{0,4}\r?\n[ \t>#*|]{0,8}[0-9]{2}|@[\w.\-]{0,63}\r?\n[\w@.]"
    r"|\w\r?\n@",
    Trigger.GLUED: r"\pL[0-9]{7}|[0-9]{7}\pL|[A-Za-z]{3}[0-9]{2}[A-Za-z0-9]{11}|\pL\+[0-9]{5}",
    Trigger.LOOKALIKE: r"[0-9][ \-./]?[OolI|]{1,2}[ \-./]?[0-9]",
    Trigger.BACKWARDS: r"[a-z]{2,10}\.[a-z0-9\-]{1,63}[a-z0-9.\-]{0,63}@"
    r"|[0-9]{2} ?[A-Za-z]{2}(?:[^\w]|$)|[0-9]\+(?:[^\w]|$)",
}

_local = threading.local()


def triggers(text: str) -> Trigger:
    """What of the above a text holds; in linear time."""
    try:
        data = text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot have
        data = text.encode(errors="replace")
    found = Trigger(0)

    def met(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
        nonlocal found
        found |= _ORDER[number]

    _database().scan(data, match_event_handler=met)
    return found


_ORDER = tuple(_PATTERNS)


def _database() -> hyperscan.Database:
    """This thread's own: a database may not be used by two at once."""
    database: hyperscan.Database | None = getattr(_local, "database", None)
    if database is None:
        flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_UTF8
        database = hyperscan.Database()
        database.compile(
            expressions=[_PATTERNS[trigger].encode() for trigger in _ORDER],
            ids=list(range(len(_ORDER))),
            elements=len(_ORDER),
            flags=[flags] * len(_ORDER),
        )
        _local.database = database
    return database

"""Values that are written apart, or glued to something.

What surely hides nothing else (bold type, letters spaced out) is joined in the whole text. The
rest is a guess about the text, made in an excerpt: a finding there must be certain by itself or
stand beside a word for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from compliance.detection.reading.spoken import spoken_addresses
from compliance.detection.reading.triggers import Trigger
from compliance.detection.reading.view import Edit, Trust, View, apart

LONGEST = 80  # characters of one value, written apart; longer is a list or a table
LEAST, MOST = 8, 34  # letters and digits of a value in groups: an IBAN has at most 34


def _gone(match: re.Match[str], group: str | int = 0) -> Edit:
    return Edit(*match.span(group))


# --- In the whole text --------------------------------------------------------------------

_BOLD = re.compile(
    r"(?P<open>\*\*)(?:(?=[^\s*])|(?<=[^\W\d_]\*\*)(?= [^\W\d_]))[^*\n]{1,200}"
    r"(?<=\S)(?P<close>\*\*)"
)
_TAG = re.compile(
    r"</?(?:b|i|u|em|strong|span|mark|font|wbr|small|code|tt)(?:[ /][^<>]{0,200})?>"
    r"|<!--[^>]{0,200}-->"
)
_LETTERS = re.compile(
    r"(?<![\w@.+])(?<!\W[\w@.+] )[^\W\d_](?: [^\W\d_](?!\w)){3,}+(?![@.+])(?! [\w@.+](?:\W|$))"
)
_WORD_GAP = re.compile(r"(?<= [^\W\d_]) {2,3}(?=[^\W\d_] [^\W\d_](?!\w))")


def spelled(view: View) -> View:
    """The view without bold type and tags of style, and with spaced-out words as words."""
    text, edits = view.text, list[Edit]()
    for match in _BOLD.finditer(text):
        edits += [_gone(match, "open"), _gone(match, "close")]
    edits += map(_gone, _TAG.finditer(text))
    edits += (Edit(gap.start() + 1, gap.end()) for gap in _WORD_GAP.finditer(text))
    for run in _LETTERS.finditer(text):
        for space in range(run.start() + 1, run.end(), 2):
            if not (text[space - 1].islower() and text[space + 1].isupper()):
                edits.append(Edit(space, space + 1))
    return view.edited(apart(edits))


# --- In an excerpt ------------------------------------------------------------------------


def joined(view: View, present: Trigger) -> View | None:
    """What may be a value written apart, with its surroundings; None where nothing is."""
    made = (reader(view.text) for trigger, reader in _READERS.items() if present & trigger)
    edits = apart(edit for found in made for edit in found)
    return view.excerpt(edits, "joined", Trust.WORD) if edits else None


_SPACED = (
    re.compile(r"(?<![^\W_])[\w@.+()/\-](?P<by> )[\w@.+()/\-](?: {1,3}[\w@.+()/\-](?!\w)){5,}"),
    re.compile(
        r"(?<!\w)[A-Za-z0-9@+](?P<by>[\-._|/*~])[A-Za-z0-9@+]"
        r"(?:(?P=by){1,3}[A-Za-z0-9@+](?![A-Za-z0-9])){5,}"
    ),
    re.compile(r"(?<!\w)[\w@.+](?P<by> {2,3})[\w@.+](?:(?P=by)[\w@.+](?!\w)){4,}"),
)


def _spaced(text: str) -> Iterator[Edit]:
    """D E 8 9   3 7 0 4, 4-1-1-1-1: several separators stand for one of the value's own."""
    for pattern in _SPACED:
        for run in pattern.finditer(text):
            if len(run[0]) > 2 * LONGEST:
                continue
            by = run["by"]
            for gap in re.finditer(re.escape(by[0]) + "+", run[0]):
                start, end = run.start() + gap.start(), run.start() + gap.end()
                yield Edit(start, end, " " if end - start > len(by) else "")


_MARK = re.compile(
    r"(?P<pair>[*`~]{1,3}|__)|</?[A-Za-z][^<>\n]{0,60}>|[\"'] ?(?:\|\||[+.&])? ?[\"']"
)
_LINK = re.compile(r"(?P<open>\[)[^\[\]\n]{1,60}(?P<close>\]\([^()\s]{0,200}\))")
_OF_VALUE = re.compile(r"(?:[0-9][^0-9\n]{0,6}){4}|\w@\w|\w[*`~_]{1,3}@|@[*`~_]{1,3}\w")
_IN_VALUE = frozenset("@.+")
_NEAR = 16  # characters from a mark in which something of a value must stand


def _marked(text: str) -> Iterator[Edit]:
    """DE89**3704**, `DE89` `3704`, [DE89](…)3704, "DE89" + "3704"."""
    for match in _MARK.finditer(text):
        start, end = match.span()
        sides = text[start - 1 : start], text[end : end + 1]
        beside = [side.isalnum() or side in _IN_VALUE for side in sides if side]
        enough = any(beside) if match["pair"] else beside == [True, True]
        if enough and _OF_VALUE.search(text, max(0, start - _NEAR), end + _NEAR):
            yield Edit(start, end)
    for link in _LINK.finditer(text):
        if _OF_VALUE.search(text, link.end("open"), link.start("close")):
            yield _gone(link, "open")
            yield _gone(link, "close")


_SEPARATOR = re.compile(
    r"(?<=[0-9A-Za-z])(?:[_|,:;~+=*'\u00b7\u2022]|[ \t]{2,3}|\.\.|--|//"
    r"| ?[\-\u2013./|\u00b7\u2022:;,_] )(?=[0-9])"
)
_GROUP = re.compile(r"[0-9A-Za-z]{1,8}(?![0-9A-Za-z])")
_OF_TIMES = frozenset(":,=+")
_GROUP_BEFORE = 33  # characters before the first separator: a word glued to the first group


def _grouped(text: str) -> Iterator[Edit]:
    """4111_1111_1111_1111, DE89 - 3704 - 0044: one separator that recurs, in no long list."""
    done = 0
    for first in _SEPARATOR.finditer(text):
        if first.start() < done or first[0] == ", ":
            continue
        gaps, done = _gaps(text, first[0], first.start())
        start = first.start()
        while start > max(0, first.start() - _GROUP_BEFORE) and text[start - 1].isalnum():
            start -= 1
        digits = sum(map(str.isdigit, text[start:done]))
        if 1 < len(gaps) <= MOST // 2 and LEAST <= digits <= MOST:
            yield from (Edit(gap, gap + len(first[0]), " ") for gap in gaps)


def _gaps(text: str, by: str, first: int) -> tuple[list[int], int]:
    """Where a separator recurs between groups, and the end; none where it is a time of day."""
    gaps, longest, end = [first], 0, first
    while len(gaps) <= MOST // 2 + 1:
        group = _GROUP.match(text, gaps[-1] + len(by))
        if group is None:
            gaps.pop()
            break
        end = group.end()
        longest = max(longest, len(group[0]))
        if not text.startswith(by, end):
            break
        gaps.append(end)
    return (gaps if longest > 2 or by not in _OF_TIMES else []), max(end, first + 1)  # noqa: PLR2004


_LINE_END = re.compile(r"(?<=[0-9])[ \t]{0,4}\r?\n[ \t>#*|]{0,8}(?=[0-9])")
_LAST_OF_LINE = re.compile(
    r"(?<![\w./\-+])[+(]?(?:[A-Za-z]{0,6}[0-9][0-9A-Za-z]{0,33}[ ()./\-]{0,2}){1,10}$"
)
_FIRST_OF_LINE = re.compile(r"[0-9](?:[0-9A-Z]|[ \-.](?=[0-9])){1,33}")
_ADDRESS_END = re.compile(r"[ \t]?\r?\n[ \t>#*|]{0,8}")
_MAIL = re.compile(r"@[\w\-]{1,63}(?:\.[\w\-]{2,63}){1,5}$")
_CUT = re.compile(r"[\w.+\-]@[\w.\-]*$")
_REST = re.compile(r"[\w.+\-]*@[\w\-]{1,63}\.\w")
_SPACE_INSIDE = re.compile(r"\w[ \-./]\w")


def _wrapped(text: str) -> Iterator[Edit]:
    """A value, or an address, that a line ends within."""
    for end in _LINE_END.finditer(text):
        before = text[max(0, end.start() - MOST) : end.start()].rpartition("\n")[2]
        left = _LAST_OF_LINE.search(before)
        right = _FIRST_OF_LINE.match(text, end.end())
        if left is None or right is None:
            continue
        both = left[0] + right[0]
        if sum(map(str.isdigit, both)) >= LEAST and sum(map(str.isalnum, both)) <= MOST:
            yield Edit(*end.span(), " " if _SPACE_INSIDE.search(both) else "")
    for end in _ADDRESS_END.finditer(text) if "@" in text else ():
        last = "".join(text[max(0, end.start() - LONGEST) : end.start()].rsplit(None, 1)[-1:])
        first = "".join(text[end.end() : end.end() + LONGEST].split(None, 1)[:1])
        if (_CUT.search(last) and "@" not in first and not _MAIL.search(last)) or (
            last[-1:].isalnum() and "@" not in last and _REST.match(first)
        ):
            yield _gone(end)


_LONG = re.compile(r"\w{9,}")
_GLUED = re.compile(
    r"[^\W\d_][^\W\d]{1,23}?(?P<before>)"
    r"(?:\d{7,20}|[A-Za-z]{2}\d{2}[A-Za-z0-9]{11,30})(?!\w)"
    r"|[A-Za-z]{0,2}\d{7,20}(?P<behind>)[^\W\d_]{2,24}(?!\w)"
)
_GLUED_PLUS = re.compile(r"(?<=[^\W\d_])\+(?=[\d ()\-/]{7})")


def _glued(text: str) -> Iterator[Edit]:
    """svnr1237010180, ibande89370400440532013000: a space between the word and the value."""
    places = [plus.start() for plus in _GLUED_PLUS.finditer(text)]
    for long in _LONG.finditer(text):
        match = None if long[0].isalpha() else _GLUED.match(text, long.start())
        if match:
            places.append(match.start(match.lastgroup or 0))
    for place in sorted(places):
        yield Edit(place, place, " ")


_ALMOST = re.compile(
    r"(?<![\w.])(?:\+[0-9OolI]|[0-9OolI|]{2})[0-9OolI|]{1,18}"
    r"(?:[ \-./][0-9OolI|]{2,20}){0,8}(?![\w.])"
)
_DIGIT = {"O": "0", "o": "0", "l": "1", "I": "1", "|": "1"}
_SHARE = 0.6  # of the characters must be digits


def _almost_digits(text: str) -> Iterator[Edit]:
    """4l11 1111 1111 111O: letters that stand for digits among digits."""
    for match in _ALMOST.finditer(text):
        digits = sum(map(str.isdigit, match[0]))
        if digits >= max(LEAST - 2, _SHARE * len(match[0])):
            for place in range(*match.span()):
                if text[place] in _DIGIT:
                    yield Edit(place, place + 1, _DIGIT[text[place]])


_READERS: dict[Trigger, Callable[[str], Iterator[Edit]]] = {
    Trigger.AT_DOT: spoken_addresses,
    Trigger.SPACED: _spaced,
    Trigger.MARK: _marked,
    Trigger.GROUPED: _grouped,
    Trigger.WRAPPED: _wrapped,
    Trigger.GLUED: _glued,
    Trigger.LOOKALIKE: _almost_digits,
}

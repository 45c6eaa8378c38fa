"""Values written from the last character to the first.

Almost any number read backwards is another number, so only what shows that it is backwards is
turned round: an address that begins with its top-level domain, an account number that ends with
its country, a phone number that ends with "+", and numbers in a text that says so.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from compliance.detection.reading.triggers import ACCOUNT_COUNTRIES, TOP_LEVELS_TURNED, Trigger
from compliance.detection.reading.view import Edit, Trust, View, apart

_ADDRESS = regex.compile(
    rf"(?i)(?<![\w.@\-])(?:{'|'.join(TOP_LEVELS_TURNED)})\.[\w.\-]{{1,100}}@[\w.+\-]{{1,64}}(?![\w@])"
)
_ACCOUNT = regex.compile(rf"(?i)[0-9]{{2}} ?(?:{'|'.join(ACCOUNT_COUNTRIES)})(?!\w)")
_ACCOUNT_BEFORE = regex.compile(r"(?r)(?<!\w)[0-9A-Za-z .\-]{11,44}")
LEAST = 8  # digits of an account number before its last two
_PHONE = regex.compile(r"(?<![\w+])\d[\d ()/\-]{6,20}\+(?![\w+])")
_NUMBER = regex.compile(
    r"(?<!\w)(?:[0-9](?:[ \-./]?[0-9]){6,30}"
    r"|(?=(?:[A-Za-z]{0,30}[0-9]){6})[0-9A-Za-z]{8,34})(?!\w)"
)


def backwards(view: View, present: Trigger) -> View | None:
    """What is written backwards, turned round; None where nothing is."""
    if not present & (Trigger.BACKWARDS | Trigger.REVERSED):
        return None
    edits = apart(_turned(view.text, present))
    return view.excerpt(edits, "backwards", Trust.CERTAIN) if edits else None


def _turned(text: str, present: Trigger) -> Iterator[Edit]:
    for pattern in (_ADDRESS, _PHONE):
        for match in pattern.finditer(text):
            yield Edit(*match.span(), reverse=True)
    for end in _ACCOUNT.finditer(text):
        before = _ACCOUNT_BEFORE.match(text, max(0, end.start() - 44), end.start())
        if before and sum(map(str.isdigit, before[0])) >= LEAST:
            yield Edit(before.start(), end.end(), reverse=True)
    if present & Trigger.REVERSED:
        for match in _NUMBER.finditer(text):
            yield Edit(*match.span(), reverse=True)

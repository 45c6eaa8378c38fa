r"""Every way to read a text in which a value could stand that its writing hides.

The first view is the whole text as a person reads it: without characters that do not show, with
full-width forms, look-alike letters of another alphabet, HTML entities and escapes as what they
stand for. The others are excerpts of it, in which base64, hex and URL encoding are decoded.

    for view in views(text):
        for start, end in found_in(view.text):
            if view.is_new(start, end):
                report(*view.span(start, end))

One pass tells which of these a text needs at all: most need none, and are their own only view.
All views together are at most four times as long as the text with its characters folded.
"""

from __future__ import annotations

from compliance.detection.decoding import decoded, unescaped
from compliance.detection.folding import folded
from compliance.detection.triggers import Trigger, triggers
from compliance.detection.view import Trust, View

__all__ = ["Trust", "View", "views"]


def views(text: str) -> list[View]:
    """The ways to read a text; the first is the whole of it."""
    plain = View(text)
    present = triggers(text)
    if not present:
        return [plain]
    if present & Trigger.ESCAPED:
        plain = unescaped(plain)
        present |= triggers(plain.text)
    if present & Trigger.FOLDED:
        plain = folded(plain)
        present |= triggers(plain.text)
    made = [plain]
    if (view := decoded(plain, present)) is not None:
        made.append(view)
    return made

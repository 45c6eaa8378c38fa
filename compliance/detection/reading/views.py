r"""Every way to read a text in which a value could stand that its writing hides.

The first view is the whole text as a person reads it: without characters that do not show, with
full-width forms, look-alike letters of another alphabet, HTML entities and escapes as what they
stand for. The others are excerpts of it: what is decoded (base64, hex, URL encoding), what a
guess joins ("at example dot com", DE89**3704**), what is written from the last character to the
first.

    for view in views(text):
        for start, end in found_in(view.text):
            if view.is_new(start, end):
                report(*view.span(start, end))

One pass tells which of these a text needs at all: most need none, and are their own only view.
All views together are at most five times as long as the text with its characters folded.
"""

from __future__ import annotations

from compliance.detection.reading.backwards import backwards
from compliance.detection.reading.compounds import compounds
from compliance.detection.reading.decoding import decoded, unescaped
from compliance.detection.reading.folding import folded
from compliance.detection.reading.joining import joined, spelled
from compliance.detection.reading.triggers import Trigger, triggers
from compliance.detection.reading.view import Trust, View

__all__ = ["Trust", "View", "views"]


def views(text: str) -> list[View]:
    """The ways to read a text; the first is the whole of it."""
    plain = View(text)
    present = triggers(text)
    for trigger, reader in _READERS:
        if present & trigger:
            made = reader(plain)
            present |= triggers(made.text) if made is not plain else present
            plain = made
    layers = (layer(plain, present) for layer in (decoded, joined, compounds, backwards))
    return [plain, *(view for view in layers if view is not None)]


_READERS = (
    (Trigger.ESCAPED, unescaped),
    (Trigger.FOLDED, folded),
    (Trigger.STYLED, spelled),
)
"""What makes the first view, in the order in which it was written the other way round."""

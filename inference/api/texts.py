"""The texts of a checked request, or why they cannot be looked at.

What stands inside JSON text (a tool call's arguments) is seen only now, its escapes undone:
NUL and lone surrogates are refused there as `body` refuses them in the body itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from compliance.detection.segments import (
    JSON,
    NAME,
    SEGMENTS_MAX,
    NestedTooDeep,
    TooManySegments,
    segments,
)
from compliance.vocabulary import Segment
from inference.api.body import DEPTH_MAX, PATH_MAX
from inference.api.errors import invalid

_INDEX = re.compile(r"/(\d+)(?=/|\Z)")
_BROKEN = re.compile("[\0\ud800-\udfff]")


def texts(body: Mapping[str, Any]) -> tuple[Segment, ...]:
    """Every text that a model reads; raises `APIError` (400)."""
    try:
        found = segments(body)
    except TooManySegments as error:
        where = _parameter(error.pointer)
        raise invalid(
            f"{where}: the request holds more than {SEGMENTS_MAX} texts; send fewer.",
            where,
        ) from None
    except NestedTooDeep as error:
        where = _parameter(error.pointer)
        raise invalid(
            f"{where}: its JSON nests deeper than {DEPTH_MAX} levels; flatten it.", where
        ) from None
    for segment in found:
        if broken := _BROKEN.search(segment.text):
            where = _parameter(segment.pointer)
            what = "a NUL character" if broken[0] == "\0" else "half of a surrogate pair"
            raise invalid(f"{where} holds {what}; send whole characters.", where)
    return found


def _parameter(pointer: str) -> str:
    """A pointer as clients write it, up to JSON text: `messages[0].content`."""
    place = pointer.partition(JSON)[0].removesuffix(NAME).removeprefix("/")
    written = _INDEX.sub(r"[\1]", "/" + place).replace("/", ".").removeprefix(".")
    return written.replace("~1", "/").replace("~0", "~")[:PATH_MAX]

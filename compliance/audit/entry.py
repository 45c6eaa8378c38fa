"""An event as the bytes that the log commits to.

Three layers, so that each can be shown alone (see docs/audit-format.md): the *entry* is the
leaf of the log and holds no directly identifying data; the *detail* says who, what and why,
and is committed to by the entry; *content* is committed to in the same way where it is kept.

Entry and detail are canonical JSON (RFC 8785). With ASCII keys and no floats, orjson with
sorted keys writes exactly that; the tests hold it against the `rfc8785` library.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from compliance.vocabulary import Content, Event

VERSION = 1
ENTRY_MAX = 65_535  # bytes; C2SP tlog-tiles gives an entry's length in two bytes
DETAIL_MAX = 1 << 20  # bytes; a detail holds facts about a request, never its content
INTEGER_MAX = 2**53 - 1  # RFC 8785, 3.2.2.3: beyond it, languages disagree
DEPTH_MAX = 32  # far below where a reader in any language gives up
KEY_BYTES = 32
TYPE_MAX = 48  # characters, as wide as the column

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_SCALARS = frozenset((str, bool, int, type(None)))
_NESTED = frozenset((dict, list, tuple))
_SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*\Z")
_REQUEST = re.compile(r"[0-9a-f]{32}\Z")
_SUBJECT = re.compile(r"[0-9a-f]{64}\Z")
PARTS = ("prompt", "output", "held")


class EntryInvalid(ValueError):
    """An event cannot be written down. The message says which part and why, never its value."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An event ready to be stored: the leaf, and the detail with the key that opens it.

    `content_key` is the one of the commitment to the event's content, where it has one.
    """

    entry: bytes
    detail: bytes
    key: bytes  # 32 bytes: the commitment's
    content_key: bytes | None = None


def canonical(value: Mapping[str, Any]) -> bytes:
    """`value` as RFC 8785 JSON; raises `EntryInvalid`.

    Strings, integers within ±(2^53 - 1), booleans, null, lists and objects with ASCII keys.
    Keys must be ASCII because RFC 8785 sorts by UTF-16 code units and orjson by code points.
    """
    if type(value) is not dict or not _plain(value, 0):
        reason = _reason(value, "", 0)
        if reason is not None:
            raise EntryInvalid(reason)
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError as error:  # or a lone surrogate, which is no Unicode text
        reason = _reason(value, "", 0)
        raise EntryInvalid(
            reason or f"An event's detail cannot be written as JSON: {error}."
        ) from error


def commitment(key: bytes, data: bytes) -> str:
    """HMAC-SHA-256 in lower-case hex.

    Keyed, because a plain hash of personal data is found again by trying: EDPB Guidelines
    02/2025 on blockchain, 01/2025 on pseudonymisation.
    """
    return hmac.digest(key, data, "sha256").hex()


def encode(event: Event, *, source: str, epoch: int, seq: int, key: bytes) -> Encoded:
    """The event as entry and detail; raises `EntryInvalid`.

    `key` is 32 fresh random bytes. The detail gets the event's time in microseconds; the
    entry's is rounded down to the second.
    """
    if len(key) != KEY_BYTES:
        raise EntryInvalid(f"A commitment's key has {KEY_BYTES} bytes, not {len(key)}.")
    if "time" in event.detail:
        raise EntryInvalid(f"The detail of a {event.type} event must not have a key 'time'.")
    detail = canonical({**event.detail, "time": event.time})
    if len(detail) > DETAIL_MAX:
        raise EntryInvalid(f"The detail of a {event.type} event has {len(detail)} bytes.")
    fields: dict[str, str | int] = {
        "detail": commitment(key, detail),
        "epoch": epoch,
        "seq": seq,
        "source": source,
        "time": _second(event.time // 1_000_000),
        "type": event.type,
        "v": VERSION,
    }
    if event.request is not None:
        fields["request"] = event.request
        if event.label_key is not None:
            fields["application"] = label(event.label_key, event.request)
    content_key = None
    if event.content is not None:
        content_key = secrets.token_bytes(KEY_BYTES)
        fields["content"] = commitment(content_key, event.content.text)
    if not (_SOURCE.match(source) and _sound(event)):
        raise EntryInvalid(_fault(event, source))
    return Encoded(orjson.dumps(fields, option=_OPTIONS), detail, key, content_key)


def label(label_key: bytes, request: str) -> str:
    """What marks an entry as an application's to whoever knows that application's key."""
    return commitment(label_key, request.encode("ascii"))


def label_key_digest(label_key: bytes) -> str:
    """What an application's registration says of its label key: SHA-256 in lower-case hex.

    A plain hash is enough here: the key is 32 random bytes, which nobody finds by trying.
    """
    return hashlib.sha256(label_key).hexdigest()


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _sound(event: Event) -> bool:
    return (
        _TYPE.match(event.type) is not None
        and len(event.type) <= TYPE_MAX
        and (event.request is None or _REQUEST.match(event.request) is not None)
        and 0 <= event.time <= INTEGER_MAX
        and (event.content is None or (event.request is not None and _fits(event.content)))
    )


def _fits(content: Content) -> bool:
    return (
        content.part in PARTS
        and 0 <= content.expires <= INTEGER_MAX
        and all(map(_SUBJECT.match, content.subjects))
    )


def _fault(event: Event, source: str) -> str:
    if not _SOURCE.match(source):
        return f"{source[:64]!r} is not a source: lower case, digits, '-', '_' and '.'."
    if not _TYPE.match(event.type) or len(event.type) > TYPE_MAX:
        return f"{event.type[:48]!r} is not an event type, as in request.admitted."
    if event.request is not None and not _REQUEST.match(event.request):
        return "A request id has 32 lower-case hex digits."
    if event.content is not None and (event.request is None or not _fits(event.content)):
        return "An event's content is a request's text, for blinded subjects."
    return "An event's time is in microseconds since 1970."


def _plain(value: Any, depth: int) -> bool:
    """Whether `_reason` finds no fault but a large integer, which orjson itself refuses.

    Written for speed: it is on the hot path.
    """
    if depth > DEPTH_MAX:
        return False
    if type(value) is dict:
        try:
            if not "".join(value).isascii():
                return False
        except TypeError:
            return False
        value = value.values()
    for item in value:
        kind = type(item)
        if kind not in _SCALARS and not (kind in _NESTED and _plain(item, depth + 1)):
            return False
    return True


def _reason(value: Any, pointer: str, depth: int) -> str | None:  # noqa: PLR0911 - a table
    """What is wrong with `value`, in words; None where nothing is."""
    if isinstance(value, str | bool) or value is None:
        return None
    if isinstance(value, int):
        if -INTEGER_MAX <= value <= INTEGER_MAX:
            return None
        return f"The integer at {pointer} is beyond 2^53; write it as a string."
    if isinstance(value, float):
        return (
            f"The value at {pointer} is a float, which languages write differently; "
            "give an integer of a smaller unit."
        )
    if not isinstance(value, dict | list | tuple):
        return f"The value at {pointer or '/'} is a {type(value).__name__}, not JSON."
    if depth > DEPTH_MAX:
        return f"The value at {pointer[:80]} is nested more than {DEPTH_MAX} deep."
    if isinstance(value, dict):
        if not all(isinstance(name, str) and name.isascii() for name in value):
            return f"A key of the object at {pointer or '/'} is not ASCII text."
        items = value.items()
    else:
        items = enumerate(value)  # type: ignore[assignment]
    reasons = (_reason(item, f"{pointer}/{name}", depth + 1) for name, item in items)
    return next((reason for reason in reasons if reason), None)

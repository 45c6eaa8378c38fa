"""A request's bytes as a JSON value that the rest may handle without fear.

Refused here, each naming where: what is not UTF-8 or not JSON, nesting deeper than any real
request, NUL (PostgreSQL stores none, engines written in C stop at it) and lone surrogates
(no UTF-8 can carry them).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import orjson

from inference.api.errors import APIError, invalid, too_large, too_slow

BODY_MAX = 1024 * 1024  # bytes
READ_TIMEOUT = 30.0  # seconds for the whole body
DEPTH_MAX = 64
PATH_MAX = 200  # characters of a path that are shown


def parsed(body: bytes) -> Any:
    """The JSON value in `body`; raises `APIError` (400)."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _not_json(body, error) from None
    if body.count(b"[") + body.count(b"{") > DEPTH_MAX and _depth_exceeded(value):
        raise _too_deep()
    if b"\\u0000" in body:
        where = _find(value, lambda text: "\0" in text)
        if where is not None:
            raise invalid(f"{where} holds a NUL character; remove it.", where)
    return value


async def read(receive: Callable[[], Awaitable[Any]], headers: Mapping[bytes, bytes]) -> bytes:
    """The body of an ASGI request; raises `APIError` (400, 408, 413).

    A body that says it is too large is refused before any of it is read, one that turns out
    to be is refused when it passes the limit.
    """
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise invalid("The body is compressed, which is not supported; send it as it is.")
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and (len(declared) > 9 or int(declared) > BODY_MAX):  # noqa: PLR2004 - digits
        raise too_large(BODY_MAX)
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            return await _pieces(receive)
    except TimeoutError:
        raise too_slow(READ_TIMEOUT) from None


async def _pieces(receive: Callable[[], Awaitable[Any]]) -> bytes:
    pieces = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        pieces += message.get("body", b"")
        if len(pieces) > BODY_MAX:
            raise too_large(BODY_MAX)
        if not message.get("more_body"):
            return bytes(pieces)


class CallerGone(Exception):
    """The caller closed the connection. There is nobody to tell anything."""


def _too_deep() -> APIError:
    return invalid(f"The body nests deeper than {DEPTH_MAX} levels; flatten it.")


def _not_json(body: bytes, error: orjson.JSONDecodeError) -> APIError:
    try:
        body.decode()
    except UnicodeDecodeError as undecodable:
        return invalid(f"The body is not UTF-8 at byte {undecodable.start}.")
    if "depth" in error.msg:
        return _too_deep()
    if "surrogate" in error.msg:
        where = _surrogate(body)
        if where is not None:
            return invalid(
                f"{where} holds half of a surrogate pair; send whole characters.", where
            )
    return invalid(f"The body is not valid JSON: {error.msg} at character {error.pos}.")


def _surrogate(body: bytes) -> str | None:
    """Where the lone surrogate stands; the standard library's parser lets it through."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return _find(value, lambda text: any("\ud800" <= letter <= "\udfff" for letter in text))


def _depth_exceeded(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [
            below
            for container in level
            if isinstance(container, dict | list)
            for below in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return False
    return any(isinstance(container, dict | list) for container in level)


def _find(value: Any, wrong: Callable[[str], bool]) -> str | None:
    """The path of the first string that is `wrong`, as in `messages[0].content`.

    A member's name that is wrong is not in the path: it stands before its member's strings,
    so the path ends at the object that holds it.
    """
    for path, text in _strings(value):
        if wrong(text):
            return path[:PATH_MAX] or "body"
    return None


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    """Every string with its path, member names included; no recursion."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, str):
            yield path, item
        elif isinstance(item, dict):
            for name, below in item.items():
                yield path, name
                waiting.append((f"{path}.{name}" if path else name, below))
        elif isinstance(item, list):
            waiting.extend((f"{path}[{index}]", below) for index, below in enumerate(item))

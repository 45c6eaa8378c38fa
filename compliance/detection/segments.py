"""The strings of a request that a model would read, and their replacement.

A segment is a string and its place, a JSON pointer (RFC 6901) into the body of an OpenAI
chat completion. Which strings a model reads is decided here and nowhere else: a string that
is not collected is a string that nobody checks. Member names count as strings too: the
pointer of a name is the pointer of its member followed by `NAME_MARK`, which no
pointer into a document can end with by accident because `~` is always escaped there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compliance.vocabulary import Segment

NAME_MARK = "/~name"  # '~' is only ever followed by 0 or 1 in a real pointer

_TOOL_CALLS = "tool_calls"
_FUNCTION_NAMES = frozenset({"name"})
_STRUCTURAL = frozenset({"type", "id", "tool_call_id", "role", "strict"})


class UnknownPlace(LookupError):
    """A replacement names a place that the body does not have, or that holds no string."""


def pointer(*tokens: str | int) -> str:
    """The JSON pointer of a path of member names and indices (RFC 6901 section 3)."""
    return "".join("/" + _escaped(token) for token in tokens)


def _escaped(token: str | int) -> str:
    return str(token).replace("~", "~0").replace("/", "~1")


def segments(body: Mapping[str, Any]) -> tuple[Segment, ...]:
    """Every string of a chat-completions body that a model could read, in reading order.

    The order fixes the numbers that pseudonyms get: messages come first, from the oldest to
    the newest, so that a resent history keeps its numbers whatever else changes.
    Function names, member names and stop sequences are not replaceable: the engine and the
    client compare them byte for byte.
    """
    return tuple(_collected(body))


def _collected(body: Mapping[str, Any]) -> Iterator[Segment]:
    for index, message in enumerate(_items(body.get("messages"))):
        if isinstance(message, Mapping):
            yield from _message(message, pointer("messages", index))
    for name in ("tools", "functions"):
        for index, tool in enumerate(_items(body.get(name))):
            yield from _schema(tool, pointer(name, index))
    for name in ("tool_choice", "function_call"):
        if isinstance(body.get(name), Mapping):
            yield from _schema(body[name], pointer(name))
    if isinstance(body.get("response_format"), Mapping):
        yield from _schema(body["response_format"], pointer("response_format"))
    yield from _stop(body.get("stop"))


def _items(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _message(message: Mapping[str, Any], at: str) -> Iterator[Segment]:
    """A message's name, content (a string or parts), refusal, reasoning and tool calls.

    Every string leaf that is not structural is collected, so that a member which a later
    client adds is checked before anyone has heard of it.
    """
    for name, value in message.items():
        here = f"{at}/{_escaped(name)}"
        if name in _STRUCTURAL:
            continue
        if name == _TOOL_CALLS:
            for index, call in enumerate(_items(value)):
                yield from _leaves(call, f"{here}/{index}")
        elif name == "function_call":
            yield from _leaves(value, here)
        elif isinstance(value, str):
            yield from _text(value, here)
        else:
            yield from _leaves(value, here)


def _leaves(value: object, at: str, name: str = "") -> Iterator[Segment]:
    """The strings below a message's part or tool call; a function's name stays as it is."""
    if isinstance(value, str):
        yield from _text(value, at, replaceable=name not in _FUNCTION_NAMES)
    elif isinstance(value, Mapping):
        for member, below in value.items():
            if member not in _STRUCTURAL or not isinstance(below, str):
                yield from _leaves(below, f"{at}/{_escaped(member)}", member)
    else:
        for index, below in enumerate(_items(value)):
            yield from _leaves(below, f"{at}/{index}", name)


_PROSE = frozenset({"description", "title", "$comment"})


def _schema(value: object, at: str, name: str = "") -> Iterator[Segment]:
    """The strings of a tool or a schema: prose may be changed, everything else may not.

    `enum`, `const`, `pattern`, `required` and the names of members constrain what the model
    writes and what the client then parses; they are read by the model, hence checked.
    """
    if isinstance(value, str):
        if name not in ("type", "$schema", "format"):
            yield from _text(value, at, replaceable=name in _PROSE)
    elif isinstance(value, Mapping):
        for member, below in value.items():
            here = f"{at}/{_escaped(member)}"
            yield from _text(member, here + NAME_MARK, replaceable=False)
            yield from _schema(below, here, member)
    else:
        for index, below in enumerate(_items(value)):
            yield from _schema(below, f"{at}/{index}", name)


def _stop(stop: object) -> Iterator[Segment]:
    if isinstance(stop, str):
        yield from _text(stop, "/stop", replaceable=False)
    for index, text in enumerate(_items(stop)):
        if isinstance(text, str):
            yield from _text(text, f"/stop/{index}", replaceable=False)


def _text(text: str, at: str, *, replaceable: bool = True) -> Iterator[Segment]:
    if text:
        yield Segment(pointer=at, text=text, replaceable=replaceable)


def holds_json(place: str) -> bool:
    """Whether the string at a pointer is JSON text, where a value put in must be escaped."""
    return place.startswith("/messages/") and place.endswith("/arguments")


def replaced(body: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """A body with the string at each pointer of `texts` put in; `body` is not changed.

    Containers on the way to a replaced string are copied, the others are shared with `body`.
    Raises `UnknownPlace` when a pointer leads to no string.
    """
    result: dict[str, Any] = dict(body)
    copied: dict[str, Any] = {"": result}
    for place, text in texts.items():
        *parents, last = place.split("/")[1:] or [""]
        container: Any = result
        path = ""
        for token in parents:
            path = f"{path}/{token}"
            if path not in copied:
                copied[path] = _copy(container, token, place)
            container = copied[path]
        _put(container, last, text, place)
    return result


def _key(container: Any, token: str, place: str) -> Any:
    name = token.replace("~1", "/").replace("~0", "~")
    if isinstance(container, dict) and name in container:
        return name
    if isinstance(container, list) and name.isdecimal() and int(name) < len(container):
        return int(name)
    raise UnknownPlace(f"the request body has nothing at {place}")


def _copy(container: Any, token: str, place: str) -> Any:
    key = _key(container, token, place)
    value = container[key]
    fresh: Any
    if isinstance(value, Mapping):
        fresh = dict(value)
    elif isinstance(value, list | tuple):
        fresh = list(value)
    else:
        raise UnknownPlace(f"the request body has no container on the way to {place}")
    container[key] = fresh
    return fresh


def _put(container: Any, token: str, text: str, place: str) -> None:
    key = _key(container, token, place)
    if not isinstance(container[key], str):
        raise UnknownPlace(f"the request body holds no string at {place}")
    container[key] = text

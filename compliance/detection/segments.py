r"""The strings of a request that a model would read, and their replacement.

A segment is a string and its place, a JSON pointer (RFC 6901) into the body of a request to
an endpoint of OpenAI's that takes text: chat completions, completions, embeddings. Which
strings a model reads is decided here and nowhere else: a string that is not collected is a
string that nobody checks.

Two kinds of place lie outside RFC 6901, and are marked by a token that no pointer can have
by accident, since '~' is always followed by 0 or 1 there: the *name* of a member (`NAME`), and
a string *inside JSON text* (`JSON`), as in the arguments of a tool call: its escapes are undone
before it is looked at, so that "M\u00fcller" is read as the model reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compliance.vocabulary import Segment

NAME = "/~name"
JSON = "/~json"

MIN_NUMBER = 6
"""Digits from which a number in JSON text is looked at: a phone or account number."""

SEGMENTS_MAX = 4_096
"""Texts that one request may hold: each costs time of the event loop, however short."""

DEPTH_MAX = 64
"""Levels of JSON text; reading it anew must not run out of stack."""

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_PARTS = frozenset({"text", "refusal", "function"})  # what `type` says in a message
_IDS = frozenset({"id", "tool_call_id"})
CALL_ID = re.compile(r"call\d{5}")
"""Ids of tool calls as we number them; any other is the caller's text, and checked."""
_PROSE = frozenset({"description", "title", "$comment"})
_KEYWORDS = frozenset(
    {
        *("type", "function", "name", "description", "parameters", "strict", "title"),
        *("properties", "required", "items", "enum", "const", "format", "pattern", "default"),
        *("additionalProperties", "minimum", "maximum", "minItems", "maxItems", "minLength"),
        *("maxLength", "anyOf", "allOf", "oneOf", "not", "$ref", "$defs", "$schema"),
        *("json_schema", "schema", "examples"),
    }
)
"""Member names of tools and schemas that everyone writes; they hold nothing of anyone."""
_SAID: Mapping[str, frozenset[str]] = {
    "type": frozenset(
        {
            *("function", "json_schema", "json_object", "text", "object", "array", "string"),
            *("number", "integer", "boolean", "null"),
        }
    ),
    "format": frozenset(
        {
            *("date-time", "date", "time", "duration", "email", "idn-email", "hostname"),
            *("idn-hostname", "ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference"),
            *("uuid", "uri-template", "json-pointer", "relative-json-pointer", "regex"),
            *("int32", "int64", "float", "double", "byte", "binary", "password"),
        }
    ),
    "$schema": frozenset(
        f"{scheme}://json-schema.org/{version}/schema{end}"
        for scheme in ("http", "https")
        for version in ("draft-04", "draft-06", "draft-07", "draft/2019-09", "draft/2020-12")
        for end in ("", "#")
    ),
}
"""Values of JSON Schema's own vocabulary, by the member that they stand under."""


class TooManySegments(ValueError):
    """A request holds more texts than are looked at; `pointer` is the place of the first."""

    def __init__(self, pointer: str) -> None:
        self.pointer = pointer
        super().__init__(f"the request holds more than {SEGMENTS_MAX} texts")


class NestedTooDeep(ValueError):
    """JSON text nests deeper than `DEPTH_MAX`; `pointer` is its place."""

    def __init__(self, pointer: str) -> None:
        self.pointer = pointer
        super().__init__(f"JSON text nests deeper than {DEPTH_MAX} levels")


class UnknownPlace(LookupError):
    """A replacement names a place that the body does not have, or that holds no string."""


def pointer(*tokens: str | int) -> str:
    """The JSON pointer of a path of member names and indices (RFC 6901 section 3)."""
    return "".join("/" + _escaped(token) for token in tokens)


def _escaped(token: str | int) -> str:
    return str(token).replace("~", "~0").replace("/", "~1")


def segments(body: Mapping[str, Any]) -> tuple[Segment, ...]:
    """Every string of a body that a model could read, in reading order.

    The order fixes the numbers that pseudonyms get: messages come first, from the oldest to
    the newest, so that a resent history keeps its numbers whatever else changes.
    Function names, member names and stop sequences are not replaceable: the engine and the
    client compare them byte for byte. So do ids of tool calls. What is left out is a word of
    the protocol or of JSON Schema, never a text of the caller.

    Raises `TooManySegments` as soon as there are more than `SEGMENTS_MAX`, and `NestedTooDeep`.
    """
    found: list[Segment] = []
    for segment in _collected(body):
        if len(found) == SEGMENTS_MAX:
            raise TooManySegments(segment.pointer)
        found.append(segment)
    return tuple(found)


def _collected(body: Mapping[str, Any]) -> Iterator[Segment]:
    for index, message in enumerate(_items(body.get("messages"))):
        if isinstance(message, Mapping):
            yield from _message(message, pointer("messages", index))
    for name in ("prompt", "input"):
        yield from _leaves(body.get(name), pointer(name))
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
    from_tool = message.get("role") in ("tool", "function")
    for name, value in message.items():
        here = f"{at}/{_escaped(name)}"
        if isinstance(value, str) and name == "role" and value in _ROLES:
            continue
        if isinstance(value, str) and _structural(name, value):
            continue
        if isinstance(value, str) and name in ("name", "role", *_IDS):
            fixed = name != "name" or from_tool
            yield from _text(value, here, replaceable=not fixed)
        elif isinstance(value, str) and from_tool:
            yield from _json_text(value, here)
        else:
            yield from _leaves(value, here)


def _leaves(value: object, at: str, name: str = "") -> Iterator[Segment]:
    """The strings below a message's member; a called function's name stays as it is."""
    if isinstance(value, str):
        if name == "arguments":
            yield from _json_text(value, at)
        elif not _structural(name, value):
            yield from _text(value, at, replaceable=name not in ("name", "type", *_IDS))
    elif isinstance(value, Mapping):
        for member, below in value.items():
            yield from _leaves(below, f"{at}/{_escaped(member)}", member)
    elif _is_long_number(value):
        yield from _text(repr(value), at, replaceable=False)
    else:
        for index, below in enumerate(_items(value)):
            yield from _leaves(below, f"{at}/{index}", name)


def _structural(name: str, value: str) -> bool:
    return (name == "type" and value in _PARTS) or (
        name in _IDS and CALL_ID.fullmatch(value) is not None
    )


def _json_text(text: str, at: str) -> Iterator[Segment]:
    """The strings and long numbers inside JSON text; the text itself when it is not JSON."""
    value = _parsed(text)
    if isinstance(value, dict | list):
        if _deep(value):
            raise NestedTooDeep(at)
        yield from _inside(value, at + JSON)
    else:
        yield from _text(text, at)


def _parsed(text: str) -> object:
    """The object or list that a text is as JSON; None if it is none or would not keep whole."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        return None


def _deep(value: object) -> bool:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [
            below
            for container in level
            for below in (container.values() if isinstance(container, dict) else container)  # type: ignore[attr-defined]
            if isinstance(below, dict | list)
        ]
        if not level:
            return False
    return True


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses members given twice: parsing would hide the first from the detector."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _inside(value: object, at: str) -> Iterator[Segment]:
    if isinstance(value, str):
        yield from _text(value, at)
    elif isinstance(value, dict):
        for member, below in value.items():
            here = f"{at}/{_escaped(member)}"
            yield from _text(member, here + NAME, replaceable=False)
            yield from _inside(below, here)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _inside(below, f"{at}/{index}")
    elif _is_long_number(value):
        yield from _text(repr(value), at)


def _is_long_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return sum(map(str.isdigit, repr(value))) >= MIN_NUMBER


def _schema(value: object, at: str, name: str = "") -> Iterator[Segment]:
    """The strings of a tool or a schema: prose may be changed, everything else may not.

    `enum`, `const`, `pattern`, `required` and the names of members constrain what the model
    writes and what the client then parses; they are read by the model, hence checked.
    """
    if isinstance(value, str):
        if value not in _SAID.get(name, ()):
            yield from _text(value, at, replaceable=name in _PROSE)
    elif isinstance(value, Mapping):
        for member, below in value.items():
            here = f"{at}/{_escaped(member)}"
            if member not in _KEYWORDS:
                yield from _text(member, here + NAME, replaceable=False)
            yield from _schema(below, here, member)
    elif _is_long_number(value):
        yield from _text(repr(value), at, replaceable=False)
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


def replaced(body: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """A body with the string at each pointer of `texts` put in; `body` is not changed.

    Containers on the way to a replaced string are copied, the others are shared with `body`.
    JSON text is written anew around what was put into it, hence always stays JSON.
    Raises `UnknownPlace` when a pointer leads to no string.
    """
    plain: dict[str, str] = {}
    inner: dict[str, dict[str, str]] = {}
    for place, text in texts.items():
        outer, mark, inside = place.partition(JSON)
        if mark:
            inner.setdefault(outer, {})[inside] = text
        else:
            plain[place] = text
    for outer, changes in inner.items():
        value = _parsed(_at(body, outer))
        plain[outer] = json.dumps(_put_all(value, changes), ensure_ascii=False)
    return _put_all(body, plain)


def _at(body: Mapping[str, Any], place: str) -> str:
    value: Any = body
    for token in place.split("/")[1:]:
        value = value[_key(value, token, place)]
    if not isinstance(value, str):
        raise UnknownPlace(f"the request body holds no string at {place}")
    return value


def _put_all(root: Any, texts: Mapping[str, str]) -> dict[str, Any]:
    """A copy of a container with texts put in at their pointers."""
    result: dict[str, Any] = _copied(root, "")
    copies: dict[str, Any] = {"": result}
    for place, text in texts.items():
        *parents, last = place.split("/")[1:] or [""]
        container, path = result, ""
        for token in parents:
            path = f"{path}/{token}"
            if path not in copies:
                key = _key(container, token, place)
                copies[path] = container[key] = _copied(container[key], place)
            container = copies[path]
        key = _key(container, last, place)
        if isinstance(container[key], Mapping | list | tuple):
            raise UnknownPlace(f"the request body holds no string at {place}")
        container[key] = text
    return result


def _copied(value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple):
        return list(value)
    raise UnknownPlace(f"the request body has no object or list on the way to {place}")


def _key(container: Any, token: str, place: str) -> Any:
    name = token.replace("~1", "/").replace("~0", "~")
    if isinstance(container, Mapping) and name in container:
        return name
    if isinstance(container, list | tuple) and name.isdecimal() and int(name) < len(container):
        return int(name)
    raise UnknownPlace(f"the request body has nothing at {place}")

"""A policy as YAML, for people who keep it in a folder under version control.

Of YAML only what JSON has is read: no anchors, aliases or tags, one document, each key once.
Plain words are texts, save `true`, `false`, `null` and whole numbers, so that `NO` is Norway,
`08:00` a time of day and `2026-08-05` the text that it looks like.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from compliance.policy.canonical import document
from compliance.policy.reading import shown
from compliance.policy.terms import Policy, PolicyRefused

MAX_CHARACTERS = 256 << 10
"""Of a text: it is read in the process that answers requests, some seconds for each 256 KiB."""

MAX_DEPTH = 32
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


def from_yaml(text: str) -> str:
    """The JSON text that `rules.parse` reads; raises `PolicyRefused` with the line."""
    if len(text) > MAX_CHARACTERS:
        raise PolicyRefused("the policy is larger than 256 KiB as YAML; import it as JSON")
    try:
        return json.dumps(_value(yaml.parse(text, yaml.SafeLoader)))
    except PolicyRefused:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark is not None else ""
        what = getattr(error, "problem", None) or "it cannot be read"
        raise PolicyRefused(f"the policy is not YAML{line}: {what}") from error
    except (ValueError, OverflowError) as error:  # of PyYAML's chr() and int()
        raise PolicyRefused(
            "the policy is not YAML: it holds a number or an escaped character out of range"
        ) from error


def to_yaml(policy: Policy) -> str:
    """The version as YAML that `from_yaml` reads back as the same."""
    return yaml.safe_dump(document(policy), sort_keys=False, allow_unicode=True, width=96)


def _value(events: Iterator[yaml.Event]) -> Any:
    """The value that the events of one document build."""
    root = _Open([])
    stack = [root]
    documents = 0
    for event in events:
        _judge(event)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            raise PolicyRefused(f"{_at(event)}: a second document begins; keep one")
        if isinstance(event, yaml.ScalarEvent):
            stack[-1].take(_scalar(event), event)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            made: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
            stack[-1].take(made, event)
            stack.append(_Open(made))
            if len(stack) > MAX_DEPTH:
                raise PolicyRefused(f"{_at(event)}: too many levels, one within another")
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            stack.pop()
    if not root.value:
        raise PolicyRefused("the policy is empty")
    return root.value[0]


class _Open:
    """A list or an object that is being read; an object waits for a key, then for its value."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self._key: str | None = None

    def take(self, item: Any, event: yaml.Event) -> None:
        """Put the next item where it belongs."""
        if isinstance(self.value, list):
            self.value.append(item)
        elif self._key is None:
            if not isinstance(item, str):
                raise PolicyRefused(f"{_at(event)}: the name of a member must be a text")
            if item in self.value:
                raise PolicyRefused(f"{_at(event)}: {shown(item)} is given twice; keep one")
            self._key = item
        else:
            self.value[self._key] = item
            self._key = None


def _judge(event: yaml.Event) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise PolicyRefused(f"{_at(event)}: anchors and aliases are not read; write it out")
    if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) is not None:
        raise PolicyRefused(f"{_at(event)}: tags are not read; remove it")


def _scalar(event: yaml.ScalarEvent) -> Any:
    plain = event.style is None
    if plain and event.value in _WORDS:
        return _WORDS[event.value]
    if plain and _WHOLE.match(event.value):
        return int(event.value)
    return event.value


def _at(event: yaml.Event) -> str:
    mark = event.start_mark
    return "the policy" if mark is None else f"line {mark.line + 1}"

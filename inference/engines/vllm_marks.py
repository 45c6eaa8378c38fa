"""Marks that end or begin reasoning, where a caller has written them.

Whether an answer begins with reasoning, some of vLLM's parsers (0.32) read off the prompt: they
look for the last such mark in it, and take one that a caller has typed for the model's own.
What the model thinks would then come as its answer, also where a policy withholds it. So a
caller's marks are broken by a character without width: the model reads nearly the same text,
and its tokenizer no mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_BREAK = "\u200b"
_READ = ("messages", "tools")  # of a request, what a template writes into the prompt
# <think>, </seed:think>, <|END_THINKING|>, [/THINK] and the like, and the beginnings of calls,
# which end reasoning too: <tool_call>, <|tool_calls_section_begin|>, <|channel>.
_MARK = re.compile(
    r"<(?=[^<>\s]{0,16}(?:think|tool.calls?|\|channel|channel\||dsml)[^<>]{0,40}>)"
    r"|\[(?=/?think\]|tool_calls\])",
    re.IGNORECASE,
)


def unmarked(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A request whose texts have no marks."""
    return {**asked, **{name: _broken(asked[name]) for name in _READ if name in asked}}


def _broken(value: Any) -> Any:
    if isinstance(value, str):
        return _MARK.sub(lambda mark: mark[0] + _BREAK, value)
    if isinstance(value, Mapping):
        return {_broken(name): _broken(one) for name, one in value.items()}
    return [_broken(one) for one in value] if isinstance(value, list | tuple) else value

"""Marks that end or begin reasoning, where a caller has written them.

Whether an answer begins with reasoning, some of vLLM's parsers (0.32) read off the prompt: they
look for the last such mark in it, and take one that a caller has typed for the model's own.
What the model thinks would then come as its answer, also where a policy withholds it. So a
caller's marks are broken by a character without width: the model reads nearly the same text,
and its tokenizer no mark. The arguments of a call are JSON that vLLM reads before a template
writes them, so that a mark may stand in them escaped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from inference.engines.base import EngineRefused

_BREAK = "\u200b"
_READ = ("messages", "tools")  # of a request, what a template writes into the prompt
# <think>, </seed:think>, <|END_THINKING|>, [/THINK] and the like, and the beginnings of calls,
# which end reasoning too: <tool_call>, <|tool_calls_section_begin|>, <|channel>. Kimi K3's are
# <|close|>think<|sep|>.
_MARK = re.compile(
    r"<(?=[^<>\s]{0,16}(?:think|tool.calls?|\|channel|channel\||dsml)[^<>]{0,40}>)"
    r"|<(?=\|(?:open|close)\|>)"
    r"|\[(?=/?think\]|tool_calls\])",
    re.IGNORECASE,
)


def unmarked(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A request whose texts have no marks; raises `EngineRefused` if it is nested too deep."""
    try:
        return {**asked, **{name: _broken(asked[name]) for name in _READ if name in asked}}
    except RecursionError as error:
        raise EngineRefused("messages", "The request is nested too deep to be read.") from error


def _broken(value: Any) -> Any:
    if isinstance(value, str):
        return _MARK.sub(lambda mark: mark[0] + _BREAK, value)
    if isinstance(value, Mapping):
        return {
            _broken(name): _arguments(one) if name == "arguments" else _broken(one)
            for name, one in value.items()
        }
    return [_broken(one) for one in value] if isinstance(value, list | tuple) else value


def _arguments(value: Any) -> Any:
    """Arguments as vLLM takes them: what is JSON it decodes."""
    if isinstance(value, str):
        try:
            said = json.loads(value)
        except ValueError:
            return _broken(value)
        found = _broken(said)
        if found != said:
            return json.dumps(found)
    return _broken(value)

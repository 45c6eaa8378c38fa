"""POST /v1/chat/completions: a JSON value as a checked request, and as the body an engine gets.

What the schema cannot say (parameters that are wrong together, limits that depend on the
model) is checked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from compliance.vocabulary import Endpoint
from inference.api import asked, schema
from inference.api.asked import Call
from inference.api.errors import invalid
from inference.routing import ServedModel


def chat_call(value: Any, models: Mapping[str, ServedModel]) -> Call:
    """Check a chat completion's body; raises `APIError` (400, 404)."""
    request = asked.read(value, schema.ChatRequest)
    model = asked.served(request.model, Endpoint.CHAT, models)
    limit = _answer_limit(request, model)
    _check_history(request.messages)
    ids = _call_ids(request.messages)
    body: dict[str, Any] = {
        "model": model.name,
        "messages": [_message(message, ids) for message in request.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if limit is not None:
        body["max_tokens"] = limit
    body.update(_sampling(request))
    body.update(_tools(request))
    return Call(
        endpoint=Endpoint.CHAT,
        model=model,
        body=body,
        stream=bool(request.stream),
        include_usage=asked.includes_usage(request.stream_options, request.stream),
        persons=asked.named(request.user, request.safety_identifier),
        answer_tokens=None if limit is None else limit * (request.n or 1),
        request_class=asked.class_of(request.service_tier),
    )


def _answer_limit(request: schema.ChatRequest, model: ServedModel) -> int | None:
    old, new = request.max_tokens, request.max_completion_tokens
    if old is not None and new is not None and old != new:
        raise invalid(
            "max_tokens: differs from max_completion_tokens; give one of them.", "max_tokens"
        )
    limit, name = (old, "max_tokens") if new is None else (new, "max_completion_tokens")
    return asked.checked_limit(limit, name, model)


def _check_history(messages: list[schema.Message]) -> None:
    called: set[str] = set()
    for index, message in enumerate(messages):
        if isinstance(message, schema.Assistant):
            if message.content is None and message.refusal is None and not message.tool_calls:
                where = f"messages[{index}].content"
                raise invalid(f"{where}: required where there are no tool_calls.", where)
            called.update(call.id for call in message.tool_calls or ())
        elif isinstance(message, schema.Tool) and message.tool_call_id not in called:
            where = f"messages[{index}].tool_call_id"
            raise invalid(f"{where}: no earlier message calls a tool with this id.", where)


def _call_ids(messages: list[schema.Message]) -> dict[str, str]:
    """A running number for each id of a tool call.

    An id is whatever the caller writes, and looks like a name often enough (an eighth of
    nine random letters does) that checking it would refuse good requests. So the engine gets
    none of it. Nine letters and digits, because templates of Mistral's models take no other.
    """
    ids: dict[str, str] = {}
    for message in messages:
        if isinstance(message, schema.Assistant):
            for call in message.tool_calls or ():
                ids.setdefault(call.id, f"call{len(ids) + 1:05d}")
    return ids


def _message(message: schema.Message, ids: Mapping[str, str]) -> dict[str, Any]:
    """A message as chat templates read it: text as one string, `developer` as `system`."""
    if isinstance(message, schema.Tool):
        return {
            "role": "tool",
            "content": _text(message.content),
            "tool_call_id": ids[message.tool_call_id],
        }
    written: dict[str, Any] = {"role": _ROLES[type(message)]}
    if isinstance(message, schema.Assistant):
        content = message.content if message.content is not None else message.refusal
        written["content"] = None if content is None else _text(content)
        if message.tool_calls:
            written["tool_calls"] = [_tool_call(call, ids) for call in message.tool_calls]
    else:
        written["content"] = _text(message.content)
    if message.name is not None:
        written["name"] = message.name
    return written


_ROLES: Mapping[type, str] = {
    schema.System: "system",
    schema.Developer: "system",  # templates of open models know no other
    schema.User: "user",
    schema.Assistant: "assistant",
}


def _text(content: str | list[Any]) -> str:
    """Parts joined by line feeds, as vLLM and llama.cpp do for templates that take strings."""
    if isinstance(content, str):
        return content
    return "\n".join(
        part.text if isinstance(part, schema.TextPart) else part.refusal for part in content
    )


def _tool_call(call: schema.ToolCall, ids: Mapping[str, str]) -> dict[str, Any]:
    function = {"name": call.function.name, "arguments": call.function.arguments}
    return {"id": ids[call.id], "type": "function", "function": function}


def _sampling(request: schema.ChatRequest) -> dict[str, Any]:
    given: dict[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": request.stop or None,
        "seed": request.seed,
        "n": request.n if request.n != 1 else None,
        "presence_penalty": request.presence_penalty or None,
        "frequency_penalty": request.frequency_penalty or None,
    }
    if request.top_logprobs is not None and not request.logprobs:
        raise invalid("top_logprobs: only allowed where logprobs is true.", "top_logprobs")
    if request.logprobs:
        given["logprobs"] = True
        given["top_logprobs"] = request.top_logprobs or 0
    form = request.response_format
    if isinstance(form, schema.JSONObject):
        given["response_format"] = {"type": "json_object"}
    elif isinstance(form, schema.JSONSchema):
        if form.json_schema.schema is None:
            where = "response_format.json_schema.schema"
            raise invalid(f"{where}: required; give the JSON Schema of the answer.", where)
        given["response_format"] = {
            "type": "json_schema",
            "json_schema": msgspec.to_builtins(form.json_schema),
        }
    return {name: value for name, value in given.items() if value is not None}


def _tools(request: schema.ChatRequest) -> dict[str, Any]:
    """Tools and the choice among them.

    Engines honour `none`, `auto` and `required` only, so a named tool becomes the only one,
    and required: the answer is the same.
    """
    choice = request.tool_choice
    if not request.tools:
        for name in ("tool_choice", "parallel_tool_calls"):
            if getattr(request, name) is not None and choice not in ("none", "auto"):
                raise invalid(f"{name}: only allowed where tools are given.", name)
        return {}
    tools = request.tools
    for index, tool in enumerate(tools):
        if any(tool.function.name == other.function.name for other in tools[:index]):
            where = f"tools[{index}].function.name"
            raise invalid(f"{where}: {tool.function.name!r} is given twice.", where)
    if isinstance(choice, schema.NamedTool):
        tools = [tool for tool in tools if tool.function.name == choice.function.name]
        if not tools:
            where = "tool_choice.function.name"
            raise invalid(f"{where}: no tool has this name.", where)
        choice = "required"
    given: dict[str, Any] = {
        "tools": [
            {"type": "function", "function": msgspec.to_builtins(tool.function)}
            for tool in tools
        ]
    }
    if choice is not None:
        given["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        given["parallel_tool_calls"] = request.parallel_tool_calls
    return given

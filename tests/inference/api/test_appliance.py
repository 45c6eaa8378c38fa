"""The official client against a whole appliance with real weights."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest

from inference.registry import CATALOGUE
from tests.appliance.test_witnesses import officer
from tests.services.appliance import BASE, Appliance, running
from tests.services.waiting import wait_until

pytestmark = pytest.mark.appliance

SKY: list[Any] = [
    {"role": "system", "content": "You answer briefly."},
    {"role": "user", "content": "What colour is the sky on a clear day?"},
]


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    data = tmp_path_factory.mktemp("api") / "data"
    yield from running(data, DOMICILE_WEB_PROCESSES="2", DOMICILE_DETECTION_TIMEOUT="20")


@pytest.fixture
def client(appliance: Appliance) -> Iterator[openai.OpenAI]:
    with appliance.client() as client:
        yield client


def create(client: openai.OpenAI, appliance: Appliance, **more):
    body: Any = {"model": appliance.model, "messages": SKY, "max_tokens": 12} | more
    return client.chat.completions.create(**body)


def test_the_same_seed_gives_the_same_answer_streamed_or_not(appliance: Appliance, client):
    whole = create(client, appliance, seed=7, temperature=0.9)
    stream = create(
        client,
        appliance,
        seed=7,
        temperature=0.9,
        stream=True,
        stream_options={"include_usage": True},
    )
    *parts, last = list(stream)
    text = "".join(part.choices[0].delta.content or "" for part in parts)
    assert text == whole.choices[0].message.content != ""
    assert last.usage == whole.usage
    assert 0 < whole.usage.completion_tokens <= 12


def test_a_completion_goes_on_with_a_text_streamed_or_not(appliance: Appliance, client):
    asked: Any = {"model": appliance.model, "prompt": "1, 2, 3, 4, 5, 6,", "temperature": 0}
    asked["max_tokens"] = 6
    whole = client.completions.create(**asked)
    parts = list(client.completions.create(**asked, stream=True))
    assert "".join(part.choices[0].text for part in parts) == whole.choices[0].text
    assert whole.choices[0].text.startswith(" 7")
    assert whole.usage.completion_tokens == 6
    with pytest.raises(openai.BadRequestError) as no:
        client.embeddings.create(model=appliance.model, input="one")
    assert no.value.code == "unsupported_model"


async def test_the_asynchronous_client_is_answered_many_times_at_once(appliance: Appliance):
    async with appliance.async_client() as client:
        answers = await asyncio.gather(
            *(
                client.chat.completions.create(
                    model=appliance.model, messages=SKY, max_tokens=6
                )
                for _ in range(6)
            )
        )
    assert all(answer.choices[0].message.content for answer in answers)
    assert len({answer.id for answer in answers}) == 6


def test_choices_log_probabilities_and_stops_are_honoured(appliance: Appliance, client):
    odd = {"temperature": 1.5, "seed": 7}  # another draw may part a letter's bytes
    answer = create(client, appliance, n=2, logprobs=True, top_logprobs=2, **odd)
    assert [choice.index for choice in answer.choices] == [0, 1]
    for choice in answer.choices:
        assert "".join(t.token for t in choice.logprobs.content) == choice.message.content
        assert all(len(token.top_logprobs) == 2 for token in choice.logprobs.content)
    word = create(client, appliance, temperature=0).choices[0].message.content.split()[1]
    stopped = create(client, appliance, temperature=0, stop=[word]).choices[0]
    assert stopped.finish_reason == "stop"
    assert word not in stopped.message.content


def test_an_answer_fits_the_schema_that_was_asked_for(appliance: Appliance, client):
    schema = {
        "type": "object",
        "properties": {"blue": {"type": "boolean"}},
        "required": ["blue"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "sky", "schema": schema}}
    answer = create(client, appliance, response_format=form, max_tokens=60)
    assert isinstance(json.loads(answer.choices[0].message.content)["blue"], bool)


def test_what_this_model_cannot_do_is_refused_by_name(appliance: Appliance, client):
    tool = {"type": "function", "function": {"name": "look_up"}}
    with pytest.raises(openai.BadRequestError) as raised:
        create(client, appliance, tools=[tool])
    assert raised.value.param == "tools"


def test_more_text_than_the_model_holds_is_refused(appliance: Appliance, client):
    long = [{"role": "user", "content": "blue sky " * 5000}]
    with pytest.raises(openai.BadRequestError):
        create(client, appliance, messages=long)


def test_a_caller_that_goes_ends_the_generation(appliance: Appliance, client):
    with create(client, appliance, max_tokens=2000, stream=True, n=2) as stream:
        part = next(iter(stream))
    request = part.id.removeprefix("chatcmpl-")

    def ended() -> bool:
        return appliance.events(request=request)[-1].type == "request.cancelled"

    wait_until(ended, "the request is cancelled")
    assert create(client, appliance, max_tokens=1).choices


IMPORTED = """
from django.core.management import call_command
from inference import licences
from inference.models import Model
call_command("models", "import", {folder!r}, "--name", "second", "--licence", "Apache-2.0",
             "--licence-file", {licence!r}, "--origin", "tests/of-domicile")
call_command("models", "deploy", "second")
second = Model.objects.get(name="second")
assert licences.accept(second, "test", second.licence_digest)
"""
WITHDRAWN = """
from inference import licences
from inference.models import Model
assert licences.withdraw(Model.objects.get(name="second"), "test", "It was a test.")
"""


def workers(appliance: Appliance) -> dict[str, int]:
    """The process of each model's worker."""
    return {one.environ()["DOMICILE_MODEL"]: one.pid for one in appliance.processes("worker")}


def ran(appliance: Appliance, code: str) -> None:
    done = appliance.manage("shell", "-c", code)
    assert done.returncode == 0, done.stderr


def test_a_model_that_is_deployed_meanwhile_is_served_without_a_restart_and_drained(
    appliance: Appliance, client, tmp_path: Path
):
    before = workers(appliance)
    assert set(before) == {appliance.model}
    source = CATALOGUE[appliance.model].path
    try:
        os.link(source, tmp_path / "weights.gguf")
    except OSError:  # another file system
        shutil.copyfile(source, tmp_path / "weights.gguf")
    ran(appliance, IMPORTED.format(folder=str(tmp_path), licence=str(BASE / "LICENSE")))

    def answered() -> bool:
        try:
            return bool(create(client, appliance, model="second", max_tokens=4).choices)
        except (
            openai.NotFoundError,
            openai.RateLimitError,
            openai.InternalServerError,
            openai.APIConnectionError,
        ):  # no node, or not yet, or a machine too busy to answer in time
            return False

    wait_until(answered, "the second model answers", every=0.5)
    with officer(appliance) as console:
        page = "/inference/node/1/change/"
        wait_until(lambda: "<td>second</td>" in console.sees(page), "the node tells of it")
        assert "Machine" in console.sees(page)
    ran(appliance, WITHDRAWN)

    def left() -> bool:
        try:
            return workers(appliance) == before
        except (psutil.Error, KeyError):  # one ends meanwhile
            return False

    wait_until(left, "its worker has ended, and the other goes on")


def test_each_answered_request_ended_once_and_the_log_verifies(appliance: Appliance, client):
    request = create(client, appliance, max_tokens=1).id.removeprefix("chatcmpl-")

    def ends() -> list[str]:
        return [event.type for event in appliance.events(request=request)][1:]

    wait_until(lambda: ends() == ["request.completed"], "it has ended once")
    receipt = appliance.events(request=request)[-1].detail["receipt"]
    assert receipt["site"] == "home"
    appliance.verify_log()

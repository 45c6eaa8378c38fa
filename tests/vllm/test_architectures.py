"""Each architecture that people deploy, tiny and with random weights, through an appliance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import psutil
import pytest

from tests.services.appliance import Appliance
from tests.services.waiting import PATIENCE, wait_until
from tests.vllm import models
from tests.vllm.conftest import STARTED_WITHIN, registered

ARCHITECTURES = ("llama", "mistral", "qwen3", "gemma3", "deepseek-v3")

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiny") / "data"


@pytest.fixture
def serving(data: Path, architecture: str) -> Iterator[Appliance]:
    """An appliance whose engine serves it; the record of those before it stays."""
    registered(data, f"tiny-{architecture}", models.tiny(architecture), "max_model_len=512")
    yield from running(data, f"tiny-{architecture}")


def running(data: Path, model: str) -> Iterator[Appliance]:
    appliance = Appliance(data, DOMICILE_MODEL=model)
    appliance.start(STARTED_WITHIN)
    try:
        yield appliance
    finally:
        appliance.stop()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_architecture_streams_its_receipt_names_it_and_a_killed_worker_leaves_nothing(
    serving: Appliance, architecture: str
):
    def receipts():
        done = serving.events(type="request.completed")
        return [one.detail["receipt"] for one in done]

    before = len(receipts())
    with serving.client() as client:
        stream = client.chat.completions.create(
            model=f"tiny-{architecture}",
            messages=[{"role": "user", "content": "Hello"}],
            max_tokens=8,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = list(stream)
    usage = chunks[-1].usage
    assert usage is not None
    assert 1 <= usage.completion_tokens <= 8

    wait_until(lambda: len(receipts()) > before, "the end is recorded")
    assert receipts()[-1]["model"] == f"tiny-{architecture}"
    assert receipts()[-1]["completion_tokens"] == usage.completion_tokens
    engine = serving.processes("engine")[0]
    family = [engine, *engine.children(recursive=True)]
    serving.kill("worker")
    psutil.wait_procs(family, timeout=PATIENCE)
    assert not [one for one in family if one.is_running()]


@pytest.fixture
def embedding(tmp_path: Path) -> Iterator[Appliance]:
    """An appliance whose engine makes vectors of texts and writes nothing.

    Of its own: the first question of an appliance is one of chat.
    """
    data = tmp_path / "data"
    registered(data, "minilm", models.minilm(), "max_model_len=256", task="embeddings")
    yield from running(data, "minilm")


def test_texts_of_one_meaning_have_vectors_that_are_near(embedding: Appliance):
    texts = [
        "The cat sleeps on the sofa.",
        "A kitten naps on a couch.",
        "Taxes are due in May.",
    ]
    with embedding.client() as client:
        made = client.embeddings.create(model="minilm", input=texts)
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(
                model="minilm", messages=[{"role": "user", "content": "Hello"}]
            )
    cat, kitten, taxes = (one.embedding for one in made.data)
    assert len(cat) == 384
    assert made.usage.prompt_tokens > 10

    def near(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert near(cat, kitten) > near(cat, taxes) + 0.2

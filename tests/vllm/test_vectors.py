"""A model of embeddings on vLLM, through an appliance of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.services.appliance import Appliance
from tests.vllm import models
from tests.vllm.conftest import registered, running


@pytest.fixture
def embedding(tmp_path: Path) -> Iterator[Appliance]:
    """An appliance whose engine makes vectors of texts and writes nothing."""
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

"""Each architecture that people deploy, tiny and with random weights, through an appliance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.services.appliance import Appliance
from tests.services.waiting import PATIENCE, wait_until
from tests.vllm import models
from tests.vllm.conftest import registered, running

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

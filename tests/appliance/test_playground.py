"""What the playground says where its process cannot tell: nothing is guessed."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from appliance import playground
from appliance.celery import app as celery
from appliance.playground import bench_of
from compliance.admin.playground import Bench
from compliance.vocabulary import DetectionFailed, Segment
from inference.api.app import Configuration, DataPlane, build

TEXT = [Segment("/messages/0/content", "Hello.")]


class Running:
    """A data plane that was built and has not begun to look, and the loop it belongs to."""

    plane: DataPlane
    bench: Bench

    def __init__(self, data: Path) -> None:
        keys = data / "keys"
        keys.mkdir(parents=True)
        for name in ("gateway.ed25519", "subject-index"):
            (keys / name).write_text(secrets.token_hex(32))
            (keys / name).chmod(0o600)
        self._where = Configuration(
            keys=keys, broker_url=f"unix://{data}/broker.sock", source="web-1", celery=celery
        )
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)

    async def _built(self) -> None:
        self.plane = build(self._where)
        self.bench = bench_of(self.plane)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._built(), self.loop).result()
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self.plane.shutdown(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    @contextmanager
    def stuck(self) -> Iterator[None]:
        """Whoever waits for the loop waits, until the block ends."""
        there, go = threading.Event(), threading.Event()

        def wait() -> None:
            there.set()
            go.wait()

        self.loop.call_soon_threadsafe(wait)
        there.wait()
        try:
            yield
        finally:
            go.set()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with Running(tmp_path) as made:
        yield made


def test_before_the_configuration_is_read_nothing_is_tried_and_why_is_told(
    running: Running,
) -> None:
    for ask in (running.bench.models, lambda: running.bench.serving("small")):
        with pytest.raises(DetectionFailed, match=r"has not been read yet$"):
            ask()


def test_a_detector_that_was_not_started_is_told_by_its_own_words(running: Running) -> None:
    with pytest.raises(DetectionFailed, match="has not been started"):
        running.bench.scan(TEXT, ())


def test_a_scan_that_nobody_answers_is_given_up(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playground, "LONGEST", 0.05)
    with running.stuck(), pytest.raises(DetectionFailed, match="did not answer in time"):
        running.bench.scan(TEXT, ())

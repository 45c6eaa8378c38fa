"""The product's own worker, with the paced upstream as the child process of its engine.

Everything the worker does with an answer is done: only the program that llama.cpp's engine
supervises is another one. What stands for the weights is that program's source.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from inference import registry, worker
from inference.engines.llamacpp import LlamaCpp
from inference.engines.server import SupervisedServer
from tests.bench import upstream

CAPACITY = 1024  # streams at the same time; the bench never asks for as many
WEIGHTS = Path(upstream.__file__)
DIGEST = registry.digest(WEIGHTS)


class Paced(LlamaCpp):
    """The engine whose server is the paced upstream."""

    def __init__(self, model: str, weights: Path, socket: Path, **options: Any) -> None:
        super().__init__(model, weights, socket, **options)
        self.capacity = CAPACITY
        command = [sys.executable, "-m", "tests.bench.upstream", "--socket", str(socket)]
        self.server = SupervisedServer(command, socket)


def main() -> None:
    """Be the worker that DOMICILE_MODEL=paced asks for."""
    os.environ["DOMICILE_MODEL"] = upstream.MODEL
    registry.CATALOGUE[upstream.MODEL] = registry.Entry(
        name=upstream.MODEL,
        engine="llamacpp",
        kept=registry.Shipped("tests.bench", WEIGHTS.name),
        digest=DIGEST,
        size=WEIGHTS.stat().st_size,
        licence="Apache-2.0",
        origin="bench",
        context_length=100_000,
    )
    worker.LlamaCpp = Paced  # type: ignore[attr-defined]

    from appliance.celery import app  # noqa: PLC0415 - reads the environment set above

    app.worker_main(["worker"])


if __name__ == "__main__":
    main()

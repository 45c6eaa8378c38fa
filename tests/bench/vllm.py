"""vLLM through the appliance beside the same vLLM asked directly, in one run.

The gateway is the one without detection, so that what is added is the way and not the checking.
Engine, gateway and callers share this machine's cores: on a CPU the appliance takes from the
engine what it needs itself, which it does not where the engine has a GPU.
"""

from __future__ import annotations

import asyncio
import sys

from tests.bench.callers import Figures, Task, measure, quantile
from tests.bench.stage import Stage
from tests.bench.table import Cell, table
from tests.vllm import models
from tests.vllm.conftest import LICENCE, MODEL, STARTED_WITHIN

LEVELS = (1, 8, 32)
TOKENS, SECONDS, RAMP = 32, 20.0, 5.0
AIM_RATIO, AIM_FIRST = 0.95, 15.0  # at 8 and 32; ms

# Accepts the licence, lifts every limit, and prints an API key.
PREPARE = """
from compliance.models import APIKey, Application
from inference import licences
from inference.models import Model
for model in Model.objects.filter(licence_accepted=None):
    licences.accept(model, "bench", model.licence_digest)
Application.objects.update(requests_per_minute=0, tokens_per_minute=0, concurrent_requests=0)
print(APIKey.issue(Application.objects.get(), note="bench")[1])
"""


class Served(Stage):
    """The stage whose worker is the product's own, with vLLM."""

    model = MODEL
    ready = STARTED_WITHIN
    worker = ("celery", "-q", "-A", "appliance.celery", "worker",
              "--without-gossip", "--without-mingle", "--without-heartbeat")  # fmt: skip

    def _prepare(self) -> None:
        self._manage("setup")
        self._manage(
            *("models", "import", str(models.smollm2()), "--name", MODEL),
            *("--licence", "Apache-2.0", "--licence-file", str(LICENCE)),
            *("--origin", "bench", "--option=max_model_len=2048"),
        )
        self._manage("models", "deploy", MODEL)
        self.key = self._manage("shell", "-v", "0", "-c", PREPARE).split()[-1]
        self._variables["DOMICILE_MODEL"] = MODEL


def report() -> str:
    """Tokens per second and the time to the first, at each level."""
    if not models.PYTHON.exists():
        return "**vLLM**: not measured; `bin/bootstrap vllm` installs it.\n"
    rows: list[list[Cell]] = []
    with Served(detection=False) as stage:
        for callers in LEVELS:
            target = (f"127.0.0.1:{stage.port}", stage.key)
            first = _run(str(stage.upstream), "", callers)
            ours = _run(*target, callers)
            second = _run(str(stage.upstream), "", callers)
            direct = (first.rate() + second.rate()) / 2
            waited = sorted([*first.token, *second.token])
            rows.append([
                f"{callers} streams",
                direct * TOKENS,
                ours.rate() * TOKENS,
                ours.rate() / direct,
                quantile(waited, 0.5),
                quantile(ours.token, 0.5) - quantile(waited, 0.5),
            ])  # fmt: skip
    heads = ["", "direct tokens/s", "through tokens/s", "ratio", "first p50 ms", "added p50 ms"]
    title = (
        f"vLLM: answers of at most {TOKENS} tokens (aims: ratio ≥ {AIM_RATIO:g} at 8 and 32, "
        f"first token ≤ {AIM_FIRST:g} ms later)"
    )
    return table(title, heads, rows)


def _run(target: str, key: str, callers: int) -> Figures:
    asked = Task(target, MODEL, callers, SECONDS, TOKENS, 1, key, ramp=RAMP)
    figures = asyncio.run(measure(asked))
    if figures.failed:
        sys.exit(f"{figures.failed} requests of {callers} callers failed: {figures.errors}")
    return figures

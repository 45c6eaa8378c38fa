"""`python -m tests.bench [PART…]`: prints every figure beside a baseline of the same run.

Parts: start, hot, latency, streams, detection, policy, appends, evidence, proofs, vllm. Without
any: all, in this order.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench import decisions, detection
from tests.bench.callers import Figures, Task, measure, quantile
from tests.bench.stage import Stage
from tests.bench.starts import started
from tests.bench.table import Cell, table

HOT_TOKENS, HOT_SECONDS = 16, 6.0
PACED_TOKENS, PACED_RATE, PACED_SECONDS = 32, 32, 5.0
SETTLE = 2.0  # seconds until nothing is left of callers that warmed it up and went
STREAM_RATE, STREAM_SECONDS = 30, 6.0
AIM_WEB, AIM_TREE, AIM_GAP = 2.0, 6.0, 50.0  # ms, ms, ms

VARIANTS = (("without detection", False), ("with detection", True))


def task(stage: Stage, callers: int, seconds: float, tokens: int, rate: int) -> Task:
    """A load on the gateway, its first second left out so that everything is warm."""
    target, key = f"127.0.0.1:{stage.port}", stage.key
    return Task(target, stage.model, callers, seconds, tokens, rate, key, ramp=1.0)


def bare(stage: Stage, callers: int, seconds: float, tokens: int, rate: int) -> Task:
    """The same load on the bare upstream."""
    return Task(str(stage.upstream), stage.model, callers, seconds, tokens, rate, ramp=1.0)


def run(asked: Task) -> Figures:
    """Measure, and stop where the figures would mean nothing."""
    figures = asyncio.run(measure(asked))
    if figures.failed:
        sys.exit(
            f"{figures.failed} of {asked.callers} callers' requests failed: {figures.errors}"
        )
    return figures


def hot() -> str:
    """Requests per second and processor time, tokens sent as fast as they are taken."""
    rows: list[list[Cell]] = []
    for callers in (1, 64):
        for number, (name, checked) in enumerate(VARIANTS):
            with Stage(detection=checked) as stage:
                if number == 0:
                    base = run(bare(stage, callers, 3.0, HOT_TOKENS, 0))
                    rows.append([f"bare upstream, {callers} callers", base.rate()])
                run(task(stage, callers, 1.0, HOT_TOKENS, 0))
                time.sleep(SETTLE)
                before = stage.cpu()
                figures = run(task(stage, callers, HOT_SECONDS, HOT_TOKENS, 0))
                after = stage.cpu()
            spent = {role: (after[role] - before.get(role, 0)) * 1000 for role in after}
            tree = sum(ms for role, ms in spent.items() if role != "engine")
            parts = [
                spent.get(role, 0.0) / figures.answered
                for role in ("web", "detector", "worker", "broker", "notary")
            ]
            rows.append(
                [f"{name}, {callers} callers", figures.rate(), tree / figures.answered, *parts]
            )
    rows = [row + [None] * (8 - len(row)) for row in rows]
    heads = [
        "",
        "requests/s",
        "CPU ms/request",
        "web",
        "detector",
        "worker",
        "broker",
        "notary",
    ]
    title = (
        f"Hot path: a streamed answer of {HOT_TOKENS} tokens. CPU of the tree less the engine "
        f"(aim, without detection: ≤ {AIM_TREE:g} ms; web ≤ {AIM_WEB:g} ms)"
    )
    return table(title, heads, rows)


def latency() -> str:
    """What the appliance adds to an answer of one second."""
    rows: list[list[Cell]] = []
    levels = (1, 16, 64)
    bases: dict[int, Figures] = {}
    for name, checked in VARIANTS:
        with Stage(detection=checked) as stage:
            for callers in levels:
                shape = (callers, PACED_SECONDS, PACED_TOKENS, PACED_RATE)
                if callers not in bases:
                    bases[callers] = run(bare(stage, *shape))
                    base = bases[callers]
                    rows.append([f"bare upstream, {callers} callers", base.rate(),
                                 *_quantiles(base.first), *_quantiles(base.total)])  # fmt: skip
                figures, base = run(task(stage, *shape)), bases[callers]
                added = [
                    ours - theirs
                    for of in ("first", "total")
                    for ours, theirs in zip(
                        _quantiles(getattr(figures, of)),
                        _quantiles(getattr(base, of)),
                        strict=True,
                    )
                ]
                rows.append([f"added {name}, {callers} callers", figures.rate(), *added])
    heads = ["", "requests/s", "first p50 ms", "first p99 ms", "last p50 ms", "last p99 ms"]
    title = f"Latency: {PACED_TOKENS} tokens at {PACED_RATE}/s; to the first and the last byte"
    return table(title, heads, rows)


def _quantiles(values: list[float]) -> tuple[float, float]:
    return quantile(values, 0.5), quantile(values, 0.99)


def streams() -> str:
    """Gaps between the chunks of one stream while many are held."""
    rows: list[list[Cell]] = []
    with Stage(detection=False) as stage:
        for callers in (64, 128, 256):
            tokens = int(STREAM_RATE * (STREAM_SECONDS + 6))
            for name, make in (("bare upstream", bare), ("appliance", task)):
                asked = make(stage, callers, STREAM_SECONDS, tokens, STREAM_RATE)
                figures = run(asked)
                rows.append([
                    f"{name}, {callers} streams",
                    len(figures.gaps) / STREAM_SECONDS,
                    *_quantiles(figures.gaps),
                    quantile(figures.gaps, 0.999),
                ])  # fmt: skip
    heads = ["", "chunks/s", "gap p50 ms", "gap p99 ms", "gap p99.9 ms"]
    title = (
        f"Streams held at {STREAM_RATE} tokens/s each, that is a chunk every "
        f"{1000 / STREAM_RATE:.0f} ms (aim: 256 streams, gap p99 < {AIM_GAP:g} ms)"
    )
    return table(title, heads, rows)


def detected() -> str:
    """The detector beside stock Presidio."""
    rows: list[list[str | float]] = []
    for name, which in (("Domicile", "ours"), ("stock Presidio", "stock")):
        speed = detection.measured(which)
        rows.append([name, speed.texts, 1000 / speed.texts, speed.kilo_characters])
    heads = ["", "texts/s a core", "CPU ms/text", "thousand characters/s"]
    return table("Detection, English model, four texts of 44 to 180 characters", heads, rows)


def appended() -> str:
    """Durable appends beside a row-lock hash chain."""
    from tests.bench import appends  # noqa: PLC0415 - needs a database only when it runs

    return appends.report()


def exported() -> str:
    """Evidence of a hundred thousand events, and what its verifiers make of it."""
    from tests.bench import evidence  # noqa: PLC0415 - needs a database only when it runs

    return evidence.evidence(100_000, 10_000)


def proved() -> str:
    """What questions about a policy cost."""
    from tests.bench import proofs  # noqa: PLC0415 - brings the solver, which others do not need

    return proofs.proofs()


def served() -> str:
    """vLLM through the appliance beside the same vLLM asked directly."""
    from tests.bench import vllm  # noqa: PLC0415 - needs vLLM's environment only when it runs

    return vllm.report()


PARTS: dict[str, Callable[[], str]] = {
    "start": started,
    "hot": hot,
    "latency": latency,
    "streams": streams,
    "detection": detected,
    "policy": decisions.report,
    "appends": appended,
    "evidence": exported,
    "proofs": proved,
    "vllm": served,
}


def machine() -> str:
    """What the figures were measured on."""
    model = next(
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    today = dt.datetime.now(tz=dt.UTC).date()
    return f"{today}, {os.cpu_count()} cores, {model}, Python {platform.python_version()}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    asked = parser.parse_args(arguments).parts or list(PARTS)
    if unknown := set(asked) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    print(f"{machine()}\n", flush=True)  # noqa: T201 - what it is for
    for name in asked:
        print(PARTS[name](), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

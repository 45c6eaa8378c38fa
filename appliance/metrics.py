"""Figures for Prometheus, summed over the web processes.

With several web processes each writes to files of its own in PROMETHEUS_MULTIPROC_DIR, which
`up` empties at its start, and whichever process is asked adds them up; those of ended processes
the keeper has added up before (`appliance.services.figures`). What the data plane itself counts
is in `inference.api.measures`. What nodes say of themselves is told as the process that is
asked has heard it. No label names an application, a key or a person: `/metrics` is open to the
operator's network.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from appliance.services import figures
from compliance.vocabulary import Append, Event
from inference.inventory import Inventory
from inference.routing import Sign

P = ParamSpec("P")
FoundT = TypeVar("FoundT")
PLACE = ("node", "model")
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

DECISIONS = Counter("domicile_decisions", "Requests by what was decided on them.", ["effect"])
APPEND = Histogram(
    "domicile_append_seconds", "Until events were durable on the record.", buckets=SECONDS
)
DETECTION = Histogram(
    "domicile_detection_seconds", "Until a request's texts were checked.", buckets=SECONDS
)
UNRECORDED = Counter("domicile_append_failures", "Events that could not be made durable.")
UNDETECTED = Counter("domicile_detection_failures", "Requests whose texts were not checked.")
LOG_PAGES = Counter("domicile_log_pages", "Answers below /log/, by kind.", ["outcome"])
WRITING = Gauge(
    "domicile_record_queue_depth",
    "Events that wait to be made durable.",
    multiprocess_mode="livesum",
)


class Nodes(Collector):
    """What living nodes say of themselves; one that falls silent is no longer told of."""

    def __init__(self, signs: Callable[[], Mapping[str, Sign]] = dict) -> None:
        self._signs = signs

    def provide(self, signs: Callable[[], Mapping[str, Sign]]) -> None:
        """Where to ask, by `<node>/<model>`."""
        self._signs = signs

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """For the registry."""
        slots = GaugeMetricFamily(
            "domicile_node_slots", "Requests that a node answers at once.", labels=PLACE
        )
        requests = GaugeMetricFamily(
            "domicile_node_requests",
            "Requests at a node: running; those of them that wait in the engine; waiting.",
            labels=[*PLACE, "state"],
        )
        cache = GaugeMetricFamily(
            "domicile_node_kv_cache_ratio",
            "Share of the engine's KV cache in use, from 0 to 1.",
            labels=PLACE,
        )
        preempted = CounterMetricFamily(
            "domicile_node_preemptions",
            "Answers whose cache the engine threw away to go on with others.",
            labels=PLACE,
        )
        for name, sign in sorted(self._signs().items()):
            node, _, model = name.partition("/")
            place = [node, model]
            slots.add_metric(place, sign.capacity)
            requests.add_metric([*place, "running"], sign.running)
            requests.add_metric([*place, "waiting_in_engine"], sign.waiting_engine)
            requests.add_metric([*place, "waiting"], sign.waiting)
            if sign.cache is not None:
                cache.add_metric(place, sign.cache)
                preempted.add_metric(place, sign.preempted)
        yield from (slots, requests, cache, preempted)


class Machines(Collector):
    """What the GPUs of nodes are doing, as their inventories say; old ones are not told of."""

    def __init__(self, inventories: Callable[[], Mapping[str, Inventory]] = dict) -> None:
        self._inventories = inventories

    def provide(self, inventories: Callable[[], Mapping[str, Inventory]]) -> None:
        """Where to ask, by name of the node."""
        self._inventories = inventories

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """For the registry."""
        which = ["node", "gpu"]
        temperature = GaugeMetricFamily(
            "domicile_node_gpu_temperature_celsius", "Of the GPU's chip.", labels=which
        )
        memory = GaugeMetricFamily(
            "domicile_node_gpu_memory_bytes",
            "The GPU's memory: total, and used.",
            labels=[*which, "state"],
        )
        errors = GaugeMetricFamily(
            "domicile_node_gpu_memory_errors",
            "Errors of the GPU's memory, not corrected, since its driver was loaded.",
            labels=which,
        )
        for node, inventory in sorted(self._inventories().items()):
            for gpu in inventory.gpus:
                place = [node, gpu.uuid]
                memory.add_metric([*place, "total"], gpu.memory)
                memory.add_metric([*place, "used"], gpu.used)
                if gpu.temperature is not None:
                    temperature.add_metric(place, gpu.temperature)
                if gpu.errors is not None:
                    errors.add_metric(place, gpu.errors)
        yield from (temperature, memory, errors)


NODES = Nodes()
MACHINES = Machines()
_SAID = CollectorRegistry()
_SAID.register(NODES)
_SAID.register(MACHINES)


def measured_append(append: Append) -> Append:
    """`append`, timed; what the events say is counted once they are durable."""

    async def timed(events: Sequence[Event]) -> None:
        began = time.perf_counter()
        try:
            await append(events)
        except Exception:
            UNRECORDED.inc(len(events))
            raise
        APPEND.observe(time.perf_counter() - began)
        for event in events:
            _count(event.type, event.detail)

    return timed


def measured_scan(
    scan: Callable[P, Awaitable[FoundT]],
) -> Callable[P, Awaitable[FoundT]]:
    """`scan`, whatever it is given, timed."""

    async def timed(*given: P.args, **named: P.kwargs) -> FoundT:
        began = time.perf_counter()
        try:
            found = await scan(*given, **named)
        except Exception:
            UNDETECTED.inc()
            raise
        DETECTION.observe(time.perf_counter() - began)
        return found

    return timed


def _count(kind: str, detail: Mapping[str, Any]) -> None:
    if kind in ("request.admitted", "request.blocked", "request.held"):
        DECISIONS.labels(effect=detail["decision"]).inc()
    elif kind == "request.refused":
        DECISIONS.labels(effect="refuse").inc()


def exposition(gauges: Callable[[], None]) -> tuple[str, bytes]:
    """The content type and text of `/metrics`; `gauges` sets this process's gauges first."""
    gauges()
    folder = os.environ.get(FOLDER)
    said = generate_latest(_SAID)
    if not folder:
        return CONTENT_TYPE_LATEST, generate_latest(REGISTRY) + said
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    with figures.unchanged(Path(folder)):
        return CONTENT_TYPE_LATEST, generate_latest(registry) + said

"""What nodes say of themselves is shown to operators, and only while they say it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from appliance import metrics
from inference.routing import Sign
from tests.inference.test_inventory import H100, told


@pytest.fixture
def signs() -> Iterator[dict[str, Sign]]:
    said: dict[str, Sign] = {}
    metrics.NODES.provide(lambda: said)
    yield said
    metrics.NODES.provide(dict)


def shown() -> list[str]:
    text = metrics.exposition(lambda: None)[1].decode()
    return [line for line in text.splitlines() if line.startswith("domicile_node_")]


def test_a_node_is_shown_with_what_it_has_to_do_and_is_gone_with_it(signs):
    signs["gpu-1/m"] = Sign(
        healthy=True,
        capacity=256,
        running=40,
        waiting=9,
        waiting_engine=3,
        cache=0.875,
        preempted=2,
    )
    signs["cpu-1/m"] = Sign(healthy=True, capacity=4, running=0, waiting=0)
    assert set(shown()) >= {
        'domicile_node_slots{model="m",node="gpu-1"} 256.0',
        'domicile_node_requests{model="m",node="gpu-1",state="running"} 40.0',
        'domicile_node_requests{model="m",node="gpu-1",state="waiting"} 9.0',
        'domicile_node_requests{model="m",node="gpu-1",state="waiting_in_engine"} 3.0',
        'domicile_node_kv_cache_ratio{model="m",node="gpu-1"} 0.875',
        'domicile_node_preemptions_total{model="m",node="gpu-1"} 2.0',
        'domicile_node_requests{model="m",node="cpu-1",state="waiting"} 0.0',
    }
    assert not any("ratio" in line and "cpu-1" in line for line in shown()), "it has none"
    del signs["gpu-1/m"]
    assert not any("gpu-1" in line for line in shown())


def test_a_gpu_is_shown_with_its_memory_and_temperature_and_one_that_tells_none_without():
    cold = msgspec.structs.replace(H100, uuid="GPU-2", temperature=None, errors=None)
    metrics.MACHINES.provide(lambda: {"gpu-1": told(gpus=[H100, cold])})
    try:
        said = shown()
    finally:
        metrics.MACHINES.provide(dict)
    assert set(said) >= {
        'domicile_node_gpu_temperature_celsius{gpu="GPU-1",node="gpu-1"} 41.0',
        'domicile_node_gpu_memory_bytes{gpu="GPU-2",node="gpu-1",state="used"} 1e+06',
        'domicile_node_gpu_memory_errors{gpu="GPU-1",node="gpu-1"} 0.0',
    }
    assert not [line for line in said if "GPU-2" in line and "memory_bytes" not in line]
    assert not [line for line in shown() if "gpu-1" in line]

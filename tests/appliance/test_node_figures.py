"""What nodes say of themselves is shown to operators, and only while they say it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance import metrics
from inference.routing import Sign


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

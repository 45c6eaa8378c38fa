"""What a node says of its machine: believed over its signature, recorded when it changed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import redis as sync_redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit.catalogue import unknown
from compliance.models import Event
from inference import gpus, inventory, machine
from inference.inventories import Inventories, fresh
from inference.inventory import GPU, KEY, Inventory, InventoryRefused, kind, sign, verified
from inference.models import Machine, Node
from inference.registry import CATALOGUE
from tests.compliance.admin import stories
from tests.compliance.admin.stories import NODE_KEY
from tests.services.waiting import wait_until

PUBLIC = NODE_KEY.public_key().public_bytes_raw()
H100 = GPU(
    name="NVIDIA H100 80GB HBM3",
    uuid="GPU-1",
    memory=85_520_809_984,
    used=1_000_000,
    temperature=41,
    errors=0,
)


def told(**changes: Any) -> Inventory:
    fields: dict[str, Any] = {
        "node": "node-1",
        "site": "home",
        "time": time.time_ns() // 1000,
        "cpu": "A processor",
        "cores": 16,
        "memory": 2**37,
        "available": 2**36,
        "driver": "570.1",
        "cuda": "12.8",
        "gpus": [H100],
        "engines": {"vllm": "0.32.0"},
    }
    return Inventory(**fields | changes)


def refused(said: bytes, node: str = "node-1") -> str:
    with pytest.raises(InventoryRefused) as caught:
        verified(said, node, PUBLIC)
    return caught.value.reason


def test_only_what_the_node_itself_signed_is_believed():
    one = told()
    said = sign(one, NODE_KEY)
    assert verified(said, "node-1", PUBLIC) == one
    assert refused(sign(one, Ed25519PrivateKey.generate())) == "bad_signature"
    assert refused(said.replace(b"570.1", b"570.2")) == "bad_signature"
    assert refused(said, "node-2") == "bad_signature", "it is of another node"
    assert refused(b"\xff") == "malformed"
    assert refused(b" " * inventory.SAID_MAX + said) == "malformed"


def test_what_changes_by_the_minute_makes_no_other_machine():
    one = told()
    warmer = msgspec.structs.replace(H100, temperature=80, used=2**36, errors=3)
    assert kind(told(gpus=[warmer], available=0, time=1)) == kind(one)
    ill = msgspec.structs.replace(H100, problems=["rows could not be replaced"])
    for other in (
        told(driver="571"),
        told(gpus=[]),
        told(gpus=[ill]),
        told(engines={"vllm": "0.33.0"}),
        told(memory=2**36),
    ):
        assert kind(other) != kind(one)
    assert kind(told(gpus=[H100, ill])) == kind(told(gpus=[ill, H100])), "whichever is first"


@pytest.fixture
def broker(valkey):
    with sync_redis.Redis.from_url(
        valkey.url.replace("redis+socket://", "unix://", 1), socket_timeout=5
    ) as client:
        client.flushall()
        yield client


@pytest.fixture
def gateway(database, valkey):
    stories.machines()
    return Inventories(
        valkey.url, lambda: {node.name: bytes(node.public_key) for node in Node.objects.all()}
    )


def recorded() -> list[dict[str, Any]]:
    found = Event.objects.filter(type="node.inventory").order_by("id")
    return [json.loads(bytes(event.detail or b"")) for event in found]


def put(broker, one: Inventory, key: Ed25519PrivateKey = NODE_KEY) -> None:
    broker.set(KEY + "node-1", sign(one, key))


def quiet() -> None:
    """As if the newest event of the node were an hour old."""
    known = Machine.objects.get()
    known.recorded -= 3_600_000_000
    known.save()


def test_a_machine_is_recorded_once_and_again_when_it_is_another(gateway, broker, valkey):
    put(broker, told())
    gateway.look(broker)
    put(broker, told(gpus=[msgspec.structs.replace(H100, temperature=77)]))
    gateway.look(broker)
    Inventories(valkey.url, gateway._keys).look(broker)  # another process
    [detail] = recorded()
    assert (detail["node"], detail["driver"], detail["cpu"]) == (
        "node-1",
        "570.1",
        "A processor, 16 cores",
    )
    assert not unknown("node.inventory", detail)
    assert gateway.known()["node-1"].gpus[0].temperature == 77

    put(broker, told(driver="571"))
    gateway.look(broker)
    assert len(recorded()) == 1, "changes that come fast wait"
    quiet()
    gateway.look(broker)
    assert [one["driver"] for one in recorded()] == ["570.1", "571"]

    quiet()
    put(broker, told(time=1))  # played back
    gateway.look(broker)
    assert len(recorded()) == 2
    assert gateway.known() == {}, "nor is it shown as what is so now"


def test_what_a_node_did_not_sign_is_neither_recorded_nor_known(gateway, broker):
    put(broker, told(), Ed25519PrivateKey.generate())
    gateway.look(broker)
    put(broker, told(site="elsewhere"))
    gateway.look(broker)
    assert recorded() == []
    broker.set(KEY + "nobody", sign(told(node="nobody"), NODE_KEY))
    gateway.look(broker)
    assert "nobody" not in gateway.known()


def test_a_running_gateway_knows_it_until_it_is_old(gateway, broker):
    put(broker, told())
    gateway.start()
    try:
        wait_until(gateway.known, "it is known")
    finally:
        gateway.stop()
    assert not fresh(told(), time.time() + inventory.FRESH + 1)


def test_without_a_driver_there_are_no_gpus():
    assert gpus.look() == gpus.Seen(), "this test is for machines without NVIDIA's driver"


class NVMLError(Exception):
    """As the bindings raise."""


class LibraryNotFound(NVMLError):
    """On a machine where NVIDIA's driver is not installed."""


class NotSupported(NVMLError):
    """What a kind of GPU does not tell."""


def raising(error: type[NVMLError]) -> Callable[..., Any]:
    def ask(*_: object) -> Any:
        raise error

    return ask


lacking = raising(NVMLError)


def bindings(**other: Any) -> Any:
    """NVIDIA's bindings as they would answer on a machine with one GPU; no test has one."""
    answers: dict[str, Any] = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlSystemGetDriverVersion": lambda: "570.86.10",
        "nvmlSystemGetCudaDriverVersion_v2": lambda: 12080,
        "nvmlDeviceGetHandleByIndex": lambda number: number,
        "nvmlDeviceGetName": lambda _: "NVIDIA L4",
        "nvmlDeviceGetUUID": lambda _: "GPU-7",
        "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(total=24, used=5),
        "nvmlDeviceGetTemperature": lambda _handle, _sensor: 55,
        "nvmlDeviceGetTotalEccErrors": lambda *_: 2,
        "nvmlDeviceGetRemappedRows": lambda _: (0, 1, 1, 0),
        "nvmlDeviceGetRetiredPagesPendingStatus": lacking,
    }
    numbers = dict.fromkeys(
        ("NVML_MEMORY_ERROR_TYPE_UNCORRECTED", "NVML_VOLATILE_ECC", "NVML_TEMPERATURE_GPU"), 0
    )
    return SimpleNamespace(
        NVMLError=NVMLError,
        NVMLError_LibraryNotFound=LibraryNotFound,
        NVMLError_NotSupported=NotSupported,
        **numbers,
        **answers | other,
    )


def test_a_gpu_is_told_with_what_the_driver_says_and_without_what_it_does_not():
    seen = gpus.look(bindings())
    assert (seen.driver, seen.cuda) == ("570.86.10", "12.8")
    [gpu] = seen.gpus
    assert (gpu.name, gpu.memory, gpu.used, gpu.temperature, gpu.errors) == (
        "NVIDIA L4",
        24,
        5,
        55,
        2,
    )
    assert gpu.problems == ["rows of its memory are replaced once it is reset"]
    [poor] = gpus.look(
        bindings(nvmlDeviceGetTotalEccErrors=lacking, nvmlDeviceGetRemappedRows=lacking)
    ).gpus
    assert (poor.errors, poor.problems) == (None, [])


def test_a_gpu_that_fell_off_the_bus_hides_no_other():
    def handle(number: int) -> int:
        return number if number != 1 else lacking()

    given = {"nvmlDeviceGetCount": lambda: 3, "nvmlDeviceGetHandleByIndex": handle}
    seen = gpus.look(bindings(**given, nvmlDeviceGetUUID=lambda number: f"GPU-{number}"))
    assert [one.uuid for one in seen.gpus] == ["GPU-0", "GPU-2"]
    assert (seen.lost, seen.failed, seen.driver) == ((1,), True, "570.86.10")


def test_a_driver_that_does_not_answer_is_told_from_none():
    for name in ("nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetMemoryInfo"):
        seen = gpus.look(bindings(**{name: lacking}))
        assert (seen.failed, seen.gpus) == (True, ()), name
    assert gpus.look(bindings(nvmlInit=raising(LibraryNotFound))) == gpus.Seen()
    shares = gpus.look(bindings(nvmlDeviceGetMemoryInfo=raising(NotSupported)))
    assert (shares.gpus, shares.lost, shares.failed) == ((), (0,), False)


def test_the_machine_tells_its_processor_memory_and_the_engine_that_is_installed():
    total, available = machine.memory()
    assert 0 < available <= total
    assert machine.cores() > 0
    assert machine.cpu()
    assert machine.engines(Path("/nowhere/bin/python")).keys() == {"llamacpp"}


def test_models_are_told_with_their_state_or_why_they_cannot_be_served(tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / os.fsdecode(b"no\xffname")).mkdir()  # which no model can have
    states = {"absent": ("refused", "it is not there")}
    found = {one.name: one for one in machine.models(tmp_path, [], states)}  # type: ignore[arg-type]
    shipped = found["smollm2-135m-instruct"]
    assert (shipped.state, shipped.digest) == ("here", CATALOGUE[shipped.name].digest)
    assert (found["absent"].state, found["absent"].reason) == ("refused", "it is not there")
    assert found["broken"].state == "refused"
    assert "manifest.json cannot be read" in found["broken"].reason
    assert found.keys() == {"smollm2-135m-instruct", "absent", "broken"}

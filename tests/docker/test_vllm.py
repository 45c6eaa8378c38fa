"""What changes where a worker has vLLM, read from the project as Compose resolves it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from tests.docker.test_units import HARDENED, values
from tests.docker.tool import DOCKER, load

check = load("check")
GPUS = {"driver": "nvidia", "count": -1, "capabilities": ["gpu"]}
DROP_IN = DOCKER / "systemd" / "domicile-worker.service.d" / "vllm.conf.example"
SAME = (
    "command", "networks", "secrets", "volumes", "user", "read_only", "cap_drop",
    "security_opt", "tmpfs", "ulimits", "stop_grace_period",
)  # fmt: skip


def services(*files: str, **variables: str) -> Mapping[str, Any]:
    chosen = [part for file in files for part in ("-f", str(DOCKER / file))]
    resolved = subprocess.run(
        [check.compose_program(), *chosen, "config", "--format", "json"],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", **variables},
    )
    return dict(json.loads(resolved.stdout)["services"])


def test_the_worker_gets_gpus_and_another_image_and_nothing_else_changes():
    plain = services("compose.yaml")
    given = services("compose.yaml", "vllm/compose.yaml")
    assert {name for name in given if given[name] != plain.get(name)} == {"worker"}
    before, worker = plain["worker"], given["worker"]
    assert {name: worker[name] for name in SAME} == {name: before[name] for name in SAME}
    assert worker["deploy"]["resources"]["reservations"]["devices"] == [GPUS]
    assert worker["image"] == "domicile-vllm:0.1.0"
    assert worker["environment"] == before["environment"]


def test_the_image_has_the_locked_packages_and_no_key_no_model_and_no_root():
    lines = DOCKER.joinpath("vllm", "Dockerfile").read_text().splitlines()
    synced = [line for line in lines if "uv sync" in line]
    assert len(synced) == 2
    assert all("--frozen" in line for line in synced)
    assert "USER 10001:10001" in lines
    assert not [line for line in lines if line.startswith("COPY") and "keys" in line]


def test_a_unit_with_gpus_stays_as_closed_as_before_in_everything_else():
    changed = {line.split("=")[0] for line in DROP_IN.read_text().splitlines() if "=" in line}
    assert changed & HARDENED.keys() == {"PrivateDevices"}
    assert values(DROP_IN, "DevicePolicy") == ["closed"]
    assert all("nvidia" in word for word in values(DROP_IN, "DeviceAllow") if word != "rw")

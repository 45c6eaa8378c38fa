"""What the tests here share: models that are registered, and an appliance that serves one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.appliance import Appliance
from tests.services.waiting import wait_until
from tests.vllm import models

MODEL, ADAPTER = "smollm2", "smollm2:wild"
STARTED_WITHIN = 900.0  # s; a busy machine imports torch for minutes
LICENCE = Path(models.BASE / "LICENSE")
OPTIONS = ("tool_call_parser=hermes", "chat_template=chat_template.jinja")
ACCEPT = """
from inference import licences
from inference.models import Model
for model in Model.objects.select_related("base"):
    if {family!r} not in (model.name, model.base and model.base.name):
        licences.withdraw(model, "test", "One engine at a time.")
    elif model.licence_accepted is None:
        assert licences.accept(model, "test", model.licence_digest)
"""


GRANT = f"""
from compliance.models import Application
from inference.models import AdapterGrant, Model
adapter = Model.objects.get(name={ADAPTER!r})
AdapterGrant.objects.create(application=Application.objects.get(), adapter=adapter)
"""


@dataclass(frozen=True, slots=True)
class Served:
    """The appliance, and where the trace of whom it connects and sends to lies."""

    appliance: Appliance
    trace: Path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs vLLM."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.vllm)


def registered(
    data: Path, name: str, folder: Path, *more: str, base: str = "", task: str = "chat"
) -> None:
    """Set the appliance up if it is not, import a model, deploy it and accept its licence.

    It and its adapters are then the only ones that the node serves.
    """
    options = [f"--option={one}" for one in more]
    imported = ["--adapter-of", base] if base else ["--task", task, *options]
    for command in (
        ("setup",),
        ("models", "import", str(folder), "--name", name, "--licence", "Apache-2.0",
         "--licence-file", str(LICENCE), "--origin", "tests/of-domicile", *imported),
        ("models", "deploy", name),
        ("shell", "-c", ACCEPT.format(family=base or name)),
    ):  # fmt: skip
        managed(data, *command)


def running(data: Path, model: str) -> Iterator[Appliance]:
    """The body of a fixture: an appliance whose engine serves `model`."""
    appliance = Appliance(data, DOMICILE_MODEL=model)
    appliance.start(STARTED_WITHIN)
    try:
        yield appliance
    finally:
        appliance.stop()


def managed(data: Path, *command: str) -> None:
    """`manage.py` on the appliance's folder, while it does not run."""
    done = Appliance(data).manage(*command, timeout=STARTED_WITHIN)
    said = f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
    assert done.returncode == 0, f"{command[:2]}: {said}"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("vllm")
    data, trace = folder / "data", folder / "trace"
    registered(data, MODEL, models.smollm2(), *OPTIONS, "max_model_len=2048")
    registered(data, ADAPTER, models.adapter(), base=MODEL)
    managed(data, "shell", "-c", GRANT)
    assert shutil.which("strace"), "install strace; .ci/run does"
    watched = (
        *("strace", "-ff", "--seccomp-bpf", "-qq", "-s", "0"),  # no contents
        *("-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(trace)),
    )
    appliance = Appliance(
        data, prefix=watched, DOMICILE_MODEL=MODEL, DOMICILE_CANARY_INTERVAL="0"
    )
    appliance.start(STARTED_WITHIN)
    try:
        yield Served(appliance, trace)
    finally:
        appliance.stop()


@pytest.fixture
def served(started: Served) -> Served:
    """The appliance, ready. Whatever a test killed is up again before the next."""
    wait_until(started.appliance.ready, "the appliance is ready", STARTED_WITHIN)
    return started

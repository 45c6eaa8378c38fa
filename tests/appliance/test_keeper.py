"""The keeper, on small programs of the test's own."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from appliance import confinement
from appliance.services import keeper as keeping
from appliance.services.keeper import Keeper, Program, StartFailed
from appliance.services.worker import worker
from tests.services.waiting import PATIENCE, until, wait_until

SLEEPER = 'import time; print(\'{"event": "up"}\', flush=True); time.sleep(60)'
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPER
FAMILY = (
    "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time;"
    "time.sleep(60)']);" + SLEEPER
)
SOCKETS = (
    "import socket, sys, pathlib\n"
    "names = [line.split(':')[0].strip() for line in"
    " pathlib.Path('/proc/net/dev').read_text().splitlines()[2:]]\n"
    "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    "def goes(address):\n"
    "    try:\n"
    "        s.connect(address)\n"
    "    except OSError:\n"
    "        return False\n"
    "    return True\n"
    "print({'names': names, 'away': goes(('192.0.2.1', 9)), 'home': goes(('127.0.0.1', 9))})\n"
)
CONFINE = confinement.available()


def program(name, code, **options):
    return Program(name, [sys.executable, "-c", code], environment=dict(os.environ), **options)


@pytest.fixture
def folder(tmp_path):
    tmp_path.joinpath("logs").mkdir()
    return tmp_path


def keeper_of(folder, *programs):
    said: list[str] = []
    keeper = Keeper(
        [[one] for one in programs],
        logs=folder / "logs",
        state=folder / "keeper.json",
        say=said.append,
    )
    return keeper, said


def state(folder):
    return json.loads(folder.joinpath("keeper.json").read_text())["processes"]


async def test_a_killed_process_comes_back_and_the_others_never_notice(folder):
    keeper, _said = keeper_of(folder, program("one", SLEEPER), program("two", SLEEPER))
    await keeper.start(PATIENCE)
    before = state(folder)
    os.kill(before["one"]["pid"], signal.SIGKILL)
    await until(
        lambda: state(folder)["one"]["pid"] not in (None, before["one"]["pid"]), "it is back"
    )
    assert state(folder)["two"]["pid"] == before["two"]["pid"]
    assert state(folder)["one"]["restarts"] == 1
    await keeper.stop()
    assert not any(psutil.pid_exists(before[name]["pid"]) for name in before)


async def test_a_process_that_never_stays_up_is_said_to_fail(folder):
    keeper, _said = keeper_of(folder, program("broken", "raise SystemExit(3)"))
    never = Program("never", ["/bin/false"], environment={}, ready=_never)
    other, _ = keeper_of(folder, never)
    with pytest.raises(StartFailed, match=r"logs/never\.jsonl"):
        await other.start(20)
    await other.stop()
    await keeper.stop()


async def test_one_that_takes_long_to_fail_at_its_start_is_said_to_fail(folder, monkeypatch):
    monkeypatch.setattr(keeping, "SHORT_LIFE", 0.0)  # each life is longer
    monkeypatch.setattr(keeping, "LONGEST_PAUSE", 0.01)
    keeper, _said = keeper_of(
        folder, Program("slow", ["/bin/sh", "-c", "exit 3"], unready=frozenset({3}))
    )
    with suppress(StartFailed):  # it may fail before that sees it alive
        await keeper.start(PATIENCE)
    await until(keeper.failing, "it is said to fail")
    await keeper.stop()


async def test_a_worker_that_is_killed_leaves_no_socket_of_its_engine(folder):
    path = folder / "engine-abcdef.sock"
    path.touch()
    given = worker("worker", dict(os.environ), "no", listens=path)
    keeper, _said = keeper_of(folder, replace(given, command=["/bin/sleep", "60"]))
    await keeper.start(PATIENCE)
    os.kill(state(folder)["worker"]["pid"], signal.SIGKILL)
    await until(lambda: not path.exists(), "it is gone")
    await keeper.stop()


async def _never():
    return False


async def test_what_dies_takes_its_own_children_along(folder):
    keeper, _said = keeper_of(folder, program("family", FAMILY))
    await keeper.start(PATIENCE)
    pid = state(folder)["family"]["pid"]
    await until(lambda: psutil.Process(pid).children(), "it has a child")
    child = psutil.Process(pid).children()[0]
    os.kill(pid, signal.SIGKILL)

    def gone() -> bool:
        try:
            return child.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    await until(gone, "the child is gone")
    await keeper.stop()


async def test_the_last_started_is_stopped_first(folder):
    keeper, said = keeper_of(folder, program("first", SLEEPER), program("second", SLEEPER))
    await keeper.start(PATIENCE)
    await keeper.stop()
    ends = [line for line in said if line.endswith("stopped")]
    assert ends == ["  second: stopped", "  first: stopped"]


async def test_a_process_that_ignores_the_request_to_end_is_killed(folder):
    keeper, said = keeper_of(folder, program("stubborn", STUBBORN, drain=0.3))
    await keeper.start(PATIENCE)
    pid = state(folder)["stubborn"]["pid"]
    await until(
        lambda: b"up" in folder.joinpath("logs", "stubborn.jsonl").read_bytes(), "it is up"
    )
    await keeper.stop()
    assert not psutil.pid_exists(pid)
    assert any("killed" in line for line in said)


async def test_what_a_process_says_is_json_even_where_it_is_not(folder):
    code = "import sys; sys.stderr.write('plain \\x1b words\\n'); " + SLEEPER
    keeper, _said = keeper_of(folder, program("talker", code))
    await keeper.start(PATIENCE)
    log = folder / "logs" / "talker.jsonl"
    await until(lambda: len(log.read_bytes().splitlines()) == 2, "it has said both")
    await keeper.stop()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[0]["text"] == "plain   words"
    assert lines[1] == {"event": "up"}


@pytest.mark.skipif(CONFINE == "no", reason="this kernel allows no network namespace")
async def test_a_confined_process_has_a_loopback_and_no_way_out(folder):
    keeper, _said = keeper_of(folder, program("inside", SOCKETS + SLEEPER, confine=CONFINE))
    await keeper.start(PATIENCE)
    log = folder / "logs" / "inside.jsonl"
    await until(lambda: b"\n" in log.read_bytes(), "it has said a line")
    said = json.loads(log.read_text().splitlines()[0])["text"]
    assert said == str({"names": ["lo"], "away": False, "home": True})
    layers = confinement.of_process(state(folder)["inside"]["pid"])
    assert layers[0].holds
    assert not confinement.of_process(os.getpid())[0].holds
    await keeper.stop()


@pytest.mark.parametrize("confine", sorted({"no", CONFINE}))
def test_kill_9_of_the_keeper_leaves_nothing(folder, confine):
    script = f"""
import asyncio, os, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from appliance.services.keeper import Keeper, Program
code = {SLEEPER!r}
async def main():
    programs = [[Program(name, [sys.executable, "-c", code], environment=dict(os.environ),
                 confine={confine!r})] for name in ("one", "two")]
    folder = Path({str(folder)!r})
    keeper = Keeper(programs, logs=folder / "logs", state=folder / "keeper.json", say=print)
    await keeper.start(60)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    keeper = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL)
    try:
        found: dict[int, psutil.Process] = {}

        def both() -> bool:
            for process in psutil.Process(keeper.pid).children():
                with suppress(psutil.Error):
                    if SLEEPER in process.cmdline():
                        found[process.pid] = process
            return len(found) == 2

        wait_until(both, "both run")
    finally:
        keeper.kill()
        keeper.wait()
    _gone, alive = psutil.wait_procs(list(found.values()), timeout=PATIENCE)
    assert alive == []

"""What doctor says of the machine: Python, processes, their layers, the canary, copies."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from appliance import confinement, diagnosis, node_canary
from appliance.env import read
from appliance.services import child, first_request, node_state
from appliance.services.keeper import StartFailed
from appliance.services.node_state import Herald, WorkerState
from compliance.audit import ledger
from compliance.audit.checkpoint import origin_of
from compliance.audit.copies import Places
from compliance.audit.notary import Notary
from compliance.audit.ring import FileRing
from compliance.models import LogHead
from inference import canary_watch
from inference import confinement as layers
from inference.canary_watch import Closing, closing_file, newest_file
from tests.appliance.test_doctor import environment, findings
from tests.inference.test_canary import DEFAULT, PRIVATE, process
from tests.inference.test_canary_reports import report

__all__ = ["environment"]


@pytest.fixture
def machine(tmp_path):
    """A data folder in which nothing was set up."""
    found = read({"DOMICILE_DATA": str(tmp_path / "data")})
    for folder in (found.run, found.data / "state"):
        folder.mkdir(parents=True)
    return found


def test_another_python_than_the_supported_is_wrong(machine, monkeypatch):
    assert findings(diagnosis._python, machine)["python"].state == "ok"
    monkeypatch.setattr(diagnosis, "OLDEST", (3, 99))
    found = findings(diagnosis._python, machine)["python"]
    assert found.state == "wrong"
    assert "PYTHON=" in found.mend


def test_packages_older_than_their_list_are_told(machine, monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "BASE", tmp_path)
    stamp, lock = tmp_path / ".venv" / ".synced", tmp_path / "uv.lock"
    stamp.parent.mkdir()
    for path in (stamp, lock):
        path.touch()
    os.utime(lock, (1_000, 1_000))
    assert "packages" not in findings(diagnosis._python, machine)
    os.utime(stamp, (900, 900))
    assert findings(diagnosis._python, machine)["packages"].state == "warning"


def kept(machine, **processes) -> None:
    """As the running keeper, which is this process, would have written it."""
    content = {"pid": os.getpid(), "processes": processes}
    machine.run.joinpath("keeper.json").write_text(json.dumps(content))


def one(pid: int | None = 7, *, failing: bool = False, restarts: int = 0) -> dict[str, object]:
    return {"pid": pid, "failing": failing, "restarts": restarts}


def test_processes_that_do_not_stay_up_are_named(machine):
    assert findings(diagnosis._processes, machine)["processes"].state == "warning"
    kept(
        machine,
        web=one(failing=True),
        worker=one(None),
        notary=one(restarts=3),
        records=one(failing=True),
    )
    found = findings(diagnosis._processes, machine)
    states = {name.removeprefix("process "): finding.state for name, finding in found.items()}
    assert states == {"web": "wrong", "worker": "wrong", "notary": "ok", "records": "warning"}
    assert "web.jsonl" in found["process web"].mend
    assert "restarted 3 times" in found["process notary"].text


def test_the_workers_of_the_node_are_told_as_well(machine, monkeypatch, tmp_path):
    kept(machine, node=one())
    told = {
        "up": WorkerState(pid=7, restarts=2),
        "down": WorkerState(pid=None, failing=True),
        "spoilt": WorkerState(refused="its weights are others"),
        "large": WorkerState(waits="it waits for GPUs"),
    }
    node_state.write(machine.run, told)
    found = findings(diagnosis._processes, machine)
    assert found["process worker-up"].text == "runs as 7, restarted 2 times"
    assert found["process worker-down"].state == "wrong"
    assert "worker-down.jsonl" in found["process worker-down"].mend
    assert "its weights are others" in found["process worker-spoilt"].text
    assert "it waits for GPUs" in found["process worker-large"].text
    process(tmp_path, "lo")
    (tmp_path / "7" / "status").write_text("Name:\tworker\n")
    monkeypatch.setattr(layers, "PROC", tmp_path)
    assert set(findings(diagnosis._confinement, machine)) == {
        *("confinement of node", "confinement of worker-up"),
    }
    node_state.clear(machine.run)
    assert set(findings(diagnosis._processes, machine)) == {"process node"}


def test_up_says_once_what_became_of_a_worker_and_why_waiting_for_it_is_in_vain(machine):
    lines: list[str] = []
    herald = Herald(machine.run, lines.append)
    for state in (
        WorkerState(pid=7, said="started, process 7"),
        WorkerState(restarts=1, said="ended with code 3 after 0.1 s"),
        WorkerState(restarts=5, failing=True, said="ended with code 3 after 0.2 s"),
    ):
        assert node_state.trouble(machine.run, "small") == ""
        node_state.write(machine.run, {"small": state})
        herald.look()
        herald.look()
    words = "worker-small does not stay up: read logs/worker-small.jsonl"
    assert [words in line for line in lines] == [False, False, False, True]
    assert "logs/worker-small.jsonl" in node_state.trouble(machine.run, "small")
    assert node_state.trouble(machine.run, "other") == ""
    node_state.write(machine.run, {"small": WorkerState(refused="Its digest is another.")})
    herald.look()
    assert lines[-1] == "  small is not served: Its digest is another."
    node_state.write(machine.run, {"small": WorkerState(waits="It waits for GPUs.")})
    herald.look()
    assert lines[-1] == "  small is not started: It waits for GPUs."
    assert node_state.trouble(machine.run, "small") == "", "they may come free"
    node_state.write(machine.run, {"small": WorkerState(refused="Its digest is another.")})
    assert "Its digest is another. See logs" in node_state.trouble(machine.run, "small")


def test_a_process_with_a_way_out_is_told_and_one_without_is_not(
    machine, monkeypatch, tmp_path
):
    kept(machine, worker=one(), web=one(None))
    process(tmp_path / "open", "lo eth0", PRIVATE + DEFAULT)
    process(tmp_path / "shut", "lo")
    for folder in ("open", "shut"):
        (tmp_path / folder / "7" / "status").write_text("Name:\tworker\nSeccomp:\t2\n")
    monkeypatch.setattr(layers, "PROC", tmp_path / "open")
    found = findings(diagnosis._confinement, machine)
    assert set(found) == {"confinement of worker"}, "a process that is not there has no layers"
    assert found["confinement of worker"].state == "warning", "seccomp alone confines nothing"
    assert "a way out: 0.0.0.0/0 on eth0" in found["confinement of worker"].text
    monkeypatch.setattr(layers, "PROC", tmp_path / "shut")
    found = findings(diagnosis._confinement, machine)
    assert found["confinement of worker"].state == "ok"
    assert "only a loopback device" in found["confinement of worker"].text


def test_before_the_start_doctor_says_whether_processes_can_be_confined(machine, monkeypatch):
    possible = confinement.available() != "no"
    found = findings(diagnosis._confinement, machine)["confinement"]
    assert (found.state == "ok") is possible
    monkeypatch.setattr(child, "__file__", str(machine.data / "no-such-file"))
    found = findings(diagnosis._confinement, machine)["confinement"]
    assert found.state == "warning"
    assert "docker/" in found.mend


def signed(environment) -> Notary:
    places = Places(environment.data / "log", environment.checkpoints)
    ring = FileRing(environment.data / "keys")
    notary = Notary(places.log, ring, origin_of(environment.organisation, 1), places.outside)
    while notary.integrate_once():
        pass
    return notary


def test_a_checkpoint_without_a_copy_outside_is_told_and_a_database_older_than_one(environment):
    assert findings(diagnosis._checkpoints, environment) == {}, "nothing has been signed yet"
    signed(environment)
    found = findings(diagnosis._checkpoints, environment)["copies of checkpoints"]
    assert (found.state, found.text) == ("ok", str(environment.checkpoints))
    for path in environment.checkpoints.iterdir():
        path.unlink()
    found = findings(diagnosis._checkpoints, environment)["copies of checkpoints"]
    assert found.state == "warning"
    assert "DOMICILE_CHECKPOINTS" in found.mend
    held = ledger.current()  # and a checkpoint that reaches further than the database
    assert held.size > 1
    LogHead.objects.update(size=held.size - 1)
    found = findings(diagnosis._checkpoints, environment)["restored database"]
    assert found.state == "wrong"


def said(machine, **changes):
    state = machine.data / "state"
    newest_file(state, "node-1").write_bytes(msgspec.json.encode(report(**changes)))
    return findings(node_canary.said, machine)["canary"]


def test_doctor_says_what_the_canary_said(machine):
    assert findings(node_canary.said, machine) == {}
    found = said(machine)
    assert found.state == "ok"
    assert "only a loopback device" in found.text
    assert said(machine, verdict="unconfined", layers=(), tries=()).state == "warning"
    assert said(machine, verdict="escaped").state == "wrong"
    assert said(machine, time=1_000_000).state == "warning", "long ago"
    newest_file(machine.data / "state", "node-1").write_text("{")
    assert findings(node_canary.said, machine)["canary"].state == "warning"


def test_doctor_says_that_the_canary_is_switched_off(machine):
    off = dataclasses.replace(machine, canary_interval=0.0)
    found = said(off)
    assert found.state == "warning", "whatever an older report says"
    assert "switched off" in found.text


def test_doctor_says_that_the_node_closed_itself(machine):
    state = machine.data / "state"
    closing_file(state, "node-1").write_bytes(
        msgspec.json.encode(Closing(1_700_000_000_000_000, ("tcp 192.0.2.1:443",)))
    )
    found = findings(node_canary.said, machine)["canary"]
    assert found.state == "wrong"
    assert "tcp 192.0.2.1:443" in found.text
    assert "2023-11-14" in found.text


class NotReady(BaseHTTPRequestHandler):
    """An appliance whose `lacking` checks fail."""

    lacking: tuple[str, ...] = ()

    def do_GET(self) -> None:
        checks = dict.fromkeys(("broker", "nodes"), "ok") | dict.fromkeys(self.lacking, "no")
        content = json.dumps({"status": "not ready", "checks": checks}).encode()
        self.send_response(503)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def near():
    with HTTPServer(("127.0.0.1", 0), NotReady) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield ("127.0.0.1", server.server_port)
        server.shutdown()
        thread.join()


async def asked(near, within: float, why: str = "") -> tuple[bool, list[str]]:
    lines: list[str] = []
    found = await first_request.ready(near, within, str, lines.append, lambda: why)
    return found, lines


async def test_an_appliance_whose_only_node_closed_itself_starts_all_the_same(
    near, monkeypatch
):
    assert (await asked(near, 60))[0] is True
    monkeypatch.setattr(NotReady, "lacking", ("nodes",))
    found, lines = await asked(near, 60, "node-1 closed itself")
    assert found is False
    assert lines[-1] == "node-1 closed itself"


async def test_it_is_not_waited_for_less_where_something_else_is_lacking(near, monkeypatch):
    monkeypatch.setattr(NotReady, "lacking", ("nodes", "broker"))
    with pytest.raises(StartFailed):
        await asked(near, 0, "node-1 closed itself")
    monkeypatch.setattr(NotReady, "lacking", ("nodes",))
    with pytest.raises(StartFailed):
        await asked(near, 0)


def test_up_waits_for_no_node_where_this_machines_model_is_not_served(machine):
    from appliance.management.commands.up import unanswered  # noqa: PLC0415 - only here

    assert unanswered(machine, {machine.model: "1" * 64, "a-large-one": "2" * 64}) == ""
    assert "a-large-one may still be loading" in unanswered(machine, {"a-large-one": "2" * 64})
    assert "node-1 has nothing to serve" in unanswered(machine, {})


def test_up_says_why_nothing_is_answered(machine):
    from appliance.management.commands.up import closed_node  # noqa: PLC0415 - only here

    assert closed_node(machine) == ""
    state: Path = machine.data / "state"
    canary_watch.closing_file(state, "node-1").write_text("damaged")
    assert "node-1 closed itself" in closed_node(machine)

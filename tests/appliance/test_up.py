"""`manage.py up` as a newcomer meets it: real processes, on a folder and a port of its own."""

import hashlib
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import httpx
import openai
import psutil
import pytest

from compliance.audit.catalogue import unknown
from tests.services.appliance import BASE, Appliance, free_port, variables
from tests.services.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.appliance

SET_UP_ONCE = ("keys: creating", "database: creating", "model: checking", "first question")
PLANTED = "My name is Wilhelmina Featherstonehaugh, wilhelmina@example.org."


@pytest.fixture(scope="module")
def appliance(tmp_path_factory):
    with Appliance(tmp_path_factory.mktemp("up") / "data") as running:
        yield running


def using(data: Path) -> list[psutil.Process]:
    """Every process that has this data folder in its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DOMICILE_DATA") == str(data):
                found.append(process)
        except psutil.Error:
            continue
    return found


def up(data, port, **more):
    """`up` where it is expected to refuse: its exit code and what it said."""
    return subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=BASE,
        env=variables(data, port, more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def refusal(done) -> str:
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return str(lines[0])


# --- The first start ---


def test_the_printed_curl_line_works(appliance):
    line = next(
        line for line in appliance.output.read_text().splitlines() if line.startswith("curl ")
    )
    done = subprocess.run(
        [*shlex.split(line), "--silent", "--max-time", "60"], capture_output=True, check=True
    )
    answer = json.loads(done.stdout)
    assert answer["choices"][0]["message"]["content"]


def test_what_is_printed_once_is_in_a_file_for_its_owner_only(appliance):
    welcome = appliance.welcome
    assert set(welcome) == {
        *("base_url", "console_url", "admin", "password", "api_key", "model"),
    }
    assert appliance.welcome_file.stat().st_mode & 0o777 == 0o600
    printed = appliance.output.read_text()
    for name in ("console_url", "password", "api_key"):
        assert welcome[name] in printed


def test_the_operators_pages_answer_without_a_key(appliance):
    assert httpx.get(f"{appliance.url}/livez", timeout=PATIENCE).json() == {"status": "ok"}
    ready = httpx.get(f"{appliance.url}/readyz", timeout=PATIENCE).json()
    assert set(ready["checks"].values()) == {"ok"}
    assert set(ready["checks"]) == {
        *("configuration", "detection", "broker", "nodes", "record", "notary", "disk"),
    }
    figures = httpx.get(f"{appliance.url}/metrics", timeout=PATIENCE).text
    assert re.search(r'domicile_decisions_total\{effect="\w+"\} [1-9]', figures)
    assert re.search(r"domicile_append_seconds_count [1-9]", figures)
    for secret in ("password", "api_key"):
        assert appliance.welcome[secret] not in figures + json.dumps(ready)

    def node_shown() -> bool:
        text = httpx.get(f"{appliance.url}/metrics", timeout=PATIENCE).text
        return bool(re.search(r'domicile_node_slots\{[^}]*node="[^"]+"\} [1-9]', text))

    wait_until(node_shown, "whichever process is asked has heard the node")


def test_no_log_holds_a_prompt_or_an_answer(appliance):
    body = {
        "model": appliance.model,
        "messages": [{"role": "user", "content": PLANTED}],
        "max_tokens": 8,
    }
    headers = {"Authorization": f"Bearer {appliance.welcome['api_key']}"}
    path = "/v1/chat/completions?note=wilhelmina%40example.org"
    answer = httpx.post(f"{appliance.url}{path}", json=body, headers=headers, timeout=PATIENCE)
    assert answer.status_code == httpx.codes.OK
    httpx.post(
        f"{appliance.url}/v1/wilhelmina@example.org",
        json=body,
        headers=headers,
        timeout=PATIENCE,
    )
    httpx.get(
        f"{appliance.url}/console/wilhelmina@example.org?q=Featherstonehaugh", timeout=PATIENCE
    )
    httpx.post(
        f"{appliance.url}/v1/chat/completions",
        content=PLANTED,
        headers=headers,
        timeout=PATIENCE,
    )
    time.sleep(0.5)  # the keeper copies what the processes say
    for log in (appliance.data / "logs").iterdir():
        text = log.read_text()
        for word in ("Wilhelmina", "wilhelmina", "Featherstonehaugh"):
            assert word not in text, log.name
        for line in text.splitlines(keepends=True):
            assert not line.endswith("\n") or json.loads(line), log.name


def test_every_process_is_kept_from_every_network(appliance):
    from appliance import confinement  # noqa: PLC0415 - the fixture has the same name

    if confinement.available() == "no":
        pytest.skip("this kernel allows no network namespace")
    inside = ("broker", "notary", "node", "worker", "engine", "web", "detector", "records")
    for role in inside:
        found = appliance.processes(role)
        assert found, role
        for process in found:
            (layer, *_others) = confinement.of_process(process.pid)
            assert layer.text == confinement.ONLY_LOOPBACK, role


def test_the_node_proves_that_nothing_gets_out_of_where_it_answers(appliance):
    from appliance import confinement  # noqa: PLC0415 - the fixture has the same name

    if confinement.available() == "no":
        pytest.skip("this kernel allows no network namespace")
    proven = "SELECT name FROM inference_node WHERE attested IS NOT NULL AND closed IS NULL"
    wait_until(lambda: asked(appliance, proven) == [("node-1",)], "the proof")
    said = "SELECT detail FROM compliance_event WHERE type = 'canary.confined'"
    [(detail,)] = asked(appliance, said)
    assert json.loads(detail)["layers"] == ["devices"]
    assert "none got out" in appliance.manage("doctor").stdout


def test_doctor_finds_nothing_wrong(appliance):
    done = appliance.manage("doctor")
    assert done.returncode == 0, done.stdout
    assert "0 wrong" in done.stdout
    for secret in ("password", "api_key"):
        assert appliance.welcome[secret] not in done.stdout + done.stderr


def test_the_logs_key_is_rotated_without_a_stop(appliance):
    def served(name):
        return httpx.get(f"{appliance.url}/log/{name}", timeout=PATIENCE).text

    before = served("verifier-key")
    done = appliance.manage("keys", "rotate", "log", "--reason", "Once a year.")
    assert done.returncode == 0, done.stderr
    after = served("verifier-key")
    assert after != before
    assert served("rotations").split(" ")[2:4] == [before.strip(), after.strip()]
    assert served("bridge-1").count("\n— ") >= 2
    assert not list(appliance.data.joinpath("keys").glob("log.ed25519.*"))
    assert appliance.manage("doctor").returncode == 0
    appliance.verify_log()


def test_a_second_appliance_on_the_same_folder_is_refused(appliance):
    said = refusal(up(appliance.data, free_port()))
    assert "Another Domicile" in said
    wait_until(appliance.ready, "the first one is ready still")


def test_a_taken_port_is_refused_in_one_sentence(appliance, tmp_path):
    said = refusal(up(tmp_path / "data", appliance.port))
    assert f"Port {appliance.port} of 127.0.0.1 is taken" in said
    assert f"DOMICILE_PORT={appliance.port + 1}" in said


# --- Faults ---


def test_readyz_says_which_part_is_away(appliance):
    def missed() -> bool:
        answer = httpx.get(f"{appliance.url}/readyz", timeout=PATIENCE)
        away = bool(answer.json()["checks"]["broker"] != "ok")
        assert answer.is_server_error or not away
        return away

    broker = appliance.processes("broker")[0]
    broker.suspend()
    try:
        wait_until(missed, "not ready without a broker")
        assert (
            httpx.get(f"{appliance.url}/livez", timeout=PATIENCE).status_code == httpx.codes.OK
        )
    finally:
        broker.resume()
    wait_until(appliance.ready, "ready again")


@pytest.mark.parametrize("role", ["web", "node", "notary", "broker"])
def test_a_killed_process_comes_back_and_the_appliance_answers(appliance, role):
    below = appliance.processes("worker") if role == "node" else []
    before = appliance.kill(role)
    _gone, alive = psutil.wait_procs(below, timeout=PATIENCE)
    assert alive == [], "what it kept has ended with it"
    wait_until(
        lambda: [p.pid for p in appliance.processes(role)] not in ([], [before]),
        f"another {role}",
    )
    client = appliance.client(max_retries=0)

    def answered():
        try:  # a dead node counts as alive for up to 5 s, so one good sign is not enough
            answer = client.chat.completions.create(
                model=appliance.model,
                messages=[{"role": "user", "content": "Hello."}],
                max_tokens=4,
            )
        except openai.APIError:
            return False
        return answer.choices[0].finish_reason in ("length", "stop")

    wait_until(answered, "an answer again", every=0.5)


# --- Backup, restart, end; in this order, last in this module ---


def asked(appliance, statement):
    """What the appliance's database answers to somebody who goes past the appliance."""
    with closing(sqlite3.connect(appliance.data / "db.sqlite3", timeout=PATIENCE)) as database:
        rows = database.execute(statement).fetchall()
        database.commit()
    return rows


@pytest.fixture(scope="module")
def backup(tmp_path_factory):
    """Where the first of these tests puts a backup, for the second."""
    return tmp_path_factory.mktemp("backup") / "backup.tar"


def test_a_backup_of_the_running_appliance_restores_to_one_that_verifies(
    appliance, backup, tmp_path
):
    archive = backup
    done = appliance.manage("backup", str(archive), "--with-keys")
    assert done.returncode == 0, done.stderr
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert digest in done.stdout
    (made,) = appliance.events(type="backup.made")
    assert (made.detail["sha256"], made.detail["keys"]) == (digest, True)
    again = Appliance(tmp_path / "again")
    restored = again.manage("restore", str(archive))
    assert restored.returncode == 0, restored.stderr
    verified = again.manage("audit", "verify")
    assert verified.returncode == 0, verified.stdout
    kinds = [event.type for event in again.events()]
    assert "backup.restored" in kinds
    assert "backup.started" in kinds
    assert "backup.made" not in kinds, "it did not say so before it was"
    refused = again.manage("restore", str(archive))
    assert refused.returncode == 1
    assert "not empty" in refused.stderr


def test_an_older_backup_is_not_continued_until_the_operator_says_so(
    appliance, backup, tmp_path
):
    kept = tmp_path / "kept"
    [(events,)] = asked(appliance, "SELECT COUNT(*) FROM compliance_event")

    def covered():  # more than the backup holds: `backup.made` at least
        served = httpx.get(f"{appliance.url}/log/checkpoint", timeout=PATIENCE)
        kept.write_bytes(served.content)
        return int(served.text.split("\n")[1]) >= events

    wait_until(covered, "what came after the backup is signed")
    again = Appliance(tmp_path / "again")
    restored = again.manage("restore", str(backup), "--checkpoint", str(kept))
    assert restored.returncode == 0, restored.stderr
    assert "audit resume --after-restore" in restored.stdout
    refused = again.manage("notary")
    assert refused.returncode == 3
    assert "audit resume --after-restore" in refused.stderr
    refused = again.manage("up")
    assert refused.returncode == 1
    assert "audit resume --after-restore" in refused.stderr
    assert using(again.data) == []
    reason = "A test of the backup."
    resumed = again.manage("audit", "resume", "--after-restore", "--reason", reason, "--yes")
    assert resumed.returncode == 0, resumed.stdout
    (said,) = again.events(type="log.resumed")
    assert said.detail["reason"] == reason
    assert said.detail["lost_end"] == int(kept.read_text().split("\n")[1])
    verified = again.manage("audit", "verify")
    assert verified.returncode == 0, verified.stdout
    assert "of generation 1 were lost" in verified.stdout


def test_ctrl_c_stops_in_order(appliance):
    before = len(appliance.output.read_text())
    process = appliance.process
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
    order = [
        line.split(":")[0].strip()
        for line in appliance.output.read_text()[before:].splitlines()
        if line.endswith(": stopped")
    ]
    assert order == ["records", "web-1", "node", "notary", "broker"]
    assert using(appliance.data) == []


def test_a_second_start_does_no_part_of_the_set_up_again_and_shows_no_credentials(appliance):
    welcome, first = appliance.welcome, appliance.output.read_text()
    assert [words for words in SET_UP_ONCE if words not in first] == []
    assert using(appliance.data) == []
    appliance.output.write_text("")
    appliance.start()
    wait_until(lambda: "up after" in appliance.output.read_text(), "the last line")
    printed = appliance.output.read_text()
    assert welcome["password"] not in printed
    assert welcome["api_key"] not in printed
    assert appliance.welcome == welcome
    assert [words for words in SET_UP_ONCE if words in printed] == []


def test_starts_are_on_the_record_once_and_raise_no_alarm(appliance):
    """Set up, started twice and used by now: what differs from start to start is the engine."""
    count = "SELECT type, COUNT(*) FROM compliance_event GROUP BY type"
    wait_until(lambda: dict(asked(appliance, count)).get("engine.started", 0) > 1, "both")
    found = dict(asked(appliance, count))
    assert found["configuration.loaded"] == 2  # web and notary, each once
    assert found["roles.set"] == 1
    assert "change.unrecorded" not in found
    assert "statement.refused" not in found
    assert asked(appliance, "SELECT words FROM compliance_alarm") == []
    events = asked(appliance, "SELECT type, detail FROM compliance_event")
    assert [
        stranger for kind, said in events for stranger in unknown(kind, json.loads(said))
    ] == []


def test_a_raw_write_to_a_running_appliance_is_on_the_record_within_seconds(appliance):
    asked(appliance, "UPDATE compliance_application SET owner = 'somebody else'")
    words = "SELECT words FROM compliance_alarm WHERE kind = 'change.unrecorded'"
    wait_until(lambda: asked(appliance, words), "the alarm")
    [(text,)] = asked(appliance, words)
    assert "UPDATE of compliance_application" in text
    assert "owner" in text


def test_kill_9_of_the_keeper_leaves_no_process_behind(appliance):
    family = appliance.family()
    assert len(family) >= 7  # keeper, broker, notary, node, worker, engine, web, detector
    appliance.process.kill()
    appliance.process.wait()
    _gone, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert alive == []
    assert using(appliance.data) == []


def test_kill_9_of_make_leaves_no_process_behind(appliance):
    if not BASE.joinpath(".venv", "bin", "python").exists():
        pytest.skip("the environment is not in .venv")
    make = subprocess.Popen(
        ["make", "--silent", "up"],
        cwd=BASE,
        env=appliance.variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(appliance.ready, "ready below make")
        family = psutil.Process(make.pid).children(recursive=True)
        assert len(family) >= 6
    finally:
        make.kill()
        make.wait()
    _gone, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert alive == []
    assert using(appliance.data) == []


# --- Without starting anything ---


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    tmp_path.joinpath("file").write_text("")
    assert "DOMICILE_DATA" in refusal(up(tmp_path / "file" / "data", free_port()))


def test_a_wrong_setting_is_a_sentence(tmp_path):
    done = up(tmp_path / "data", free_port(), DOMICILE_COUNTRY="Germany")
    assert done.returncode == 2
    assert done.stderr.startswith("DOMICILE_COUNTRY must be")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_refused(tmp_path):
    tmp_path.joinpath("data").mkdir(mode=0o500)
    assert "cannot be used" in refusal(up(tmp_path / "data", free_port()))

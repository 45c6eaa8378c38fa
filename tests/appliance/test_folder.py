import json
import os
import subprocess
import sys

import pytest

from appliance.env import read
from appliance.node import hold
from appliance.services.folder import FolderRefused, claim, facts, note

HOLDER = """
import sys, time
from pathlib import Path
from appliance.services.folder import claim
hold = claim(Path(sys.argv[1]), Path(sys.argv[1]) / "run")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_an_empty_folder_becomes_a_private_data_folder(tmp_path):
    data = tmp_path / "data"
    claim(data, data / "run").release()
    assert facts(data)["layout"] == 1
    assert data.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in data.iterdir()} >= {"keys", "log", "logs", "run"}


def test_one_data_folder_is_for_one_appliance(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            with pytest.raises(FolderRefused, match=f"process {other.pid}"):
                claim(tmp_path / "data", tmp_path / "data" / "run")
        finally:
            other.kill()
    claim(tmp_path / "data", tmp_path / "data" / "run").release()


def test_somebody_elses_folder_is_left_alone(tmp_path):
    tmp_path.joinpath("thesis.odt").write_text("my only copy")
    with pytest.raises(FolderRefused, match=r"thesis\.odt"):
        claim(tmp_path, tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_keys_without_a_layout_are_not_taken_for_a_new_folder(tmp_path):
    tmp_path.joinpath("keys").mkdir()
    tmp_path.joinpath("keys", "log.ed25519").write_text("0" * 64)
    with pytest.raises(FolderRefused, match=r"keys/log\.ed25519"):
        claim(tmp_path, tmp_path / "run")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"layout": 2}', "layout 2"),
        ('{"layout"', "cannot be read"),
        ("[]", "layout None"),
        ("", "cannot be read"),
    ],
)
def test_another_layout_is_refused_and_named(tmp_path, content, said):
    tmp_path.joinpath("layout.json").write_text(content)
    with pytest.raises(FolderRefused, match=said):
        claim(tmp_path, tmp_path / "run")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    tmp_path.joinpath("data").write_text("")
    with pytest.raises(FolderRefused, match="DOMICILE_DATA"):
        claim(tmp_path / "data", tmp_path / "run")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_socket_folder_of_another_user_is_refused(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    os.chown(run, 65534, 65534)
    with pytest.raises(FolderRefused, match="another user"):
        claim(tmp_path / "data", run)


def test_a_link_in_the_place_of_the_socket_folder_is_refused(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    tmp_path.joinpath("run").symlink_to(elsewhere)
    with pytest.raises(FolderRefused, match="another user"):
        claim(tmp_path / "data", tmp_path / "run")


def test_a_node_refuses_such_a_socket_folder_too_and_opens_its_own_to_nobody(tmp_path):
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run.symlink_to(elsewhere)
    environment = read({"DOMICILE_DATA": str(tmp_path / "data"), "DOMICILE_RUN": str(run)})
    with pytest.raises(FolderRefused, match="another user"):
        hold(environment)
    assert list(elsewhere.iterdir()) == []
    run.unlink()
    run.mkdir(mode=0o755)
    os.close(hold(environment))
    assert run.stat().st_mode & 0o777 == 0o700


def test_facts_are_changed_one_by_one(tmp_path):
    claim(tmp_path, tmp_path / "run").release()
    note(tmp_path, set_up="then")
    assert json.loads(tmp_path.joinpath("layout.json").read_bytes())["set_up"] == "then"
    assert facts(tmp_path)["answered"] is None

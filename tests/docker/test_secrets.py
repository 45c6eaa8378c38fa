"""docker/secrets.sh, and what a real broker makes of the access list it writes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from appliance.env import read
from appliance.services import broker
from tests.docker.tool import DOCKER
from tests.services.valkey import leash


def make(folder: Path) -> Path:
    subprocess.run(["sh", "secrets.sh", "example.org"], cwd=folder, check=True)
    return folder / "secrets"


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docker")
    shutil.copy(DOCKER / "secrets.sh", folder)
    return make(folder)


@pytest.fixture(scope="module")
def guarded(secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The broker of the containers, on a Unix socket."""
    run = tmp_path_factory.mktemp("b")
    socket, settings = run / broker.SOCKET, run / "valkey.conf"
    ours = (DOCKER / "broker" / "valkey.conf").read_text()
    here = {"dir /data": f"dir {run}", "/run/secrets/": f"{secrets}/", "port 6379": "port 0"}
    for there, place in here.items():
        assert there in ours
        ours = ours.replace(there, place)
    settings.write_text(f"{ours}unixsocket {socket}\n")
    process = subprocess.Popen(
        [str(broker.program()), str(settings)],
        stdout=subprocess.DEVNULL,
        preexec_fn=leash(),  # noqa: PLW1509 - a system call, bound before the fork
    )
    client = redis.Redis(unix_socket_path=str(socket))
    for _ in range(200):
        try:
            client.ping()
        except redis.AuthenticationError:
            break
        except redis.ConnectionError:
            subprocess.run(["sleep", "0.02"], check=True)
    client.close()
    yield socket
    process.kill()
    process.wait()


def client(socket: Path, secrets: Path, user: str) -> redis.Redis:
    password = (secrets / f"broker_password_{user}").read_text().strip()
    return redis.Redis(unix_socket_path=str(socket), username=user, password=password)


def test_the_folder_is_closed_and_its_files_can_be_read_by_containers(secrets: Path) -> None:
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in secrets.iterdir()} == {0o444}


def test_making_secrets_again_changes_none(secrets: Path) -> None:
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    make(secrets.parent)
    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == before


def test_every_secret_that_compose_names_is_made(secrets: Path) -> None:
    text = (DOCKER / "compose.yaml").read_text()
    named = {
        line.split("./secrets/")[1].rstrip("} \n")
        for line in text.splitlines()
        if "./secrets/" in line
    }
    assert named <= {path.name for path in secrets.iterdir()}


def test_the_addresses_are_read_by_the_appliance_from_files(secrets: Path) -> None:
    found = read(
        {
            "DOMICILE_DATABASE_URL_FILE": str(secrets / "database_url_web"),
            "DOMICILE_BROKER_URL_FILE": str(secrets / "broker_url_gateway"),
        }
    )
    assert found.database_url.startswith("postgresql://domicile_web:")
    assert found.broker_url.startswith("redis://gateway:")
    assert "\n" not in found.database_url + found.broker_url


def test_a_broker_with_our_settings_refuses_who_has_no_name(guarded: Path) -> None:
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(unix_socket_path=str(guarded)).get("x")


def test_the_health_check_can_ping_and_nothing_more(guarded: Path, secrets: Path) -> None:
    health = client(guarded, secrets, "health")
    assert health.ping()
    with pytest.raises(redis.exceptions.NoPermissionError):
        health.get("node:node-1")


@pytest.mark.parametrize("user", ["gateway", "worker"])
def test_neither_gateway_nor_worker_can_rule_the_broker(
    guarded: Path, secrets: Path, user: str
) -> None:
    ours = client(guarded, secrets, user)
    ours.xadd("reply:test", {"f": b"x"})
    for forbidden in (
        ours.flushall,
        ours.acl_list,
        lambda: ours.config_set("save", "1 1"),
        lambda: ours.keys("*"),
        ours.save,
        ours.shutdown,
    ):
        with pytest.raises(redis.exceptions.NoPermissionError):
            forbidden()

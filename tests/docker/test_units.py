"""What each unit may reach, as far as it can be read without systemd."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.docker.tool import DOCKER

UNITS = sorted((DOCKER / "systemd").glob("*.service"))
VAULT = "/var/lib/domicile-vault"


def values(unit: Path, name: str) -> list[str]:
    """Everything that the unit gives for `name`, in words."""
    lines = (line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line)
    return [word for key, value in lines if key == name for word in value.split()]


def test_the_vault_is_open_to_who_keeps_content_and_who_erases_it_and_to_nobody_else() -> None:
    bound = {unit.name for unit in UNITS if f"{VAULT}:" in unit.read_text()}
    assert bound == {"domicile-web@.service", "domicile-records.service"}
    for unit in UNITS:
        (data,) = (
            word.removeprefix("DOMICILE_DATA=")
            for word in values(unit, "Environment")
            if word.startswith("DOMICILE_DATA=")
        )
        within = unit.name in bound
        assert (f"{VAULT}:{data}/vault" in values(unit, "BindPaths")) is within, unit.name
        groups = values(unit, "SupplementaryGroups")
        assert ("domicile-vault" in groups) is within, unit.name


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_each_unit_has_a_user_of_its_own(unit: Path) -> None:
    others = [values(one, "User") for one in UNITS if one != unit]
    assert values(unit, "User") not in others


HARDENED = {
    "IPAddressDeny": ["any"],
    "IPAddressAllow": ["localhost"],
    "NoNewPrivileges": ["yes"],
    "CapabilityBoundingSet": [],
    "AmbientCapabilities": [],
    "ProtectSystem": ["strict"],
    "ProtectHome": ["yes"],
    "ProtectProc": ["invisible"],
    "ProtectKernelTunables": ["yes"],
    "ProtectControlGroups": ["yes"],
    "PrivateTmp": ["yes"],
    "PrivateDevices": ["yes"],
    "RestrictNamespaces": ["yes"],
    "RestrictSUIDSGID": ["yes"],
    "StateDirectoryMode": ["0700"],
    "RuntimeDirectoryMode": ["0700"],
    "SystemCallFilter": ["@system-service", "~@privileged"],
    "LimitCORE": ["0"],  # a core file would hold prompts
    "KillMode": ["mixed"],
    "Restart": ["on-failure"],
}
SECRETS = {
    "domicile-web@.service": {"database_url_web", "broker_url_gateway"},
    "domicile-notary.service": {"database_url_notary"},
    "domicile-records.service": {"database_url_records", "broker_url_records"},
    "domicile-worker.service": {"broker_url_worker"},
}
MAY_WRITE = {
    "domicile-web@.service": {"vault"},
    "domicile-notary.service": {"log"},
    "domicile-records.service": {"vault", "exports"},
    "domicile-worker.service": set(),
}
MAY_READ = {
    "domicile-web@.service": {"log", "exports"},
    "domicile-notary.service": set(),
    "domicile-records.service": {"log"},
    "domicile-worker.service": set(),
}
SERVICES = {
    "domicile-web@.service": "web",
    "domicile-notary.service": "notary",
    "domicile-records.service": "records",
    "domicile-worker.service": "worker",
}


def names(unit: Path) -> set[str]:
    """Every setting that the unit has, with or without a value."""
    return {line.split("=", 1)[0] for line in unit.read_text().splitlines() if "=" in line}


def folders(unit: Path, name: str) -> set[str]:
    """Which folders of /var/lib the unit binds into its data folder, and by their own names."""
    found = set()
    for bound in values(unit, name):
        source, target = bound.removeprefix("-").split(":")
        folder = source.removeprefix("/var/lib/domicile-")
        assert target.rpartition("/")[2] == folder, bound
        found.add(folder)
    return found


def environment(unit: Path) -> dict[str, str]:
    """The variables that the unit itself sets."""
    given = (word.partition("=") for word in values(unit, "Environment"))
    return {name: value for name, _, value in given}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_each_unit_is_kept_from_the_network_and_from_rights_that_it_does_not_need(
    unit: Path,
) -> None:
    assert set(HARDENED) <= names(unit)
    assert {name: values(unit, name) for name in HARDENED} == HARDENED
    assert values(unit, "UMask") in (["0027"], ["0077"])
    assert not set(values(unit, "RestrictAddressFamilies")) - {"AF_UNIX", "AF_INET", "AF_INET6"}
    assert "AF_UNIX" in values(unit, "RestrictAddressFamilies")


def test_each_unit_gets_its_own_secrets_as_credentials_and_none_in_its_environment() -> None:
    assert {unit.name for unit in UNITS} == set(SECRETS)
    for unit in UNITS:
        loaded = dict(one.split(":") for one in values(unit, "LoadCredential"))
        paths = {Path(path) for path in loaded.values()}
        assert {path.name for path in paths} == SECRETS[unit.name]
        assert {str(path.parent) for path in paths} == {"/etc/domicile/secrets"}
        given = environment(unit)
        assert not [name for name in given if name.endswith(("_URL", "PASSWORD", "PIN"))]
        files = {value for name, value in given.items() if name.endswith("_FILE")}
        assert files == {f"%d/{name}" for name in loaded}, unit.name


def test_the_log_is_written_by_the_notary_alone_and_exports_by_records_alone() -> None:
    for unit in UNITS:
        assert folders(unit, "BindPaths") == MAY_WRITE[unit.name], unit.name
        assert folders(unit, "BindReadOnlyPaths") == MAY_READ[unit.name], unit.name
        readers = MAY_READ[unit.name] | MAY_WRITE[unit.name]
        groups = values(unit, "Group") + values(unit, "SupplementaryGroups")
        assert ("domicile-log" in groups) is ("log" in readers), unit.name


def test_copies_of_checkpoints_lie_where_no_restore_of_log_or_database_reaches() -> None:
    (notary,) = (unit for unit in UNITS if unit.name == "domicile-notary.service")
    given = environment(notary)
    copies, data = Path(given["DOMICILE_CHECKPOINTS"]), Path(given["DOMICILE_DATA"])
    assert data in copies.parents
    assert data / "log" not in (copies, *copies.parents)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_each_unit_runs_what_the_container_of_its_role_runs(unit: Path) -> None:
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    program, *arguments = services[SERVICES[unit.name]]["command"]
    started = values(unit, "ExecStart")
    assert started == [f"/opt/domicile/.venv/bin/{program}", *arguments]
    user = values(unit, "User")[0]
    assert environment(unit)["DOMICILE_DATA"] == f"/var/lib/{user}"
    assert values(unit, "StateDirectory") == [user]
    grace = int(services[SERVICES[unit.name]]["stop_grace_period"].removesuffix("s"))
    assert values(unit, "TimeoutStopSec") == [str(grace)]

"""What each unit may reach, as far as it can be read without systemd."""

from __future__ import annotations

from pathlib import Path

import pytest

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

"""Each role gets the keys it needs and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from compliance.audit.keys import create_key, read_key
from tests.docker.tool import load

roles = load("roles")
PRIVATE = (
    "django-secret",
    "subject-index",
    "gateway.ed25519",
    "witness.ed25519",
    "log.ed25519",
    "log.mldsa44",
)
PAPER = ("paper.p256", "paper.crt")
SITE = ("site-home.x25519", "node-node-1.ed25519")


@pytest.fixture
def master(tmp_path: Path) -> Path:
    folder = tmp_path / "master"
    for name in (*PRIVATE, *SITE, "paper.p256"):
        create_key(folder / "keys" / name)
    (folder / "keys" / "paper.crt").write_text("a certificate\n")
    (folder / "keys" / "gateway.pub").write_text("00" * 32 + "\n")
    return folder


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("gateway", {*PAPER, *PRIVATE} - {"log.ed25519", "log.mldsa44"}),
        ("notary", {"log.ed25519", "log.mldsa44"}),
        ("records", {*PAPER, "log.ed25519", "subject-index"}),
        ("worker", {"gateway.pub", *SITE}),
    ],
)
def test_a_role_has_its_own_keys_and_no_other(
    master: Path, tmp_path: Path, role: str, expected: set[str]
) -> None:
    folder = tmp_path / role
    assert set(roles.hand_out(master, role, folder)) == expected
    assert {path.name for path in (folder / "keys").iterdir()} == expected
    for name in expected - {"gateway.pub", "paper.crt"}:
        assert read_key(folder / "keys" / name) == read_key(master / "keys" / name)


def test_handing_out_again_changes_nothing(master: Path, tmp_path: Path) -> None:
    roles.hand_out(master, "worker", tmp_path / "worker")
    assert roles.hand_out(master, "worker", tmp_path / "worker") == []


def test_a_different_key_is_never_overwritten(master: Path, tmp_path: Path) -> None:
    stranger = create_key(tmp_path / "notary" / "keys" / "log.ed25519")
    with pytest.raises(roles.KeysRefused, match=r"log\.ed25519"):
        roles.hand_out(master, "notary", tmp_path / "notary")
    assert read_key(tmp_path / "notary" / "keys" / "log.ed25519") == stranger


def test_a_missing_key_is_named(master: Path, tmp_path: Path) -> None:
    (master / "keys" / "log.ed25519").unlink()
    with pytest.raises(roles.KeysRefused, match=r"log\.ed25519"):
        roles.hand_out(master, "notary", tmp_path / "notary")

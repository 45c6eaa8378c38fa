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


@pytest.fixture
def folders(master: Path, tmp_path: Path) -> dict[str, Path]:
    given = {role: tmp_path / role for role in roles.KEYS}
    for role, folder in given.items():
        roles.hand_out(master, role, folder)
    return given


def again(master: Path, folders: dict[str, Path]) -> list[str]:
    """What the next start hands out."""
    return [name for role in folders for name in roles.hand_out(master, role, folders[role])]


def test_a_key_that_was_rotated_where_all_are_made_reaches_every_role_that_holds_it(
    master: Path, folders: dict[str, Path]
) -> None:
    keys = master / "keys"
    keys.joinpath("gateway.ed25519").unlink()
    new = create_key(keys / "gateway.ed25519")
    keys.joinpath("gateway.pub").write_text("11" * 32 + "\n")
    with pytest.raises(roles.KeysRefused, match=r"--rotated gateway\.ed25519"):
        again(master, folders)
    roles.follow("gateway.ed25519", master, folders)
    assert read_key(folders["gateway"] / "keys" / "gateway.ed25519") == new
    assert folders["worker"].joinpath("keys", "gateway.pub").read_text().startswith("11")
    assert again(master, folders) == []
    assert roles.follow("gateway.ed25519", master, folders) == []


def test_the_logs_new_key_goes_from_the_notary_to_all_who_sign_with_it(
    master: Path, folders: dict[str, Path]
) -> None:
    old = folders["records"] / "keys" / "log.ed25519"
    holds_old = old.open("rb")
    notary = folders["notary"] / "keys" / "log.ed25519"
    before = notary.read_bytes()
    notary.unlink()
    new = create_key(notary)
    with pytest.raises(roles.KeysRefused, match="--rotated log"):
        again(master, folders)
    roles.follow("log", master, folders)
    with holds_old:
        assert before not in holds_old.read(), "the old key is overwritten"
    for folder in (master, folders["notary"], folders["records"]):
        assert read_key(folder / "keys" / "log.ed25519") == new
        assert not list((folder / "keys").glob(".*"))
    assert again(master, folders) == []


def test_a_log_key_on_a_token_is_followed_there_and_back_and_the_old_file_never_returns(
    master: Path, folders: dict[str, Path]
) -> None:
    notary = folders["notary"] / "keys"
    holders = [one / "keys" for one in (master, folders["notary"], folders["records"])]
    for here, gone in (("log.pkcs11", "log.ed25519"), ("log.ed25519", "log.pkcs11")):
        create_key(notary / here)
        notary.joinpath(gone).unlink()
        with pytest.raises(roles.KeysRefused, match="--rotated log"):
            again(master, folders)
        assert not notary.joinpath(gone).exists(), "the key that was put aside came back"
        roles.follow("log", master, folders)
        assert again(master, folders) == []
        assert all(keys.joinpath(here).exists() for keys in holders)
        assert not any(keys.joinpath(gone).exists() for keys in holders)


@pytest.mark.parametrize(
    "unfinished", ["log.ed25519.next", "log.pkcs11.next", "log.ed25519.old"]
)
def test_a_rotation_of_the_logs_key_that_is_not_complete_is_not_followed(
    master: Path, folders: dict[str, Path], unfinished: str
) -> None:
    create_key(folders["notary"] / "keys" / unfinished)
    with pytest.raises(roles.KeysRefused, match="not complete"):
        roles.follow("log", master, folders)


def test_a_key_that_no_role_holds_or_a_role_without_its_folder_is_refused(
    master: Path, folders: dict[str, Path]
) -> None:
    for name in ("nothing.ed25519", "../keys/subject-index"):
        with pytest.raises(roles.KeysRefused, match="has no key"):
            roles.follow(name, master, folders)
    del folders["worker"]
    with pytest.raises(roles.KeysRefused, match="worker"):
        roles.follow("gateway.ed25519", master, folders)

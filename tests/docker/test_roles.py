"""Each role gets the keys it needs and no others."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit import handover
from compliance.audit.handover import Handover
from compliance.audit.keys import create_key, read_key, write_key
from compliance.audit.ring import FileRing, public_of
from tests.docker.tool import DOCKER, load

roles = load("roles")
PRIVATE = (
    "django-secret",
    "subject-index",
    "gateway.ed25519",
    "witness.ed25519",
    "installer.ed25519",
    "log.ed25519",
    "log.mldsa44",
)
PAPER = ("paper.p256", "paper.crt")
INSTALLER = "installer.pub"
SITE = ("site-home.x25519", "node-node-1.ed25519")


@pytest.fixture
def master(tmp_path: Path) -> Path:
    folder = tmp_path / "master"
    for name in (*PRIVATE, *SITE, "paper.p256"):
        create_key(folder / "keys" / name)
    (folder / "keys" / "paper.crt").write_text("a certificate\n")
    for name in ("gateway.pub", INSTALLER):
        (folder / "keys" / name).write_text("00" * 32 + "\n")
    return folder


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("gateway", {*PAPER, *PRIVATE, INSTALLER} - {"log.ed25519", "log.mldsa44"}),
        ("notary", {"log.ed25519", "log.mldsa44", INSTALLER}),
        ("records", {*PAPER, "log.ed25519", "subject-index", INSTALLER}),
        ("worker", {"gateway.pub", *SITE}),
    ],
)
def test_a_role_has_its_own_keys_and_no_other(
    master: Path, tmp_path: Path, role: str, expected: set[str]
) -> None:
    folder = tmp_path / role
    assert set(roles.hand_out(master, role, folder)) == expected
    assert {path.name for path in (folder / "keys").iterdir()} == expected
    for name in expected - {"gateway.pub", INSTALLER, "paper.crt"}:
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


def test_the_installers_key_may_be_away_and_its_public_half_may_not(
    master: Path, tmp_path: Path
) -> None:
    (master / "keys" / "installer.ed25519").unlink()
    given = roles.hand_out(master, "gateway", tmp_path / "gateway")
    assert INSTALLER in given
    assert "installer.ed25519" not in given
    (master / "keys" / INSTALLER).unlink()
    with pytest.raises(roles.KeysRefused, match=r"installer\.pub"):
        roles.hand_out(master, "gateway", tmp_path / "another")


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


def hand_over(data: Path, *keys: Ed25519PrivateKey) -> Path:
    """What the notary leaves in `data` of rotations from each key to the next."""
    lines = ""
    for number, (old, new) in enumerate(pairwise(keys), 1):
        before, after, signature = handover.make("acme/log/1", old, public_of(new))
        lines += Handover(1, number, before, after, signature).line
    path = data / "checkpoints" / "0a1b2c3d.rotations"
    path.parent.mkdir(exist_ok=True)
    path.write_text(lines)
    return path


def log_key(data: Path) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(read_key(data / "keys" / "log.ed25519"))


def place(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    write_key(path, content)


def test_the_logs_new_key_goes_from_the_notary_to_all_who_sign_with_it(
    master: Path, folders: dict[str, Path]
) -> None:
    old, new = log_key(master), Ed25519PrivateKey.generate()
    hand_over(folders["notary"], old, new)
    place(folders["notary"] / "keys" / "log.ed25519", new.private_bytes_raw())
    with pytest.raises(roles.KeysRefused, match="--rotated log"):
        again(master, folders)
    with folders["records"].joinpath("keys", "log.ed25519").open("rb") as holds_old:
        roles.follow("log", master, folders)
        assert old.private_bytes_raw().hex().encode() not in holds_old.read()
    for folder in (master, folders["notary"], folders["records"]):
        assert read_key(folder / "keys" / "log.ed25519") == new.private_bytes_raw()
        assert not list((folder / "keys").glob(".*"))
    assert again(master, folders) == []


def test_a_log_key_on_a_token_is_followed_there_and_back_and_the_old_file_never_returns(
    master: Path, folders: dict[str, Path]
) -> None:
    notary = folders["notary"] / "keys"
    holders = [one / "keys" for one in (master, folders["notary"], folders["records"])]
    signers = [log_key(master)]
    for here, gone in (("log.pkcs11", "log.ed25519"), ("log.ed25519", "log.pkcs11")):
        signers.append(Ed25519PrivateKey.generate())
        on_token = here == "log.pkcs11"
        hand_over(folders["notary"], *signers)
        place(
            notary / here,
            public_of(signers[-1]) if on_token else signers[-1].private_bytes_raw(),
        )
        notary.joinpath(gone).unlink()
        with pytest.raises(roles.KeysRefused, match="--rotated log"):
            again(master, folders)
        assert not notary.joinpath(gone).exists(), "the key that was put aside came back"
        roles.follow("log", master, folders)
        assert again(master, folders) == []
        assert all(keys.joinpath(here).exists() for keys in holders)
        assert not any(keys.joinpath(gone).exists() for keys in holders)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("newer", ["master", "records", "both"])
def test_a_newer_key_of_the_log_is_never_replaced_by_the_older_one_of_a_restored_notary(
    master: Path, folders: dict[str, Path], newer: str, known: bool
) -> None:
    old, new = log_key(master), Ed25519PrivateKey.generate()
    if known:
        hand_over(folders["notary"], old, new)
    data = {"master": [master], "records": [folders["records"]]}
    data["both"] = data["master"] + data["records"]
    for one in data[newer]:
        place(one / "keys" / "log.ed25519", new.private_bytes_raw())
    with pytest.raises(roles.KeysRefused, match=r"(?i)copy the (newest|log's key)"):
        roles.follow("log", master, folders)
    for one in data[newer]:
        assert read_key(one / "keys" / "log.ed25519") == new.private_bytes_raw()
    with pytest.raises(roles.KeysRefused, match=r"--rotated log.*older backup, copy"):
        again(master, folders)


def test_a_handover_that_the_old_key_did_not_sign_proves_nothing(
    master: Path, folders: dict[str, Path]
) -> None:
    old, new = log_key(master), Ed25519PrivateKey.generate()
    before, after, _ = handover.make("acme/log/1", old, public_of(new))
    forged = Handover(1, 1, before, after, new.sign(handover.message(before, after)))
    hand_over(folders["notary"]).write_text(forged.line)
    place(folders["notary"] / "keys" / "log.ed25519", new.private_bytes_raw())
    with pytest.raises(roles.KeysRefused, match="Nothing proves"):
        roles.follow("log", master, folders)
    assert log_key(master).private_bytes_raw() == old.private_bytes_raw()


def test_handovers_may_be_given_and_lead_over_more_than_one_rotation(
    master: Path, folders: dict[str, Path], tmp_path: Path
) -> None:
    keys = [log_key(master), Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()]
    given = hand_over(tmp_path, *keys)
    place(folders["notary"] / "keys" / "log.ed25519", keys[-1].private_bytes_raw())
    roles.follow("log", master, folders, given)
    assert again(master, folders) == []


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


SITE_KEY = "site-home.x25519"


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A file of another user's, which nothing here may read or change."""
    path = tmp_path / "elsewhere" / "victim"
    content = create_key(path)
    yield path
    assert read_key(path) == content


@pytest.mark.parametrize(
    "name",
    [SITE_KEY, f".{SITE_KEY}.leaving", f".{SITE_KEY}.{os.getpid()}"],
    ids=["key", "leaving", "unfinished"],  # the same in every process that collects
)
@pytest.mark.parametrize("way", ["symlink", "hard link", "pipe", "another owner"])
def test_what_a_role_planted_is_never_followed(
    master: Path, folders: dict[str, Path], victim: Path, name: str, way: str
) -> None:
    planted = folders["worker"] / "keys" / name
    planted.unlink(missing_ok=True)
    if way == "symlink":
        planted.symlink_to(victim)
    elif way == "hard link":
        planted.hardlink_to(victim)
    elif way == "pipe":
        os.mkfifo(planted)
    elif os.geteuid() == 0:
        create_key(planted)
        os.chown(planted, 12345, 12345)
    else:
        pytest.skip("only root can give a file to another user")
    place(master / "keys" / SITE_KEY, secrets.token_bytes(32))
    for run in (roles.follow, lambda *_: roles.hand_out(master, "worker", folders["worker"])):
        with pytest.raises(roles.KeysRefused, match="not a plain file of the folder's owner"):
            run(SITE_KEY, master, folders)
    assert planted.exists()


def test_a_folder_of_keys_that_is_a_symbolic_link_is_refused(
    master: Path, folders: dict[str, Path], victim: Path
) -> None:
    keys = folders["worker"] / "keys"
    keys.rename(keys.with_name("aside"))
    keys.symlink_to(victim.parent)
    for run in (roles.follow, lambda *_: roles.hand_out(master, "worker", folders["worker"])):
        with pytest.raises(roles.KeysRefused, match="no symbolic link"):
            run(SITE_KEY, master, folders)
    assert {path.name for path in victim.parent.iterdir()} == {"victim"}


def test_a_secret_that_the_notary_points_to_reaches_no_other_role(
    master: Path, folders: dict[str, Path], victim: Path
) -> None:
    key = folders["notary"] / "keys" / "log.ed25519"
    key.unlink()
    key.symlink_to(victim)
    before = log_key(master).private_bytes_raw()
    with pytest.raises(roles.KeysRefused, match="not a plain file"):
        roles.follow("log", master, folders)
    for holder in (master, folders["records"]):
        assert read_key(holder / "keys" / "log.ed25519") == before


@pytest.mark.parametrize("left", [f".{SITE_KEY}.4711", f".{SITE_KEY}.0a1b.handed"])
def test_the_copy_of_a_key_that_a_killed_run_left_is_destroyed_by_the_next(
    master: Path, folders: dict[str, Path], left: str
) -> None:
    path = folders["worker"] / "keys" / left
    copy = create_key(path)
    with path.open("rb") as holds:
        assert roles.hand_out(master, "worker", folders["worker"]) == []
        assert copy.hex().encode() not in holds.read()
    assert not path.exists()


def test_a_rotation_that_was_cut_short_between_its_two_names_is_completed(
    master: Path, folders: dict[str, Path]
) -> None:
    target = folders["worker"] / "keys" / SITE_KEY
    target.with_name(f".{SITE_KEY}.leaving").hardlink_to(target)
    new = secrets.token_bytes(32)
    place(master / "keys" / SITE_KEY, new)
    roles.follow(SITE_KEY, master, folders)
    assert read_key(target) == new
    assert not list(target.parent.glob(".*"))


def test_a_folder_of_keys_that_another_process_holds_is_left_alone(
    master: Path, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.role_folder.PATIENCE", 0.0)
    with FileRing(folders["notary"] / "keys").lock() as held:
        assert held
        with pytest.raises(roles.KeysRefused, match="Another process holds"):
            roles.hand_out(master, "notary", folders["notary"])


def test_the_script_runs_wherever_it_is_called_from(master: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(DOCKER / "roles.py"), str(master), f"worker={tmp_path}/w"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_key(tmp_path / "w" / "keys" / SITE_KEY)

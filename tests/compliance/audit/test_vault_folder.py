"""The vault's folder: closed to everybody but its user, or the group that the operator made."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from compliance.audit import keystore


@pytest.fixture
def keys(tmp_path):
    return keystore.KeyStore(tmp_path / "vault")


@pytest.fixture
def shared(keys):
    """A vault that the operator made for two users of one group."""
    keys.folder.mkdir()
    keys.folder.chmod(0o2770)
    before = os.umask(0o077)
    yield keys.folder
    os.umask(before)


def test_a_vault_for_a_group_is_open_to_it_and_to_nobody_else(keys, shared):
    key = keys.key(7, 0)
    with keys.lock():
        keys.list_erasure({"kind": "request", "request": "0" * 32, "time": 1})
        assert keys.renew(7, 0) == 1
    assert keys.open(7, 0) == key
    inside = [path for path in shared.rglob("*") if path.is_file()]
    assert {path.name for path in inside} == {"007.0", "007.1", "erased.jsonl", "lock"}
    assert {path.stat().st_mode & 0o777 for path in inside} == {0o660}
    assert {path.stat().st_gid for path in inside} == {shared.stat().st_gid}
    assert (shared / "keys").stat().st_mode & 0o777 == 0o770
    assert list(keys.faults()) == []
    assert keys.destroy(7, 1) == 1


def test_a_vault_that_another_process_makes_meanwhile_is_not_taken_for_one_that_is_away(
    tmp_path,
):
    other = keystore.KeyStore(tmp_path / "vault")

    def needed():
        other.key(7, 0)
        return True

    late = keystore.KeyStore(tmp_path / "vault", needed)
    with late.lock() as mine:
        assert mine
    assert late.open(7, 0) == other.open(7, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_the_other_user_of_a_shared_vault_opens_and_destroys_what_the_first_made(
    request,
) -> None:
    group, outside = 54_321, Path(tempfile.mkdtemp())  # pytest's own folders are for one user
    request.addfinalizer(lambda: shutil.rmtree(outside))
    outside.chmod(0o755)
    keys = keystore.KeyStore(outside / "vault")
    keys.folder.mkdir()
    os.chown(keys.folder, -1, group)
    keys.folder.chmod(0o2770)
    keys.key(7, 0)
    with keys.lock():
        keys.list_erasure({"kind": "request", "request": "0" * 32, "time": 1})
    child = os.fork()
    if not child:
        done = False
        try:
            os.setgroups([group])
            os.setgid(65_534)
            os.setuid(65_534)
            with keys.lock():
                keys.open(7, keys.renew(7, 0))
                keys.list_erasure({"kind": "request", "request": "1" * 32, "time": 1})
                done = keys.destroy(7, 1) == 1 and not list(keys.faults())
        finally:
            os._exit(0 if done else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert keys.generations(7) == [1]
    assert len(keys.open(7, 1)) == 32
    assert len(list(keys.listed())) == 2


def test_a_vault_of_one_user_is_open_to_nobody_else(keys):
    keys.key(7, 0)
    with keys.lock():
        pass
    inside = list(keys.folder.rglob("*"))
    assert {path.stat().st_mode & 0o077 for path in inside} == {0}


@pytest.mark.parametrize(
    ("path", "mode", "words"),
    [
        ("", 0o755, "open to everybody"),
        ("keys", 0o707, "open to everybody"),
        ("keys/007.0", 0o604, "open to others"),
        ("keys/007.0", 0o640, "open to others"),
    ],
)
def test_a_vault_that_others_may_open_is_named(keys, path, mode, words):
    keys.key(7, 0)
    (keys.folder / path).chmod(mode)
    assert any(words in fault for fault in keys.faults())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_vault_of_another_user_is_named(keys):
    keys.key(7, 0)
    os.chown(keys.folder, os.geteuid() + 1, -1)
    assert any("closed to this user" in fault for fault in keys.faults())
    os.chown(keys.folder, os.geteuid(), -1)
    assert keys.lacks([(7, 0), (7, 1), (8, 0)]) == 2

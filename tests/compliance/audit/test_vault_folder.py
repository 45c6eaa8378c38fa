"""The vault's folder: closed to everybody but its user, or the group that the operator made."""

import os
import shutil
import tempfile
from functools import partial
from pathlib import Path

import pytest

from compliance.audit import keystore
from tests.services.killing import killed_at

GROUP, ONE, OTHER = 54_321, 65_533, 65_534
LASTING = {"open", "write", "pwrite", "fsync", "mkdir", "rename", "link", "unlink"} | {
    "chown",
    "fchown",
    "chmod",
    "fchmod",
    "flock",
}
MOST = 200  # steps of a first use
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")


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


@pytest.fixture
def outside():
    """A folder of anybody's: pytest's own are for one user."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def vault_of_two(folder):
    """A vault as the operator makes it for two users of a group."""
    keys = keystore.KeyStore(folder / "vault")
    keys.folder.mkdir(parents=True)
    folder.chmod(0o755)  # whatever this process' umask is
    os.chown(keys.folder, -1, GROUP)
    keys.folder.chmod(0o2770)
    return keys


def becomes(user):
    os.umask(0o077)
    os.setgroups([GROUP])
    os.setgid(user)
    os.setuid(user)


def done_by(user, work, keys):
    """Do `work` as `user`, who is not killed."""
    assert not killed_at(10**9, partial(work, keys, user), calls=LASTING)


def keep(keys, user):
    """What the gateway does first, as a user of the group."""
    becomes(user)
    keys.key(7, 0)


def note(keys, user):
    """What `records` does first, as a user of the group."""
    becomes(user)
    with keys.lock():
        keys.list_erasure({"kind": "request", "request": "1" * 32, "time": 1})


def erase(keys, user):
    """Everything that is done in a vault, as a user of the group."""
    note(keys, user)
    with keys.lock():
        before = max([0, *keys.generations(7)])
        keys.key(7, before)
        new = keys.renew(7, before)
        keys.open(7, new)
        assert keys.destroy(7, new) == 1
    assert list(keys.faults()) == []


@needs_root
def test_the_other_user_of_a_shared_vault_opens_and_destroys_what_the_first_made(outside):
    keys = vault_of_two(outside)
    keys.key(7, 0)
    with keys.lock():
        keys.list_erasure({"kind": "request", "request": "0" * 32, "time": 1})
    done_by(OTHER, erase, keys)
    assert keys.generations(7) == [1]
    assert len(keys.open(7, 1)) == 32
    assert len(list(keys.listed())) == 2


@needs_root
@pytest.mark.parametrize("work", [keep, note])
def test_a_shared_vault_whose_maker_was_killed_at_any_step_is_open_to_the_other_user(
    outside, work
):
    for point in range(MOST):
        keys = vault_of_two(outside / str(point))
        killed = killed_at(point, partial(work, keys, ONE), calls=LASTING)
        done_by(OTHER, erase, keys)
        done_by(ONE, erase, keys)
        named = {path.name for path in keys.folder.iterdir()}
        assert named == {"keys", "lock", "erased.jsonl"}, f"left after a kill at step {point}"
        if not killed:
            break
    assert 10 < point < MOST, "the steps were not counted"


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

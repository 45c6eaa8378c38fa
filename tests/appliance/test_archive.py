import fcntl
import io
import os
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from appliance.archive import ArchiveRefused, make, restore
from appliance.services.folder import LAYOUT_FILE, write


@pytest.fixture
def data(tmp_path):
    """A data folder with a checkpoint, tiles, keys and a database."""
    folder = tmp_path / "data"
    for name in ("log/tile/0", "keys", "logs"):
        folder.joinpath(name).mkdir(parents=True)
    write(folder / LAYOUT_FILE, {"layout": 1})
    folder.joinpath("log/checkpoint").write_text("domicile.local/log/1\n2\n")
    folder.joinpath("log/tile/0/000").write_bytes(b"\x01" * 64)
    folder.joinpath("log/.checkpoint.scratch").write_text("half")
    folder.joinpath("keys/log.ed25519").write_text("00" * 32)
    folder.joinpath("logs/web-1.jsonl").write_text("{}\n")
    for name in ("vault/keys/7.1", "vault/erased.jsonl", "exports/evidence.zip"):
        folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(name).write_text("stays here")
    folder.joinpath("log/2/tile/0").mkdir(parents=True)
    folder.joinpath("log/2/tile/0/000.p").mkdir()
    folder.joinpath("log/2/tile/0/000.p/1").write_bytes(b"\x02" * 32)
    with closing(sqlite3.connect(folder / "db.sqlite3")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (x)")
        database.execute("INSERT INTO t VALUES (42)")
        database.commit()
    return folder


def rewritten(source, target, change):
    """A copy of an archive in which `change(name, content)` gives each member's content."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for entry in old:
            member = old.extractfile(entry)
            assert member is not None
            content = change(entry.name, member.read())
            if content is not None:
                entry.size = len(content)
                new.addfile(entry, io.BytesIO(content))
    return target


def added(source, target, entry, content=b""):
    """A copy of an archive with one more member in front."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        entry.size = len(content)
        new.addfile(entry, io.BytesIO(content))
        for member in old:
            new.addfile(member, old.extractfile(member))
    return target


def test_what_was_backed_up_comes_back_byte_by_byte(tmp_path, data):
    with closing(sqlite3.connect(data / "db.sqlite3")) as writer:
        writer.execute("INSERT INTO t VALUES (43)")  # not committed: not in the backup
        make(data, tmp_path / "backup.tar", with_keys=True)
    manifest = restore(tmp_path / "backup.tar", tmp_path / "new")
    assert manifest["keys"]
    for name in (
        *("log/checkpoint", "log/tile/0/000", "log/2/tile/0/000.p/1"),
        "keys/log.ed25519",
    ):
        assert tmp_path.joinpath("new", name).read_bytes() == data.joinpath(name).read_bytes()
    with closing(sqlite3.connect(tmp_path / "new" / "db.sqlite3")) as database:
        assert database.execute("SELECT x FROM t").fetchall() == [(42,)]
    assert tmp_path.joinpath("new").stat().st_mode & 0o077 == 0
    assert tmp_path.joinpath("new/keys/log.ed25519").stat().st_mode & 0o077 == 0


def test_keys_vault_exports_logs_and_scratch_files_stay_out(tmp_path, data):
    make(data, tmp_path / "backup.tar", with_keys=False)
    with tarfile.open(tmp_path / "backup.tar") as tar:
        assert set(tar.getnames()) == {
            *("layout.json", "log/checkpoint", "log/tile/0/000", "db.sqlite3"),
            "log/2/tile/0/000.p/1",
            "manifest.json",
        }
    assert tmp_path.joinpath("backup.tar").stat().st_mode & 0o777 == 0o600


def test_a_copy_of_the_database_that_a_killed_backup_left_goes_and_another_ones_stays(
    tmp_path, data
):
    """It would keep what a rule has removed since."""
    left, working = data / ".backup-left", data / ".backup-working"
    for folder in (left, working):
        folder.mkdir()
        folder.joinpath("db.sqlite3").write_bytes(b"an older copy")
    descriptor = os.open(working, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    make(data, tmp_path / "backup.tar", with_keys=False)
    os.close(descriptor)
    assert [folder.name for folder in data.glob(".backup-*")] == [".backup-working"]


def test_the_names_of_what_was_made_and_restored_outlast_a_crash(tmp_path, data, monkeypatch):
    synced, fsync = [], os.fsync

    def spy(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    safe, parent = tmp_path / "safe", tmp_path / "srv"
    safe.mkdir()
    make(data, safe / "backup.tar", with_keys=True)
    assert synced[-1] == safe
    synced.clear()
    restore(safe / "backup.tar", parent / "new")
    assert synced[-1] == parent
    folders = {"/".join(path.parts[len(parent.parts) + 1 :]) for path in synced[:-1]}
    assert {"", "log", "log/tile", "log/tile/0", "log/2/tile/0/000.p", "keys"} <= folders


def test_a_backup_never_overwrites_a_file(tmp_path, data):
    tmp_path.joinpath("backup.tar").write_text("yesterday's")
    with pytest.raises(ArchiveRefused, match="exists already"):
        make(data, tmp_path / "backup.tar", with_keys=False)
    assert tmp_path.joinpath("backup.tar").read_text() == "yesterday's"


def test_a_folder_with_anything_in_it_is_not_restored_into(tmp_path, data):
    make(data, tmp_path / "backup.tar", with_keys=False)
    with pytest.raises(ArchiveRefused, match="not empty"):
        restore(tmp_path / "backup.tar", data)


@pytest.mark.parametrize("name", ["log/checkpoint", "log/tile/0/000", "db.sqlite3"])
def test_an_altered_file_is_named_and_nothing_is_restored(tmp_path, data, name):
    make(data, tmp_path / "backup.tar", with_keys=False)
    bad = rewritten(
        tmp_path / "backup.tar",
        tmp_path / "bad.tar",
        lambda member, content: content[:-1] + b"?" if member == name else content,
    )
    with pytest.raises(ArchiveRefused, match=name):
        restore(bad, tmp_path / "new")
    assert not tmp_path.joinpath("new").exists()
    assert not list(tmp_path.glob(".new*"))


@pytest.mark.parametrize("name", ["log/tile/0/000", "manifest.json", "layout.json"])
def test_a_missing_file_shows(tmp_path, data, name):
    make(data, tmp_path / "backup.tar", with_keys=False)
    bad = rewritten(
        tmp_path / "backup.tar",
        tmp_path / "bad.tar",
        lambda member, content: None if member == name else content,
    )
    with pytest.raises(ArchiveRefused):
        restore(bad, tmp_path / "new")


@pytest.mark.parametrize(
    "name",
    [
        *("../evil", "/etc/evil", "log/../../evil", "keys/../../../evil", "log/.hidden/x"),
        *("evil", "run/broker.sock", "welcome.json", "log", "log//x\n", "log/a b"),
    ],
)
def test_a_name_that_does_not_belong_is_refused(tmp_path, data, name):
    make(data, tmp_path / "backup.tar", with_keys=False)
    bad = added(tmp_path / "backup.tar", tmp_path / "bad.tar", tarfile.TarInfo(name), b"x")
    with pytest.raises(ArchiveRefused, match="does not belong"):
        restore(bad, tmp_path / "new")
    assert not tmp_path.joinpath("evil").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_what_is_no_plain_file_is_refused(tmp_path, data, kind):
    make(data, tmp_path / "backup.tar", with_keys=False)
    entry = tarfile.TarInfo("log/link")
    entry.type, entry.linkname = kind, "/etc/passwd"
    bad = added(tmp_path / "backup.tar", tmp_path / "bad.tar", entry)
    with pytest.raises(ArchiveRefused, match="does not belong"):
        restore(bad, tmp_path / "new")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_backup_that_was_cut_short_is_refused(tmp_path, data, share):
    make(data, tmp_path / "backup.tar", with_keys=False)
    with tarfile.open(tmp_path / "backup.tar") as tar:
        last = tar.getmember("manifest.json")
    end = last.offset_data + last.size - 1  # what follows is padding
    whole = tmp_path.joinpath("backup.tar").read_bytes()
    tmp_path.joinpath("cut.tar").write_bytes(whole[: int(end * share)])
    with pytest.raises(ArchiveRefused):
        restore(tmp_path / "cut.tar", tmp_path / "new")
    assert not tmp_path.joinpath("new").exists()

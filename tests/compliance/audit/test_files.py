"""What lies in the log's folder outlasts a crash once it was said to."""

import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from compliance.audit.files import LogFolder
from compliance.audit.tiles import File

FILES = [File("tile/0/000.p/3", b"p" * 96), File("tile/0/000", b"f" * 32)]


@pytest.fixture
def synced(monkeypatch):
    """The names of what was synced."""
    names: list[str] = []
    fsync = os.fsync

    def spy(descriptor):
        names.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    return names


@pytest.fixture
def crashing(monkeypatch):
    """A process that dies when it would sync a folder."""
    fsync = os.fsync

    def crash(descriptor):
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError("crash")
        fsync(descriptor)

    @contextmanager
    def crashing():
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", crash)
            with pytest.raises(OSError, match="crash"):
                yield

    return crashing


def opened(tmp_path):
    log = LogFolder(tmp_path / "log")
    log.prepare()
    return log


def test_names_that_a_dead_process_left_are_made_durable_before_anything_is_said(
    tmp_path, crashing, synced
):
    """It had linked its files, and not synced their folders."""
    died = opened(tmp_path)
    with crashing():
        died.add(FILES)
    synced.clear()
    opened(tmp_path).add(FILES)
    for folder in ("", "/log", "/log/tile", "/log/tile/0"):
        assert f"{tmp_path}{folder}" in synced


def test_a_log_that_was_put_back_without_its_scratch_folder_takes_a_file(tmp_path):
    opened(tmp_path).replace("checkpoint", b"note")
    (tmp_path / "log" / ".scratch").rmdir()
    restored = LogFolder(tmp_path / "log")
    restored.replace("checkpoint", b"newer")
    assert restored.read("checkpoint") == b"newer"


def test_nothing_is_written_where_the_log_was_mounted_and_is_away(tmp_path):
    log = opened(tmp_path)
    log.add(FILES)
    (tmp_path / "log").rename(tmp_path / "away")
    (tmp_path / "log").mkdir()
    with pytest.raises(FileNotFoundError):
        log.add(FILES)


def test_partial_tiles_go_only_when_the_full_one_is_durable(tmp_path, crashing):
    log = opened(tmp_path)
    log.add(FILES[:1])
    with crashing():
        log.add(FILES[1:])
    assert log.read("tile/0/000.p/3")
    log.add(FILES[1:])
    assert log.read("tile/0/000.p/3") is None


def test_a_folder_is_synced_once_by_whoever_writes_many_files_to_it(tmp_path, synced):
    log = opened(tmp_path)
    log.add([File("tile/0/000", b"0")])
    synced.clear()
    log.add([File("tile/0/001", b"1"), File("tile/0/002", b"2")])
    folders = [name for name in synced if Path(name).is_dir()]
    assert folders == [str(tmp_path / "log/tile/0")]

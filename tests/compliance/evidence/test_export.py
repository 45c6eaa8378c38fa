"""What is left of an export that the disk or the database interrupts.

The file and the event that speaks of it stand together, or neither is there.
"""

import dataclasses
import json
import socket
import threading
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import override_settings

from compliance.models import Event
from tests.compliance.audit.test_full_disk import disk, filled, small_disk
from tests.compliance.evidence.packing import KEY, check

__all__ = ["disk"]
pytestmark = pytest.mark.database
IMPOSSIBLE = 2


@pytest.fixture
def command(log, tmp_path, settings, capfd):
    """`manage.py audit export PATH`: its exit code and what it said."""
    key = tmp_path / "keys" / "log.ed25519"
    key.parent.mkdir()
    key.touch(mode=0o600)
    key.write_text(KEY.hex() + "\n")

    def run(path):
        with override_settings(DOMICILE=dataclasses.replace(settings.DOMICILE, data=tmp_path)):
            try:
                call_command("audit", "export", str(path))
            except SystemExit as error:
                return error.code, capfd.readouterr().err
        return 0, capfd.readouterr().out

    return run


def recorded():
    return Event.objects.filter(type="evidence.exported").count()


@pytest.mark.parametrize("room", ["4k", "12k", "24k", "48k"])
def test_a_disk_that_runs_full_is_told_with_the_path_and_nothing_is_left(
    command, tmp_path, room
):
    with small_disk(tmp_path / "small", room) as folder:
        path = folder / "evidence.zip"
        code, words = command(path)
        assert (code, list(folder.iterdir())) == (IMPOSSIBLE, []), words
    assert str(path) in words
    assert "No space left on device" in words
    assert "free some of the disk" in words
    assert "Traceback" not in words
    assert recorded() == 0
    code, words = command(tmp_path / "evidence.zip")
    assert (code, recorded()) == (0, 1), words
    assert check(tmp_path / "evidence.zip")[0]


def test_a_record_whose_disk_is_full_takes_no_export_and_its_file_is_removed(
    disk, command, tmp_path
):
    path = tmp_path / "evidence.zip"
    told = ""
    with filled(disk):
        for _ in range(200):  # what is free within the database's files takes some
            code, told = command(path)
            if code:
                break
            path.unlink()
        assert code == IMPOSSIBLE
        assert not path.exists()
        before = recorded()
    assert "The disk is full" in told
    assert str(path) in told
    assert (command(path)[0], recorded()) == (0, before + 1)


class Wire:
    """Stands between the command and PostgreSQL, and cuts where it is told to.

    `cut` is "before" or "after" the server has carried out the commit; with `gone` nobody is
    let through afterwards.
    """

    def __init__(self, folder: Path, server: str, port: str, cut: str, gone: bool) -> None:
        self._server = f"{server}/.s.PGSQL.{port or 5432}"
        self._cut, self._gone, self.cuts = cut, gone, 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / f".s.PGSQL.{port or 5432}"))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        with closing(client), closing(server), suppress(OSError):
            if self.cuts and self._gone:
                return
            server.connect(self._server)
            back = threading.Thread(target=self._back, args=(server, client), daemon=True)
            back.start()
            try:
                while data := client.recv(65536):
                    if b"COMMIT" in data and not self.cuts:
                        self.cuts = 1
                        if self._cut == "after":
                            client.shutdown(socket.SHUT_WR)  # the answer goes nowhere
                            server.sendall(data)
                            server.shutdown(socket.SHUT_WR)
                            back.join(10)
                        else:
                            server.shutdown(socket.SHUT_RDWR)
                        return
                    server.sendall(data)
            finally:
                with suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)
                back.join(10)  # before the socket that it reads is closed

    @staticmethod
    def _back(server: socket.socket, client: socket.socket) -> None:
        while data := server.recv(65536):
            with suppress(OSError):
                client.sendall(data)


@contextmanager
def wire(folder, cut, *, gone=False):
    """Django's connection goes through a `Wire`."""
    settings = connections["default"].settings_dict
    host = settings["HOST"]
    between = Wire(folder, host, settings["PORT"], cut, gone)
    connection.close()
    settings["HOST"] = str(folder)
    try:
        yield between
    finally:
        connection.close()
        settings["HOST"] = host
        between.close()


@pytest.mark.parametrize("gone", [False, True], ids=["back at once", "away for longer"])
@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_connection_lost_while_it_is_recorded_leaves_file_and_event_or_neither(
    command, tmp_path, tmp_path_factory, cut, gone
):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no connection that could be lost.")
    path = tmp_path / "evidence.zip"
    with wire(tmp_path_factory.mktemp("w"), cut, gone=gone) as between:
        code, words = command(path)
        assert between.cuts == 1
    stored = cut == "after"
    assert recorded() == stored
    if gone:
        assert code == IMPOSSIBLE
        assert path.exists()
        assert "is not known" in words
        if stored:
            detail = json.loads(
                bytes(Event.objects.get(type="evidence.exported").detail or b"")
            )
            assert detail["manifest"] in words
    else:
        assert (code, path.exists()) == ((0, True) if stored else (IMPOSSIBLE, False)), words

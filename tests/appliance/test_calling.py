"""Calls to allowed addresses, with and without a network of one's own."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from appliance.calling import ANSWER_MAX, Calls, place_of, socket_of
from appliance.env import ConfigurationError, read
from appliance.services import passage
from tests.services.waiting import PATIENCE, wait_until


class Witness(BaseHTTPRequestHandler):
    """Gives back what it is sent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, body)

    def do_GET(self) -> None:
        self.answer(404, b"x" * (ANSWER_MAX + 1) if "long" in self.path else b"none")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/x.tlog.size")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Nothing."""


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A socket's path has 107 bytes, of which pytest's own folders take most."""
    with tempfile.TemporaryDirectory(prefix="dmp-") as folder:
        yield Path(folder)


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Witness)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/witness"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_allowed_address_is_called_and_its_answer_comes_back(address):
    calls = Calls([address])
    reply = calls("POST", f"{address}/add-checkpoint", b"old 0\n")
    assert (reply.status, reply.kind, reply.body) == (200, "text/x.tlog.size", b"old 0\n")
    assert calls("GET", f"{address}/nothing").status == 404


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/witness/x", "{}x/add-checkpoint", "{}"])
def test_no_other_address_is_called(address, url):
    with pytest.raises(PermissionError, match="DOMICILE_WITNESSES"):
        Calls([address])("GET", url.format(address))


def test_an_answer_that_is_too_long_or_absent_is_an_error(address):
    with pytest.raises(ConnectionError, match="longer"):
        Calls([address])("GET", f"{address}/long")
    nobody = "http://127.0.0.1:9/witness"
    with pytest.raises(ConnectionRefusedError):
        Calls([nobody])("GET", f"{nobody}/x")


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_call_ends_at_its_deadline_though_bytes_keep_coming(start):
    """Each of them comes long before a single step's patience is over."""
    gone = threading.Event()

    def drip(listener: socket.socket) -> None:
        wire, _ = listener.accept()
        with wire:
            try:
                wire.sendall(start)
                while not gone.wait(0.02):
                    wire.sendall(b"x")
            except OSError:
                gone.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=[listener])
        thread.start()
        stop = threading.Timer(PATIENCE, gone.set)  # where no deadline ends the call
        stop.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/witness"
        try:
            with pytest.raises(TimeoutError, match=r"in full after 0\.3 seconds"):
                Calls([address], deadline=0.3)("GET", f"{address}/x")
        finally:
            stop.cancel()
            gone.set()
            thread.join()


def listens(way: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as wire:
        return wire.connect_ex(str(way)) == 0


def test_a_passage_leads_to_its_address_and_ends_when_it_is_told(address, short_folder):
    host, port = place_of(address)
    way = socket_of(short_folder, host, port)
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", passage.__file__, str(way), host, str(port)]
    )
    try:
        wait_until(partial(listens, way), "the passage listens")
        assert way.stat().st_mode & 0o077 == 0
        calls = Calls([address], short_folder)
        for text in (b"old 0\n", b"y" * 60_000):
            assert calls("POST", f"{address}/add-checkpoint", text).body == text
    finally:
        process.terminate()
        process.wait()
    with pytest.raises(OSError, match=r".*"):
        calls("GET", f"{address}/nothing")


@pytest.mark.parametrize(
    "given", ["witness.example", "ftp://a/b", "http://", "http://user:word@a/b", "http://a/?b"]
)
def test_what_is_no_address_is_refused_at_the_start(given):
    with pytest.raises(ConfigurationError, match="DOMICILE_WITNESSES"):
        read({"DOMICILE_WITNESSES": given})


def test_addresses_are_read_without_slashes_at_their_ends():
    found = read({"DOMICILE_WITNESSES": "https://a.example/witness/, http://[::1]:81/w"})
    assert found.witnesses == ("https://a.example/witness", "http://[::1]:81/w")
    assert read({}).witnesses == ()

"""The witness over HTTP: what is answered, to whom, and that noise costs little."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance import witness_pages
from appliance.witness_pages import WitnessPages
from compliance.audit import cosignature
from compliance.audit.keys import create_key, read_key
from compliance.audit.submission import BODY_MAX
from compliance.audit.witness import KEY_FILE, address_of
from tests.compliance.audit.witnessing import ORIGIN, Log

pytestmark = pytest.mark.usefixtures("database")


class Asked:
    """One request, and what was answered."""

    def __init__(self, body: bytes, chunk: int = 1000) -> None:
        self.parts = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]
        self.status, self.body, self.kind = 0, b"", ""

    async def receive(self) -> Any:
        part = self.parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(self.parts)}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.kind = dict(message["headers"])[b"content-type"].decode()
        else:
            self.body += message["body"]


async def ask(
    pages: WitnessPages, body: bytes = b"", path: str = witness_pages.ADD, method: str = "POST"
) -> Asked:
    asked = Asked(body)
    await pages({"type": "http", "method": method, "path": path}, asked.receive, asked.send)
    return asked


@pytest.fixture
def pages(tmp_path):
    create_key(tmp_path / KEY_FILE)
    return WitnessPages(tmp_path, "example.net")


@pytest.fixture
def log(database, monkeypatch):
    monkeypatch.setattr(witness_pages, "LOOK", 0)  # each request sees what is registered now
    log = Log()
    log.register()
    return log


async def test_a_registered_log_is_cosigned(pages, log, tmp_path):
    asked = await ask(pages, log.submission(0, 5))
    assert asked.status == 200
    key = Ed25519PrivateKey.from_private_bytes(read_key(tmp_path / KEY_FILE))
    public = key.public_key().public_bytes_raw()
    note = log.note(5) + asked.body
    assert cosignature.cosigned(note, "example.net/witness", public)


async def test_the_answers_are_those_of_the_specification(pages, log):
    assert (await ask(pages, b"old")).status == 400
    assert (await ask(pages, Log(origin="example.com/log/9").submission(0, 5))).status == 404
    assert (await ask(pages, Log(seed=b"t" * 32).submission(0, 5))).status == 403
    assert (await ask(pages, log.submission(0, 5))).status == 200
    known = await ask(pages, log.submission(0, 9))
    assert (known.status, known.kind, known.body) == (409, "text/x.tlog.size", b"5\n")
    assert (await ask(pages, Log(b"changed").submission(5, 9))).status == 422


async def test_a_body_that_is_too_long_is_not_read_to_its_end(pages, log):
    asked = Asked(b"x" * (BODY_MAX + 5000))
    scope = {"type": "http", "method": "POST", "path": witness_pages.ADD}
    await pages(scope, asked.receive, asked.send)
    assert asked.status == 413
    assert asked.parts, "all of it was read"


async def test_a_log_that_was_set_back_finds_what_it_had_signed(pages, log):
    await ask(pages, log.submission(0, 7))
    path = f"/witness/{address_of(ORIGIN)}/checkpoint"
    found = await ask(pages, path=path, method="GET")
    assert (found.status, found.body) == (200, log.note(7))
    head = await ask(pages, path=path, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    unknown = f"/witness/{address_of('example.com/log/9')}/checkpoint"
    assert (await ask(pages, path=unknown, method="GET")).status == 404


async def test_an_unknown_log_costs_no_look_into_the_database(pages, database, monkeypatch):
    monkeypatch.setattr(witness_pages, "LOOK", 3600)
    log = Log()
    assert (await ask(pages, log.submission(0, 5))).status == 404
    await asyncio.to_thread(log.register)
    assert (await ask(pages, log.submission(0, 5))).status == 404, "it was looked up again"


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/witness/add-checkpoint", "GET", 405),
        ("/witness/", "POST", 404),
        ("/witness/add-checkpoint/", "POST", 404),
        (f"/witness/{'a' * 64}/checkpoint", "POST", 405),
        (f"/witness/{'A' * 64}/checkpoint", "GET", 404),
        (f"/witness/{'a' * 63}/checkpoint", "GET", 404),
    ],
)
async def test_there_is_nothing_else(pages, path, method, status):
    assert (await ask(pages, path=path, method=method)).status == status


async def test_without_its_key_there_is_no_witness(tmp_path, log):
    pages = WitnessPages(tmp_path, "example.net")
    assert (await ask(pages, log.submission(0, 5))).status == 404

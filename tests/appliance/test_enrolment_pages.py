"""Where machines ask: what is answered to whom, and the command that asks, over real HTTP."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from appliance import enrolment_pages
from appliance.enrolment_pages import PATH, EnrolmentPages
from appliance.management.commands import enrol
from compliance.audit.keys import create_key, read_key
from compliance.models import Event, Site
from inference import enrolling
from inference.admission import public_keys
from inference.enrolment import SAID_MAX, Token, read_token
from inference.models import Node, NodeEnrolment
from tests.appliance.test_witness_pages import Asked
from tests.inference.test_enrolment import Machine
from tests.services.waiting import wait_until


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    create_key(tmp_path / "gateway.ed25519")
    return tmp_path


@pytest.fixture
def site(database: object, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(enrolment_pages, "LOOK", 0)  # each request sees what waits now
    return Site.objects.create(name="south", country="AT")


def invite(site: Site, keys: Path) -> Token:
    key = Ed25519PrivateKey.from_private_bytes(read_key(keys / "gateway.ed25519"))
    return read_token(enrolling.invite(site, "op", key.public_key().public_bytes_raw())[1])


async def ask(pages: EnrolmentPages, body: bytes = b"", method: str = "POST") -> Asked:
    asked = Asked(body)
    await pages({"type": "http", "method": method, "path": PATH}, asked.receive, asked.send)
    return asked


async def test_while_no_token_waits_nobody_is_heard(site: Site, keys: Path) -> None:
    pages = EnrolmentPages(keys)
    asked = await ask(pages, b"x" * 100_000)
    assert asked.status == 404
    assert len(asked.parts) == 100, "nothing of it was read"
    await asyncio.to_thread(invite, site, keys)
    assert (await ask(pages, b"{}")).status == 400
    await asyncio.to_thread(
        NodeEnrolment.objects.update, expires=timezone.now() - enrolling.LIFE
    )
    assert (await ask(pages, b"{}")).status == 404


async def test_each_answer_says_how_it_stands(site: Site, keys: Path) -> None:
    pages, machine = EnrolmentPages(keys), Machine()
    token = await asyncio.to_thread(invite, site, keys)
    assert (await ask(pages, method="GET")).status == 405
    assert (await ask(pages, machine.asks(token))).status == 202
    assert (await ask(pages, machine.asks(token))).status == 202
    assert (await ask(pages, Machine().asks(token))).status == 409
    row = await asyncio.to_thread(NodeEnrolment.objects.get)
    await asyncio.to_thread(enrolling.approve, row, "op")
    found = await ask(pages, machine.asks(token))
    assert (found.status, found.kind) == (200, "application/json")
    assert json.loads(found.body)["answer"]["node"] == "node-9"
    again = await asyncio.to_thread(invite, site, keys)
    other = Machine(machine.site_key, node="node-10")
    assert (await ask(pages, other.asks(again))).status == 202
    row = await asyncio.to_thread(NodeEnrolment.objects.get, node="node-10")
    await asyncio.to_thread(enrolling.decline, row, "op", "Not ours.")
    told = await ask(pages, other.asks(again))
    assert (told.status, b"Not ours." in told.body) == (403, True)


async def test_a_huge_body_is_not_read_to_its_end(site: Site, keys: Path) -> None:
    await asyncio.to_thread(invite, site, keys)
    asked = Asked(b"x" * (SAID_MAX + 100_000))
    scope = {"type": "http", "method": "POST", "path": PATH}
    await EnrolmentPages(keys)(scope, asked.receive, asked.send)
    assert asked.status == 413
    assert asked.parts, "all of it was read"


async def test_of_many_at_once_all_but_two_are_told_to_ask_again(
    site: Site, keys: Path
) -> None:
    await asyncio.to_thread(invite, site, keys)
    pages, go = EnrolmentPages(keys), asyncio.Event()

    class Slow(Asked):
        async def receive(self) -> Any:
            await go.wait()
            return await super().receive()

    slow = [Slow(b"{}") for _ in range(enrolment_pages.TOGETHER)]
    scope = {"type": "http", "method": "POST", "path": PATH}
    tasks = [asyncio.create_task(pages(scope, one.receive, one.send)) for one in slow]
    await asyncio.sleep(0)  # each has begun
    assert (await ask(pages, b"{}")).status == 429
    go.set()
    await asyncio.gather(*tasks)
    assert [one.status for one in slow] == [400, 400]
    assert (await ask(pages, b"{}")).status == 400


async def test_of_a_flood_a_part_is_heard_and_a_part_recorded(
    site: Site, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment_pages, "A_MINUTE", 15)
    monkeypatch.setattr(enrolment_pages.EnrolmentPages, "_minute_now", lambda _: 1)
    await asyncio.to_thread(invite, site, keys)
    pages = EnrolmentPages(keys)
    statuses = [(await ask(pages, b"{}")).status for _ in range(20)]
    assert statuses == [400] * 15 + [429] * 5
    recorded = await asyncio.to_thread(Event.objects.filter(type="enrolment.refused").count)
    assert recorded == enrolment_pages.REFUSALS


async def test_a_refusal_that_cannot_be_recorded_is_not_told_and_counts_as_missed(
    site: Site, keys: Path
) -> None:
    def execute(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    await asyncio.to_thread(invite, site, keys)
    pages = EnrolmentPages(keys)
    await asyncio.to_thread(
        execute,
        "CREATE TRIGGER full BEFORE INSERT ON compliance_event"
        " BEGIN SELECT RAISE(ABORT, 'no space'); END",
    )
    asked = await ask(pages, b"{}")
    assert (asked.status, b"ask again" in asked.body) == (503, True)
    await asyncio.to_thread(execute, "DROP TRIGGER full")
    assert (await ask(pages, b"{}")).status == 400
    recorded = await asyncio.to_thread(Event.objects.get, type="enrolment.refused")
    assert json.loads(bytes(recorded.detail or b""))["not_recorded"] == 1


@pytest.fixture
def address(keys: Path) -> Iterator[str]:
    """The pages on loopback, as uvicorn serves them."""
    config = uvicorn.Config(
        EnrolmentPages(keys), host="127.0.0.1", port=0, log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, "the pages are served")
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def machine(settings: Any, tmp_path: Path) -> Any:
    """The settings of a machine that wants to be a node."""
    settings.DOMICILE = dataclasses.replace(
        django_settings.DOMICILE, data=tmp_path / "machine", site="south", node="node-7"
    )
    return settings.DOMICILE


def test_the_command_makes_keys_waits_for_the_approval_and_keeps_the_gateways_key(
    site: Site, keys: Path, address: str, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrol, "ASK", 0.1)
    monkeypatch.setattr(enrolment_pages, "A_MINUTE", 100_000)  # however slow the approval is
    token, said, failed = invite(site, keys), StringIO(), []

    def run() -> None:
        try:
            call_command("enrol", token.text, appliance=address, stdout=said)
        except CommandError as error:
            failed.append(str(error))
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    waits = NodeEnrolment.objects.filter(state="waiting", node="node-7")
    wait_until(lambda: waits.exists() or failed, "the machine waits")
    assert not failed
    assert not (machine.data / "keys" / "gateway.pub").exists()
    enrolling.approve(waits.get(), "op")
    thread.join()
    assert not failed
    assert "This machine is the node node-7 of the site south" in said.getvalue()
    folder = machine.data / "keys"
    gateway = Ed25519PrivateKey.from_private_bytes(read_key(keys / "gateway.ed25519"))
    assert public_keys(folder / "gateway.pub") == [gateway.public_key().public_bytes_raw()]
    node = Ed25519PrivateKey.from_private_bytes(read_key(folder / "node-node-7.ed25519"))
    stored = bytes(Node.objects.get().public_key)
    assert stored == node.public_key().public_bytes_raw()
    assert len(read_key(folder / "site-south.x25519")) == 32


def test_the_command_goes_by_files_where_there_is_no_network(
    site: Site, keys: Path, machine: Any, tmp_path: Path
) -> None:
    token, request, answer = invite(site, keys), tmp_path / "r.json", tmp_path / "a.json"
    call_command("enrol", token.text, request=request, stdout=StringIO())
    row = enrolling.request(request.read_bytes())
    enrolling.approve(row, "op")
    row.refresh_from_db()
    key = Ed25519PrivateKey.from_private_bytes(read_key(keys / "gateway.ed25519"))
    answer.write_bytes(enrolling.answer(row, key))
    call_command("enrol", token.text, answer=answer, stdout=StringIO())
    assert (machine.data / "keys" / "gateway.pub").exists()
    other = invite(site, keys)
    answer.write_bytes(b"{}")
    with pytest.raises(CommandError, match="no answer"):
        call_command("enrol", other.text, answer=answer, stdout=StringIO())


def test_what_the_appliance_refuses_is_told_on_the_machine(
    site: Site, keys: Path, address: str, machine: Any
) -> None:
    token = invite(site, keys)
    enrolling.request(Machine().asks(token))
    with pytest.raises(CommandError, match="used by another machine"):
        call_command("enrol", token.text, appliance=address, stdout=StringIO())
    with pytest.raises(CommandError, match="https"):
        call_command("enrol", token.text, appliance="http://192.0.2.1", stdout=StringIO())


class Restarted(BaseHTTPRequestHandler):
    """Answers by `replies`, a status each; 0 hangs up, as an appliance does that ends."""

    replies: ClassVar[list[int]] = []

    def do_POST(self) -> None:
        status = self.replies.pop(0)
        self.rfile.read(int(self.headers["Content-Length"]))
        if status:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"error": "Not ours."}' if status == 403 else b"<html>")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def restarted() -> Iterator[str]:
    """The address of an appliance that `Restarted.replies` speaks for."""
    with HTTPServer(("127.0.0.1", 0), Restarted) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_machine_that_waits_goes_on_while_the_appliance_is_busy_or_restarts(
    site: Site, keys: Path, restarted: str, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrol, "ASK", 0.01)
    token, said = invite(site, keys), StringIO()
    Restarted.replies[:] = [429, 202, 429, 0, 0, 502, 503, 503, 202, 403]
    with pytest.raises(CommandError, match="Not ours"):
        call_command("enrol", token.text, appliance=restarted, stdout=said)
    assert Restarted.replies == [], "it went on asking until it was told no"
    words = said.getvalue()
    assert words.count("The machine waits for approval") == 1
    for status in (429, 502, 503):
        assert words.count(f"answered {status} ") == 1
    assert words.count("The appliance does not answer") == 1
    Restarted.replies[:] = [0, 202]
    with pytest.raises(CommandError):
        call_command("enrol", token.text, appliance=restarted, stdout=said)
    assert Restarted.replies == [202], "an address where nobody ever answered may be wrong"


def test_a_further_machine_without_the_sites_key_is_told_to_fetch_it(
    site: Site, keys: Path, machine: Any
) -> None:
    Site.objects.update(public_key=b"k" * 32)
    site.refresh_from_db()
    token = invite(site, keys)
    with pytest.raises(CommandError, match=r"copy site-south\.x25519 from one of its nodes"):
        call_command("enrol", token.text, request=keys / "r.json", stdout=StringIO())
    assert not (keys / "r.json").exists()


def test_an_answer_does_not_replace_the_gateway_that_a_machine_knows(
    site: Site, keys: Path, machine: Any, tmp_path: Path
) -> None:
    token, request, answer = invite(site, keys), tmp_path / "r.json", tmp_path / "a.json"
    call_command("enrol", token.text, request=request, stdout=StringIO())
    (machine.data / "keys" / "gateway.pub").write_text("00" * 32 + "\n")
    row = enrolling.request(request.read_bytes())
    enrolling.approve(row, "op")
    row.refresh_from_db()
    key = Ed25519PrivateKey.from_private_bytes(read_key(keys / "gateway.ed25519"))
    answer.write_bytes(enrolling.answer(row, key))
    with pytest.raises(CommandError, match="names another gateway"):
        call_command("enrol", token.text, answer=answer, stdout=StringIO())

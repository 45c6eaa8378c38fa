"""The log's files over HTTP: what is given, and that nothing else is."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from appliance import log_pages
from appliance.log_pages import LogPages
from compliance.audit import checkpoint, tiles
from compliance.audit.files import LogFolder, folder_of
from tests.services.waiting import PATIENCE

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def write(log: Path, generation: int, count: int) -> None:
    """A generation's files, as the notary writes them."""
    folder = LogFolder(folder_of(log, generation))
    folder.prepare()
    builder = tiles.Builder()
    for number in range(count):
        folder.add(builder.append(b"entry %d" % number))
    folder.add(builder.partials())
    state = checkpoint.Checkpoint(f"example.org/log/{generation}", count, builder.root())
    folder.replace("checkpoint", checkpoint.sign(state, KEY))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "log"
    write(folder, 1, 300)
    (tmp_path / "secret").write_text("not for anyone")
    return folder


class Answer:
    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            self.body += message["body"]


async def ask(pages: LogPages, path: str, method: str = "GET") -> Answer:
    answer = Answer()
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode()}
    await pages(scope, None, answer.send)
    return answer


@pytest.fixture
def pages(log: Path) -> LogPages:
    return LogPages(log, open_to_all=True)


async def test_the_checkpoint_is_text_and_never_kept(pages: LogPages, log: Path) -> None:
    answer = await ask(pages, "/log/checkpoint")
    assert answer.status == 200
    assert answer.body == (log / "checkpoint").read_bytes()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_full_tile_may_be_kept_for_ever_and_a_partial_one_may_not(
    pages: LogPages, log: Path
) -> None:
    for path, caching in (
        ("tile/0/000", "immutable"),
        ("tile/0/001.p/44", "max-age=300"),
        ("tile/entries/000", "immutable"),
        ("tile/1/000.p/1", "max-age=300"),
    ):
        answer = await ask(pages, f"/log/{path}")
        assert (answer.status, answer.body) == (200, (log / path).read_bytes()), path
        assert caching in answer.headers["cache-control"]
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-length"] == str(len(answer.body))


async def test_a_head_request_gets_the_length_and_no_body(pages: LogPages) -> None:
    answer = await ask(pages, "/log/tile/0/000", "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == "8192"


async def test_only_reading_is_allowed(pages: LogPages) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = await ask(pages, "/log/checkpoint", method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_each_generation_has_its_address_and_the_newest_a_short_one_too(
    pages: LogPages, log: Path
) -> None:
    assert (await ask(pages, "/log/checkpoint")).body.startswith(b"example.org/log/1\n")
    (log / "2").mkdir()  # begun and not signed: not yet what anyone is given
    pages._current = (1, -9e9)
    assert (await ask(pages, "/log/checkpoint")).body.startswith(b"example.org/log/1\n")
    write(log, 2, 5)
    pages._current = (1, -9e9)
    assert (await ask(pages, "/log/checkpoint")).body.startswith(b"example.org/log/2\n")
    assert (await ask(pages, "/log/2/checkpoint")).body.startswith(b"example.org/log/2\n")
    assert (await ask(pages, "/log/1/checkpoint")).body.startswith(b"example.org/log/1\n")
    assert (await ask(pages, "/log/1/tile/0/000")).status == 200
    assert (await ask(pages, "/log/2/tile/0/000")).status == 404


@pytest.mark.parametrize(
    "path",
    [
        *("/log/", "/log/.scratch", "/log/../secret", "/log//checkpoint", "/log/checkpoint/"),
        *("/log/tile/0", "/log/tile/0/", "/log/tile/00/000", "/log/tile/64/000"),
        *("/log/tile/0/0", "/log/tile/0/000.p", "/log/tile/0/001.p/044", "/log/tile/0/001.p/0"),
        *("/log/tile/0/001.p/256", "/log/tile/0/002", "/log/tile/0/000\n", "/log/0/checkpoint"),
        *(
            "/log/01/checkpoint",
            "/log/3/checkpoint",
            "/log/1/2/checkpoint",
            "/log/check%70oint",
        ),
        *(
            "/log/tile/entries/../../checkpoint",
            "/log/tile/0/\u0660\u0660\u0660",
            "/log/1",
            "/log/tile/0/000\0",
        ),
    ],
)
async def test_any_other_path_is_absent(pages: LogPages, path: str) -> None:
    answer = await ask(pages, path)
    assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize("link", ["checkpoint", "tile", "tile/0", "tile/0/000", "2"])
async def test_no_link_below_the_log_is_followed(
    pages: LogPages, log: Path, tmp_path: Path, link: str
) -> None:
    path = log / link
    away = tmp_path / "away"
    if path.exists():
        path.rename(away)
    else:
        write(tmp_path, 2, 300)
        (tmp_path / "2").rename(away)
    path.symlink_to(away)
    asked = {"checkpoint": "checkpoint", "2": "2/checkpoint"}.get(link, "tile/0/000")
    assert (await ask(pages, f"/log/{asked}")).status == 404


async def test_what_is_no_file_is_absent(pages: LogPages, log: Path) -> None:
    (log / "checkpoint").unlink()
    os.mkfifo(log / "checkpoint")
    assert (await asyncio.wait_for(ask(pages, "/log/1/checkpoint"), PATIENCE)).status == 404


@given(st.text(alphabet="/.tilexpnrscho0123456789%\0-", max_size=40))
@example("tile/0/000")
def test_a_path_that_is_let_through_stays_below_the_log(text: str) -> None:
    found = log_pages.ADDRESS.fullmatch(f"/log/{text}")
    if found:
        assert ".." not in text
        assert not found["path"].startswith("/")
        assert "//" not in text
        assert found["path"].split("/")[0] in ("checkpoint", "verifier-key", "tile")


async def test_what_tells_of_rotated_keys_is_served_as_text(pages: LogPages, log: Path) -> None:
    for name in ("rotations", "bridge-1", "bridge-12", "mldsa-key"):
        (log / name).write_bytes(b"a line\n")
        answer = await ask(pages, f"/log/{name}")
        assert (answer.status, answer.body) == (200, b"a line\n")
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["cache-control"] == "no-store"
    assert (await ask(pages, "/log/bridge-0")).status == 404


async def test_time_stamps_are_served_for_ever_and_questions_are_not(
    pages: LogPages, log: Path
) -> None:
    (log / "timestamps").mkdir()
    for kind in ("checkpoint", "tsr", "tsq"):
        (log / "timestamps" / f"7.{kind}").write_bytes(b"\x30\x00")
        answer = await ask(pages, f"/log/timestamps/7.{kind}")
        assert answer.status == (404 if kind == "tsq" else 200)
    answer = await ask(pages, "/log/timestamps/7.tsr")
    assert answer.body == b"\x30\x00"
    assert "immutable" in answer.headers["cache-control"]


async def test_too_many_readers_are_told_to_come_back(
    pages: LogPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_pages, "TOGETHER", 2)
    taken, may_go = asyncio.Semaphore(0), asyncio.Event()

    async def slow(_message: Any) -> None:
        taken.release()
        await may_go.wait()

    scope = {"type": "http", "method": "GET", "path": "/log/checkpoint", "raw_path": b""}
    readers = [asyncio.create_task(pages(scope, None, slow)) for _ in range(2)]
    for _ in readers:
        await taken.acquire()
    answer = await ask(pages, "/log/checkpoint")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    may_go.set()
    await asyncio.gather(*readers)
    assert (await ask(pages, "/log/checkpoint")).status == 200


async def test_a_reader_who_does_not_take_the_answer_is_given_up(
    pages: LogPages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_pages, "PATIENCE", 0.1)

    async def never(_message: Any) -> None:
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": "/log/checkpoint", "raw_path": b""}
    await asyncio.wait_for(pages(scope, None, never), PATIENCE)
    assert (await ask(pages, "/log/checkpoint")).status == 200


async def test_a_log_that_is_not_served_is_absent(log: Path) -> None:
    assert (await ask(LogPages(log, open_to_all=False), "/log/checkpoint")).status == 404

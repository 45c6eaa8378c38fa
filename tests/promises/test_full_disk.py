"""A disk that runs full stops requests, loses nothing, and serves again once there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.chaos import invariants
from tests.services.appliance import Appliance, running
from tests.services.waiting import wait_until

SIZE = 64  # MiB of the file system that holds the data folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """An appliance on a small file system of its own, with no floor below which it refuses."""
    folder = tmp_path_factory.mktemp("small")
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m,mode=0700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("NOT TESTED: a full disk. It needs the right to mount a file system.")
    try:
        yield from running(folder / "data", DOMICILE_DISK_FLOOR="0")
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write until not one byte more fits."""
    with path.open("wb", buffering=0) as ballast:
        for size in (1024**2, 4096, 1):
            block = b"\0" * size
            try:
                while ballast.write(block) == size:
                    pass
            except OSError:
                continue


def ask(appliance: Appliance) -> str | None:
    with appliance.client() as client:
        try:
            answer = client.chat.completions.create(
                model=appliance.model,
                messages=[{"role": "user", "content": "Say hello."}],
                max_tokens=4,
            )
        except openai.APIStatusError as error:
            if error.status_code != 503:
                raise
            return str(error.code)
    return answer.choices[0].finish_reason


def test_a_full_disk_refuses_requests_and_nothing_is_lost(small: Appliance):
    assert ask(small) in ("stop", "length")
    before = {event.seq for event in small.events() if event.source.startswith("web")}
    ballast = small.data.parent / "ballast"
    fill(ballast)
    seen = []
    for _ in range(40):  # a write-ahead log that is used again may have room for a few more
        seen.append(ask(small))
        if seen.count("record_unavailable") == 2:
            break
    assert seen.count("record_unavailable") == 2, f"requests were not refused: {set(seen)}"
    assert set(seen) <= {"record_unavailable", "stop", "length"}
    ballast.unlink()
    wait_until(lambda: ask(small) in ("stop", "length"), "it answers again", every=0.3)
    wait_until(
        lambda: not invariants.open_requests(invariants.rows(small)),
        "every admitted request has ended",
        every=0.3,
    )
    events = invariants.rows(small)
    assert before <= {event.seq for event in events}
    assert invariants.gaps(events) == invariants.endings(events) == []
    small.verify_log()

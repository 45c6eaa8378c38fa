"""A ticket runs at most once on a node, whatever happens to the process."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import spent
from inference.spent import SpentTickets


def soon() -> float:
    return time.time() + 60


def test_a_ticket_may_run_once(tmp_path):
    with SpentTickets(tmp_path / "spent") as tickets:
        assert tickets.spend([("a", soon()), ("b", soon()), ("a", soon())]) == [
            True,
            True,
            False,
        ]
        assert tickets.spend([("b", soon())]) == [False]


def test_a_replay_is_refused_after_a_restart(tmp_path):
    with SpentTickets(tmp_path / "spent") as tickets:
        tickets.spend([("a", soon())])
    with SpentTickets(tmp_path / "spent") as tickets:
        assert tickets.spend([("a", soon()), ("b", soon())]) == [False, True]


def test_a_replay_is_refused_after_kill_9(tmp_path):
    """The process kills itself as soon as `spend` has returned."""
    program = (
        "import os, signal, sys, time; from pathlib import Path\n"
        "from inference.spent import SpentTickets\n"
        "SpentTickets(Path(sys.argv[1])).spend([('a', time.time() + 60)])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "spent")], check=False)
    assert done.returncode == -signal.SIGKILL
    with SpentTickets(tmp_path / "spent") as tickets:
        assert tickets.spend([("a", soon())]) == [False]


def test_a_torn_last_line_was_never_begun_and_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "spent"
    with SpentTickets(path) as tickets:
        tickets.spend([("a", soon())])
    with path.open("ab") as file:
        file.write(b"17000000000")
    with SpentTickets(path) as tickets:
        assert tickets.spend([("b", soon())]) == [True]
    with SpentTickets(path) as tickets:
        assert tickets.spend([("a", soon()), ("b", soon())]) == [False, False]


def test_a_damaged_file_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "spent"
    path.write_bytes(b"nonsense\n")
    with pytest.raises(ValueError, match="Remove it"):
        SpentTickets(path)


def test_a_second_process_cannot_have_the_file(tmp_path):
    with SpentTickets(tmp_path / "spent"), pytest.raises(BlockingIOError):
        SpentTickets(tmp_path / "spent")
    SpentTickets(tmp_path / "spent").close()


def test_the_file_forgets_what_expired_long_ago_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(spent, "_COMPACT_AT", 64)
    path = tmp_path / "spent"
    past = time.time() - 3600
    with SpentTickets(path) as tickets:
        tickets.spend([(f"old{number}", past) for number in range(300)])
        tickets.spend([("alive", soon())])
        tickets.spend([("last", soon())])
        assert tickets.spend([("alive", soon()), ("last", soon())]) == [False, False]
    assert len(path.read_bytes().splitlines()) < 10


def test_a_full_disk_begins_nothing_and_can_be_mended(tmp_path):
    path = tmp_path / "spent"
    with SpentTickets(path) as tickets:
        tickets.spend([("a", soon())])
        size = path.stat().st_size
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5, hard))
        try:
            with pytest.raises(OSError, match="File too large"):
                tickets.spend([("b", soon())])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, before)
        assert path.stat().st_size == size
        assert tickets.spend([("b", soon())]) == [True]
    with SpentTickets(path) as tickets:
        assert tickets.spend([("a", soon()), ("b", soon())]) == [False, False]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=30))
@settings(max_examples=30, deadline=None)
def test_no_sequence_of_restarts_lets_a_ticket_run_twice(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("spent") / "spent"
    tickets = SpentTickets(path)
    seen: set[str] = set()
    for identity, restart in steps:
        if restart:
            tickets.close()
            tickets = SpentTickets(path)
        assert tickets.spend([(identity, soon())]) == [identity not in seen]
        seen.add(identity)
    tickets.close()
    assert path.stat().st_mode & 0o077 == 0

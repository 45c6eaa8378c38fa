"""The supervisor: a child that cannot start says why, and no child outlives its parent."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from inference.engines import leash
from inference.engines import server as supervisor
from inference.engines.answers import TooLong
from inference.engines.base import EngineFailed, start_within
from inference.engines.server import SupervisedServer
from inference.registry import CATALOGUE, WeightsChanged, digest, verify
from inference.worker import Configuration, Worker
from tests.services.waiting import PATIENCE, until, wait_until

SERVER = """
import socket, sys, os
path = sys.argv[1]
def say(words):
    try:
        peer.sendall(words)
    except OSError:
        pass  # whoever asked has gone
print("loading weights", flush=True)
listening = socket.socket(socket.AF_UNIX); listening.bind(path); listening.listen()
while True:
    peer, _ = listening.accept()
    head = peer.recv(65536)
    if head.startswith(b"GET"):
        say(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    elif head:  # else whoever asked has gone before a busy machine had read it
        print("the prompt was canary-5521", flush=True)
        os._exit(3)
    peer.close()
"""

LONG = SERVER.replace(
    'print("the prompt was canary-5521", flush=True)',
    "length = head.split()[1][1:]; "
    'said = b"HTTP/1.1 200 OK\\r\\nContent-Length: %b\\r\\n\\r\\n" % length',
).replace("os._exit(3)", 'say(said + b"x" * int(length))')


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="dms-") as name:
        yield Path(name)


NEVER = 10**6  # looks without an answer: a child may be off its core for some of them


def server(folder, program=SERVER, **options):
    path = folder / "s.sock"
    return SupervisedServer([sys.executable, "-c", program, str(path)], path, **options)


async def test_a_child_that_ends_while_starting_is_reported_with_what_it_said(folder):
    broken = server(folder, "print('no such weights'); raise SystemExit(7)")
    with pytest.raises(EngineFailed, match=r"(?s)status 7.*no such weights"):
        await broken.start()


async def test_a_child_that_never_answers_is_ended(folder):
    silent = server(folder, "import time; time.sleep(60)", start_within=0.5)
    before = set(psutil.Process().children())
    with pytest.raises(EngineFailed, match="did not answer"):
        await silent.start()
    assert set(psutil.Process().children()) <= before


async def test_a_crashing_child_is_restarted_with_growing_pauses_and_its_words_are_dropped(
    folder, capfd
):
    before = set(psutil.Process().children())
    crashing = server(folder)
    await crashing.start()
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(EngineFailed):
            async for _ in crashing.events("/v1/chat/completions", b"{}", PATIENCE):
                pass
    assert crashing.starts >= 3
    assert time.monotonic() - began > 0.2 + 0.4
    await crashing.stop()
    assert set(psutil.Process().children()) <= before
    out, err = capfd.readouterr()
    assert "canary-5521" not in out + err
    assert not any(b"canary" in line for line in crashing._said)


async def test_weights_that_were_exchanged_are_not_read_by_a_child_that_is_started_again(
    folder,
):
    weights = folder / "weights"
    weights.write_bytes(b"registered")
    registered, looks = digest(weights), []

    def check():
        looks.append(weights)
        verify(weights, registered)

    restarted = server(folder, check=check)
    await restarted.start()
    first, pid = restarted.started, restarted.pid
    assert pid is not None
    weights.write_bytes(b"others")
    os.kill(pid, signal.SIGKILL)
    await until(lambda: len(looks) >= 2, "it was looked at the weights again")
    assert restarted.starts == 1
    assert not restarted.healthy
    weights.write_bytes(b"registered")
    await until(lambda: restarted.healthy, "the child is up again")
    assert restarted.starts == 2
    assert restarted.started > first
    await restarted.stop()


STREAMING = """
import socket, sys, time
path, events, pause = sys.argv[1], EVENTS, PAUSE
listening = socket.socket(socket.AF_UNIX); listening.bind(path); listening.listen()
while True:
    peer, _ = listening.accept()
    head = peer.recv(65536)
    try:
        if head.startswith(b"GET"):
            peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
        elif head:
            peer.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
            for _ in range(events):
                peer.sendall(b"data: {}\\n\\n")
                time.sleep(pause)
            peer.sendall(b"data: [DONE]\\n\\n")
    except OSError:
        pass  # whoever asked has gone
    peer.close()
"""


def streaming(folder, events, pause):
    program = STREAMING.replace("EVENTS", str(events)).replace("PAUSE", str(pause))
    return server(folder, program, look_every=0.4, misses_most=5)


async def _drained(events):
    async for _ in events:
        pass


async def test_a_child_that_hangs_is_killed_its_streams_fail_and_it_is_started_again(folder):
    hanging = streaming(folder, 1000, 0.05)
    await hanging.start()
    pid = hanging.pid
    assert pid is not None
    events = hanging.events("/v1/chat/completions", b"{}", PATIENCE)
    await anext(events)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(EngineFailed):
        await asyncio.wait_for(_drained(events), PATIENCE)
    another = hanging.events("/v1/chat/completions", b"{}", PATIENCE)
    assert await anext(another) == b"{}"
    await another.aclose()
    assert hanging.starts == 2
    assert hanging.pid != pid
    assert not psutil.pid_exists(pid)
    await hanging.stop()


async def test_a_child_that_is_too_busy_to_tell_its_health_and_streams_is_left_alone(folder):
    busy = streaming(folder, 60, 0.05)  # 3 s, in which it takes no other connection
    await busy.start()
    events = [event async for event in busy.events("/v1/chat/completions", b"{}", PATIENCE)]
    assert len(events) == 60
    assert busy.starts == 1
    await busy.stop()


async def test_a_stubborn_child_is_killed(folder, monkeypatch):
    monkeypatch.setattr(supervisor, "_GRACE", 1.0)
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER
    stubborn = server(folder, program)
    await stubborn.start()
    pid = stubborn.pid
    assert pid is not None
    await asyncio.wait_for(stubborn.stop(), PATIENCE)
    assert not psutil.pid_exists(pid)


async def test_a_child_that_says_it_lost_what_it_serves_is_replaced(folder):
    lost = folder / "lost"
    program = SERVER.replace(
        "if head.startswith",
        f"""if head.startswith(b"GET") and os.path.exists({str(lost)!r}):
        say(b"HTTP/1.1 503 x\\r\\nContent-Length: 0\\r\\n\\r\\n")
    elif head.startswith""",
    )
    replaced = server(folder, program, look_every=0.2)
    await replaced.start()
    await until(lambda: replaced.healthy, "the child is up")
    lost.touch()
    await until(lambda: not replaced.healthy, "its word is heard")
    lost.unlink()
    await until(lambda: replaced.healthy, "another is up")
    assert replaced.starts >= 2
    await replaced.stop()


PARENT = "import subprocess\nsubprocess.Popen(['/bin/sleep', '600'])\n" + SERVER


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_what_a_child_has_started_ends_with_it(folder, how):
    parent = server(folder, PARENT)
    await parent.start()
    leader = psutil.Process(parent.pid)
    grandchild = leader.children()[0]
    if how == "killed":
        leader.kill()
    else:
        await parent.stop()
    await until(lambda: not grandchild.is_running(), "the grandchild has ended")
    await parent.stop()


async def test_a_child_has_the_environment_that_it_is_given_and_nothing_else(
    folder, monkeypatch
):
    monkeypatch.setenv("DOMICILE_SECRET", "hush")
    told = folder / "told"
    program = f"import os; open({str(told)!r}, 'w').write(repr(sorted(os.environ)))\n" + SERVER
    alone = server(folder, program, environment={"GIVEN": "1", "LC_ALL": "C.UTF-8"})
    await alone.start()
    assert told.read_text() == "['GIVEN', 'LC_ALL']"
    await alone.stop()


async def test_of_an_answer_that_is_no_stream_no_more_is_taken_than_a_broker_can_hold(folder):
    """A few bytes ask for thousands of vectors, and all of them go through one broker."""
    most = 8 * 2**20
    vectors = server(folder, LONG)
    await vectors.start()
    try:
        assert len(await vectors.whole(f"/{most}", b"{}", PATIENCE)) == most
        with pytest.raises(TooLong):
            await vectors.whole(f"/{most + 1}", b"{}", PATIENCE)
    finally:
        await vectors.stop()


async def test_a_child_is_ended_also_by_a_worker_with_a_thousand_streams(folder):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    many = 1100
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * many), hard))
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(many)]
    try:
        crowded = server(folder)
        await crowded.start()
        pid = crowded.pid
        assert pid is not None
        await crowded.stop()
        assert not psutil.pid_exists(pid)
    finally:
        for one in held:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_child_is_watched_where_no_descriptor_is_left_for_it(folder, monkeypatch):
    def none_left(*_given):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    watched = server(folder)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pidfd_open", none_left)
        await watched.start()
        pid = watched.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: watched.healthy and watched.starts == 2, "it is started again")
    await watched.stop()


def test_an_engine_may_take_the_longer_to_start_the_more_weights_it_reads():
    assert start_within("llamacpp", 10**8) < 130
    assert start_within("llamacpp", 140 * 10**9) > 2_800  # at 50 MB/s
    assert start_within("vllm", 10**8) >= 1_800


async def test_a_child_that_answers_and_gets_on_with_nothing_is_replaced(folder):
    async def same():
        return "the third token"

    stuck = server(folder, look_every=0.05, misses_most=NEVER, mark=same, stuck_after=0.5)
    await stuck.start()
    await until(lambda: stuck.starts >= 2, "it is replaced")
    await stuck.stop()


@pytest.mark.parametrize("step", [1, None])
async def test_a_child_that_gets_on_or_has_nothing_to_do_is_left_alone(folder, step):
    marks = []

    async def further():
        marks.append(step)
        return len(marks) if step else None

    well = server(folder, look_every=0.01, misses_most=NEVER, mark=further, stuck_after=0.2)
    await well.start()
    began = time.monotonic()
    await until(lambda: len(marks) > 30 and time.monotonic() > began + 0.6, "it was looked at")
    assert well.starts == 1
    await well.stop()


async def test_a_stale_socket_does_not_keep_a_child_from_starting(folder):
    (folder / "s.sock").touch()
    fresh = server(folder)
    await fresh.start()
    await fresh.stop()
    assert not (folder / "s.sock").exists()


def test_a_leashed_child_dies_with_its_parent():
    program = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, {leash.__file__!r}, str(os.getpid()),"
        " '/bin/sleep', '60'])\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    wait_until(lambda: child.cmdline() == ["/bin/sleep", "60"], "the program runs")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    gone, _ = psutil.wait_procs([child], timeout=PATIENCE)
    assert gone


def test_a_child_whose_parent_died_before_the_leash_held_does_not_run():
    """The process id it is given is not its parent's any more."""
    done = subprocess.run(
        [sys.executable, leash.__file__, str(os.getpid() + 1), "/bin/echo", "ran"],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"")


def test_weights_that_have_changed_are_never_served(folder):
    entry = dataclasses.replace(CATALOGUE["smollm2-135m-instruct"], digest="0" * 64)
    worker = Worker(
        Configuration(
            site="home",
            node="node-1",
            entry=entry,
            keys=folder,
            state=folder,
            run=folder,
            broker_url=f"redis+socket://{folder}/none.sock",
            slots=1,
            threads=1,
        ),
        on_failure=lambda _why: os.kill(os.getpid(), signal.SIGTERM),
    )
    with pytest.raises(WeightsChanged):
        worker.start()
    assert not list(folder.glob("*.sock"))

"""The pool with its real processes. They load for seconds, so most tests share one pool."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from compliance.detection.processes import process
from compliance.detection.processes.examined import HEAD, packed
from compliance.detection.processes.pool import DetectorPool
from compliance.detection.processes.process import DetectorProcess
from compliance.vocabulary import Category, DetectionFailed, OwnEntity, Scan, Segment
from tests.services.waiting import PATIENCE, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROOT = Path(__file__).resolve().parents[3]


def said(*texts):
    return [Segment(f"/messages/{index}/content", text) for index, text in enumerate(texts)]


@pytest.fixture(scope="module")
def numbers():
    """Texts that no other test has sent, so that no scan is remembered."""
    return iter(range(10_000))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool():
    """One for all tests that do it no harm; their texts differ."""
    async with running() as pool:
        yield pool


@contextlib.asynccontextmanager
async def running(processes=1, timeout_s=PATIENCE, version=lambda: "1"):
    pool = DetectorPool(processes, timeout_s, version)
    await pool.start()
    try:
        await pool.wait_ready()
        yield pool
    finally:
        await pool.stop()


async def test_a_scan_is_that_of_the_detector(detector, pool):
    parts = said(
        "I am Angela Schmidt", "", "Bitte schreiben Sie an Herrn Maier.", "\ud800 \x00"
    )
    parts += said("password=hunter2 of Angela Schmidt")
    assert await pool.scan(parts) == detector.scan(parts)
    assert await pool.scan(list(reversed(parts))) == detector.scan(list(reversed(parts)))
    assert pool.coverage == detector.coverage
    assert await pool.scan([]) == detector.scan([])


async def test_own_entities_are_looked_for_by_those_who_define_them(numbers, monkeypatch, pool):
    case = OwnEntity("CASE", "A case.", Category.SPECIAL, pattern=r"look at \d\d/\d\d/x")
    broken = OwnEntity("CASE", "A case.", Category.SPECIAL, pattern="(")
    parts = said(f"please look at 47/11/x and {next(numbers)} others.")
    plain, mine = await asyncio.gather(pool.scan(parts), pool.scan(parts, [case]))
    assert "CASE" not in {one.entity for one in plain.findings}
    assert [one.entity for one in mine.findings] == ["CASE"]
    assert await pool.scan(parts) == plain
    with pytest.raises(DetectionFailed, match="no pattern"):
        await pool.scan(parts, [broken])
    assert (await pool.scan(parts, [case])).findings == mine.findings

    # Definitions go along where they are others than before, not with each text.
    frames = []
    written = process._asked

    def heard(*given):
        frames.append(written(*given))
        return frames[-1]

    monkeypatch.setattr(process, "_asked", heard)
    lists = [
        replace(case, name=f"LIST_{number}", always=frozenset({f"w{number}w", "x" * 5000}))
        for number in range(6)
    ]
    for which, sent in ((0, True), (0, False), *((n, True) for n in (1, 2, 3, 4, 5, 0))):
        text = f"please w{which}w and {next(numbers)} others"
        scan = await pool.scan(said(text), lists[which : which + 1])
        assert f"LIST_{which}" in {one.entity for one in scan.findings}
        assert (len(frames[-1]) > 5000) == sent


async def test_before_start_and_after_stop_every_scan_is_refused():
    pool = DetectorPool(1, 5.0)
    with pytest.raises(DetectionFailed, match="not been started"):
        await pool.scan(said("x"))
    await pool.start()
    with pytest.raises(DetectionFailed, match="still loading"):
        await pool.scan(said("x"))
    assert not pool.ready
    assert pool.coverage == frozenset()
    await pool.stop()
    with pytest.raises(DetectionFailed, match="stopped"):
        await pool.scan(said("x"))


async def test_faults_are_refused_and_mended(monkeypatch):
    async with running(timeout_s=60.0) as pool:
        # Killed in the middle of a scan (stopped, so that it stays there): refused, replaced.
        (first,) = pool.process_ids
        os.kill(first, signal.SIGSTOP)
        scan = asyncio.create_task(pool.scan(said("My name is Angela Schmidt. " * 3_000)))
        await asyncio.sleep(0.2)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(DetectionFailed):
            await scan
        await until(lambda: pool.ready and first not in pool.process_ids, "it is replaced")
        assert (await pool.scan(said("Angela Schmidt"))).findings

        # Killed while idle: noticed without a request, replaced.
        (second,) = pool.process_ids
        os.kill(second, signal.SIGKILL)
        await until(lambda: not pool.ready, "it is missed")
        with pytest.raises(DetectionFailed):
            await pool.scan(said("while it loads"))
        await until(lambda: pool.ready, "it is replaced")

        # Hanging: refused in time, killed, replaced.
        (third,) = pool.process_ids
        pool._timeout = 3.0
        os.kill(third, signal.SIGSTOP)
        with pytest.raises(DetectionFailed, match="within 3 s"):
            await pool.scan(said("while it hangs"))
        await until(lambda: not psutil.pid_exists(third), "it is killed")
        await until(lambda: pool.ready and third not in pool.process_ids, "it is replaced")

        # Too much text: refused in time, and the process lives on.
        monkeypatch.setattr("compliance.detection.processes.pool.GRACE", PATIENCE)
        (fourth,) = pool.process_ids
        pool._timeout = 0.05
        with pytest.raises(DetectionFailed):
            await pool.scan(said("My name is Angela Schmidt. " * 20_000))
        pool._timeout = PATIENCE
        assert pool.process_ids == (fourth,)
        assert (await pool.scan(said("Angela Schmidt again"))).findings

        # A caller that goes away leaves the process to the others.
        os.kill(fourth, signal.SIGSTOP)
        scan = asyncio.create_task(pool.scan(said("Tell Angela Schmidt. " * 500)))
        await asyncio.sleep(0.05)
        scan.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scan
        os.kill(fourth, signal.SIGCONT)
        assert (await pool.scan(said("and Angela Schmidt again"))).findings
        assert pool.process_ids == (fourth,)


async def test_more_requests_than_the_queue_holds_are_refused_at_once(numbers, pool):
    texts = [f"Number {next(numbers)} is Angela Schmidt." for _ in range(200)]
    answers = await asyncio.gather(
        *(pool.scan(said(text)) for text in texts), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, DetectionFailed)]
    served = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(refused) + len(served) == 200
    assert len(served) >= 64
    assert refused
    assert all("too many" in str(answer) for answer in refused)


async def test_the_event_loop_does_not_wait_for_a_scan(pool):
    scan = asyncio.create_task(pool.scan(said("My name is Angela Schmidt. " * 2_000)))
    turns = 0
    while not scan.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert len((await scan).findings) == 2_000
    assert turns > 20, "the loop stood still"


@pytest.fixture
def asked(monkeypatch):
    """The texts that processes were asked about, by exchange."""
    exchanges = []
    ask = DetectorProcess.ask

    async def heard(process, texts, seconds, own=()):
        exchanges.append(list(texts))
        return await ask(process, texts, seconds, own)

    monkeypatch.setattr(DetectorProcess, "ask", heard)
    return exchanges


async def test_a_text_is_sent_once_for_each_version_and_what_waits_is_sent_together(asked):
    version = "1"
    async with running(version=lambda: version) as pool:
        first = await pool.scan(said("Angela Schmidt called"))
        again = await pool.scan(said("Angela Schmidt called", "Angela Schmidt called"))
        assert first.findings == again.findings[:1]
        assert [finding.segment for finding in again.findings] == [0, 1]
        assert asked == [["Angela Schmidt called"]]

        version = "2"
        assert await pool.scan(said("Angela Schmidt called")) == first
        assert asked == [["Angela Schmidt called"]] * 2

        # While one is being examined, others wait; then they go together, each text once.
        asked.clear()
        shared = "You help Angela Schmidt."
        others = [f"And {'ever ' * number}so on." for number in range(20)]
        scans = await asyncio.gather(*(pool.scan(said(shared, other)) for other in others))
        assert [len(scan.findings) for scan in scans] == [1] * 20
        texts = [text for exchange in asked for text in exchange]
        assert sorted(texts) == sorted(
            [shared, *(f"And {'ever ' * number}so on." for number in range(20))]
        )
        assert len(asked) < 4

        # Who is stopped in the middle of it hears so at once.
        os.kill(pool.process_ids[0], signal.SIGSTOP)
        scan = asyncio.create_task(pool.scan(said("and what of this?")))
        await until(lambda: "and what of this?" in asked[-1], "it is being examined")
        await pool.stop()
        with pytest.raises(DetectionFailed, match="stopped"):
            await scan


async def test_a_value_that_goes_over_from_one_message_to_another_is_found_in_both(pool):
    texts = ["My account is DE89 3704 0044", "Go on.", "0532 0130 00, thank you."]
    texts = [texts[0], texts[2], "No. 12345", texts[0], texts[1], texts[2]]
    parts = said(*texts)
    parts[3:3] = [Segment("/tools/0/function/name", "0532 0130 00", replaceable=False)]
    scan = await pool.scan(parts)
    found = [
        (parts[one.segment].pointer, parts[one.segment].text[one.start : one.end])
        for one in scan.findings
        if one.entity == "IBAN_CODE"
    ]
    assert found == [
        (f"/messages/{message}/content", part)
        for message, part in (
            (0, "DE89 3704 0044"),
            (1, "0532 0130 00"),
            (3, "DE89 3704 0044"),
            (5, "0532 0130 00"),
        )
    ]


async def test_requests_that_fail_together_are_tried_one_by_one(
    asked, monkeypatch, pool, numbers
):
    """A recogniser errs at one of them: the others are answered all the same."""
    ask = DetectorProcess.ask

    async def errs(process, texts, seconds, own=()):
        found = await ask(process, texts, seconds, own)
        return "a recogniser failed" if "bad" in texts else found

    monkeypatch.setattr(DetectorProcess, "ask", errs)
    texts = [f"Angela Schmidt came {next(numbers)} times" for _ in range(6)]
    texts[4] = "bad"
    answers = await asyncio.gather(
        *(pool.scan(said(text)) for text in texts), return_exceptions=True
    )
    assert len(asked[0]) == 6
    assert [len(exchange) for exchange in asked[1:]] == [1] * 6
    failure = answers.pop(4)
    assert isinstance(failure, DetectionFailed)
    assert "a recogniser failed" in str(failure)
    served = [answer for answer in answers if isinstance(answer, Scan)]
    assert len(served) == 5
    assert all(scan.findings for scan in served)


async def test_who_was_asked_about_together_with_a_text_that_kills_is_answered(monkeypatch):
    ask = DetectorProcess.ask

    async def dies(process, texts, seconds, own=()):
        if "bad" in texts:
            os.kill(process.id, signal.SIGKILL)
        return await ask(process, texts, seconds, own)

    monkeypatch.setattr(DetectorProcess, "ask", dies)
    async with running() as pool:
        texts = ["Angela Schmidt came", "bad", "Angela Schmidt went"]
        answers = await asyncio.gather(
            *(pool.scan(said(text)) for text in texts), return_exceptions=True
        )
    assert isinstance(answers.pop(1), DetectionFailed)
    served = [answer for answer in answers if isinstance(answer, Scan)]
    assert len(served) == 2
    assert all(scan.findings for scan in served)


ODD = """
import sys
from compliance.detection.processes.examined import packed
for frame in {frames}:
    sys.stdout.buffer.write(packed(frame)); sys.stdout.buffer.flush()
    sys.stdin.buffer.read(1)
sys.stdin.buffer.read()
"""


@pytest.mark.parametrize(
    "frames",
    [[7], [{"no": 1}], [{"coverage": []}, 7]],
)
async def test_a_process_that_answers_oddly_is_replaced(frames, tmp_path):
    """The interpreter is a program that writes other frames once, and then is the real one."""
    odd = tmp_path / "odd.py"
    odd.write_text(ODD.format(frames=frames))
    once = tmp_path / "once"
    once.touch()
    shim = tmp_path / "python"
    real = sys.executable
    shim.write_text(
        f"#!/bin/sh\nif rm {once} 2>/dev/null; then exec {real} -c "
        f'"exec(open(\'{odd}\').read())"; fi\nexec {real} "$@"\n'
    )
    shim.chmod(0o755)
    pool = DetectorPool(1, PATIENCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(shim))
        await pool.start()
        try:
            await until(lambda: not once.exists(), "the odd one is started")
            if len(frames) > 1:
                await pool.wait_ready()
                with pytest.raises(DetectionFailed):
                    await pool.scan(said("odd"))
            await until(lambda: pool.ready and pool.coverage, "it is replaced")
            assert (await pool.scan(said("I am Angela Schmidt"))).findings
        finally:
            await pool.stop()


def started(*program, **options):
    return subprocess.Popen(
        [sys.executable, *program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=options.pop("text", True),
        **options,
    )


async def test_a_parent_killed_with_kill_9_leaves_no_process():
    parent = started(
        "-c",
        "import asyncio\n"
        "from compliance.detection.processes.pool import DetectorPool\n"
        "async def main():\n"
        "    pool = DetectorPool(2, 5)\n"
        "    await pool.start()\n"
        "    await pool.wait_ready()\n"
        "    print(*pool.process_ids, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())",
    )
    try:
        await asyncio.to_thread(parent.stdout.readline)
        children = psutil.Process(parent.pid).children(recursive=True)
        assert len(children) == 2
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
    gone, alive = psutil.wait_procs(children, timeout=PATIENCE)
    assert len(gone) == 2
    assert alive == []


async def test_a_process_outlives_ctrl_c_but_not_its_input():
    child = started(
        *("-m", "compliance.detection.processes.child", str(os.getpid())),
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=False,
    )

    def answer():
        (length,) = HEAD.unpack(child.stdout.read(HEAD.size))
        return json.loads(child.stdout.read(length))

    try:
        hello = await asyncio.to_thread(answer)
        assert [Category.PERSONAL, "PERSON"] in hello["coverage"]
        child.send_signal(signal.SIGINT)
        child.stdin.write(packed({"texts": ["to bob@example.com"], "seconds": PATIENCE}))
        child.stdin.flush()
        (text,) = (await asyncio.to_thread(answer))["texts"]
        assert text[0][0][:3] == [3, 18, "EMAIL_ADDRESS"]
        child.stdin.close()
        assert child.wait(PATIENCE) == 0
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


async def test_a_process_whose_parent_is_another_ends_at_once():
    child = "compliance.detection.processes.child"
    orphan = started("-m", child, "1", stdin=subprocess.DEVNULL)
    out, _ = await asyncio.to_thread(orphan.communicate)
    assert out == ""
    assert orphan.returncode == 0

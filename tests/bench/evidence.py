"""Evidence of many events: how fast and in how much memory it is made and verified.

    python -m tests.bench.evidence [EVENTS] [EVENTS-IN-THE-BROWSER]

The events are synthetic: requests of four applications, details as long as the gate's. They are
put into a SQLite database directly, so that only what is measured takes time.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.record import KEY, ORIGIN, apart, detail, prepared, request_id, timed
from tests.bench.table import Cell, table

BATCH = 10_000
BROWSER_MAX = 600_000  # milliseconds


def evidence(events: int = 100_000, in_browser: int = 100_000) -> str:
    """Measure in a process of its own, whose memory is then this part's."""
    with tempfile.TemporaryDirectory(prefix="domicile-bench-") as folder:
        numbers = (str(events), str(in_browser))
        rows: list[list[Cell]] = apart(__spec__.name, Path(folder), None, "--measure", *numbers)
    heads = ["", "entries", "seconds", "entries/s", "memory MB", "verdict"]
    return table("Evidence, SQLite", heads, rows)


# --- in the measured process ----------------------------------------------------------------


def measure(events: int, in_browser: int) -> list[list[Cell]]:
    """Rows: what, entries, seconds, entries per second, peak memory in MB, verdict."""
    data = prepared()
    from compliance.evidence.bundle import Scope, export  # noqa: PLC0415

    size = fill(events, data / "log")
    before = _peak(resource.RUSAGE_SELF)
    rows: list[list[Cell]] = []
    path = data / "evidence.zip"
    seconds = timed(lambda: export(Scope(), path, data / "log", KEY))
    grown = f"{_peak(resource.RUSAGE_SELF):.0f} (+{_peak(resource.RUSAGE_SELF) - before:.0f})"
    rows.append(["export", size, seconds, size / seconds, grown, ""])
    rows.append(["  bytes of it an entry", path.stat().st_size / size, None, None, None, ""])
    counts = (1, os.cpu_count() or 1)
    rows += [_verify(path, size, jobs) for jobs in counts]
    bare = data / "bare.zip"
    export(Scope(types=("nothing",)), bare, data / "log", KEY)
    rows += [_verify(bare, size, jobs, "without details, ") for jobs in counts]
    tampered = _tampered(path, size // 2)
    rows.append(_verify(tampered, size, os.cpu_count() or 1, "tampered, "))
    part = data / "part.zip"
    export(Scope("0", str(min(in_browser, size))), part, data / "log", KEY)
    rows += [_browse(part, min(in_browser, size)), _browse(_tampered(part, 5_000), in_browser)]
    return rows


def fill(events: int, log: Path) -> int:
    """Put so many events into the database and integrate them; the log's size."""
    from django.db import connection, transaction  # noqa: PLC0415

    from compliance.audit.entry import encode, label_key_digest  # noqa: PLC0415
    from compliance.audit.notary import Notary  # noqa: PLC0415
    from compliance.models import Application, WriterEpoch  # noqa: PLC0415
    from compliance.vocabulary import Event  # noqa: PLC0415

    names = ("crm", "helpdesk", "mail", "search")
    applications = [Application.objects.create(name=name) for name in names]
    now = int(time.time()) * 1_000_000
    made: list[Event] = [
        Event(
            "application.registered",
            now,
            {"name": one.name, "label_key_sha256": label_key_digest(bytes(one.label_key))},
        )
        for one in applications
    ]
    base = detail()
    seq = 0
    WriterEpoch.objects.create(source="web-1", epoch=1, opened="2026-01-01T00:00:00Z")
    for low in range(0, events, BATCH):
        for number in range(low, min(low + BATCH, events), 2):
            one = applications[number // 2 % len(applications)]
            request = request_id()
            who = {"id": str(one.pk), "name": one.name}
            for kind in ("request.admitted", "request.completed"):
                said = {**base, "application": who, "received": now + number}
                made.append(
                    Event(kind, now + number, said, request, str(one.pk), bytes(one.label_key))
                )
        rows = []
        for event in made:
            encoded = encode(event, source="web-1", epoch=1, seq=seq, key=os.urandom(32))
            rows.append(
                (seq, event.type, "2026-11-30 12:00:00", event.request,
                 event.application and event.application.replace("-", ""),
                 encoded.entry, encoded.detail, encoded.key)
            )  # fmt: skip
            seq += 1
        made = []
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(_INSERT, rows)
    notary = Notary(log, KEY, ORIGIN)
    while notary.integrate_once():
        pass
    return seq


_INSERT = """
    INSERT INTO compliance_event
    (source, epoch, seq, type, time, request, application, entry, detail, detail_key)
    VALUES ('web-1', 1, %s, %s, %s, %s, %s, %s, %s, %s)
"""


def _verify(path: Path, size: int, jobs: int, what: str = "") -> list[Cell]:
    from compliance.evidence import verify  # noqa: PLC0415

    command = [sys.executable, "-I", "-S", verify.__file__, str(path), "--jobs", str(jobs)]
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        running = subprocess.Popen(command, stdout=out)
        memory = _watched(running)
        seconds = time.perf_counter() - began
        out.seek(0)
        lines = [line.strip() for line in out if "SOUND" in line]
    verdict = next((line for line in lines if "first entry" in line), lines[0])
    return [f"verify.py, {what}--jobs {jobs}", size, seconds, size / seconds, memory, verdict]


def _watched(running: subprocess.Popen[bytes]) -> float:
    """Wait for it; the most that it and its children took together, in MB."""
    import psutil  # noqa: PLC0415

    peaks: dict[int, float] = {}
    while running.poll() is None:
        with contextlib.suppress(psutil.Error, OSError):
            for one in (running.pid, *(c.pid for c in psutil.Process(running.pid).children())):
                status = Path(f"/proc/{one}/status").read_text(encoding="ascii")
                found = re.search(r"VmHWM:\s+(\d+) kB", status)
                peaks[one] = float(found[1]) / 1024 if found else 0
        time.sleep(0.05)
    return sum(peaks.values())


def _browse(path: Path, size: int) -> list[Cell]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    from compliance.evidence import verify  # noqa: PLC0415
    from tests.e2e.conftest import FLAGS  # noqa: PLC0415

    page_file = Path(verify.__file__).with_suffix(".html")
    program = shutil.which("chromium")
    if program is None:
        return ["verify.html", size, None, None, None, "no chromium"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page()
        page.goto(page_file.as_uri())
        page.get_by_label("Evidence (ZIP)").set_input_files(path)
        began = time.perf_counter()
        page.get_by_role("button", name="Verify").click()
        page.wait_for_selector("#result[data-code]", timeout=BROWSER_MAX)
        seconds = time.perf_counter() - began
        words = page.locator("#result p").all_inner_texts()
        memory = _memory_of_chromium()
        browser.close()
    verdict = next((line for line in words if "first entry" in line), words[0])
    return ["verify.html, Chromium", size, seconds, size / seconds, memory, verdict]


def _memory_of_chromium() -> float:
    """The largest renderer's resident memory now, in MB."""
    import psutil  # noqa: PLC0415

    children = psutil.Process().children(recursive=True)
    renderers = [one for one in children if "--type=renderer" in one.cmdline()]
    return max((one.memory_info().rss for one in renderers), default=0) / 1e6


def _tampered(path: Path, index: int) -> Path:
    """A copy in which one entry says another time."""
    import zipfile  # noqa: PLC0415

    target = path.with_name(f"tampered-{path.name}")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", 8, compresslevel=1) as new:
        for name in old.namelist():
            with old.open(name) as source, new.open(name, "w", force_zip64=True) as out:
                if name != "entries.jsonl":
                    shutil.copyfileobj(source, out, 1 << 20)
                    continue
                for number, line in enumerate(source):
                    out.write(
                        line.replace(b'"time":"2', b'"time":"3') if number == index else line
                    )
    return target


def _peak(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()] or [100_000]
    numbers = [*numbers, min(numbers[0], 100_000)][:2]
    if "--measure" in sys.argv:
        print(json.dumps(measure(*numbers)))  # noqa: T201
    else:
        print(evidence(*numbers))  # noqa: T201

"""The record under several processes, under a notary, and beside a console that saves.

`python -m tests.bench.crowd crowd crowd` is one process of a crowd: told a role it prepares and
says `ready`, waits for a line, works, and prints what it measured as JSON. Starting a process
takes longer than measuring, so each plays several. The environment names the database.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.bench.record import detail, request_id
from tests.bench.table import Cell, table

PROCESSES, CALLERS, THREADS = 4, 64, 8  # so 256 callers; the chain's threads wait anyway
SECONDS = 2.5
OFFERED = 5_000  # events per second
TICK = 0.01  # seconds between two lots of what is offered
LAG_MAX = 5.0  # seconds after the last event within which a checkpoint covers it
FORM_EVERY = 0.02  # seconds between two forms that are saved


def report(found: dict[str, dict[str, Any]]) -> str:
    """What `measured` gave, by database."""
    rows: list[list[Cell]] = []
    for database, figures in found.items():
        for who, name in (("chain", "row-lock hash chain"), ("record", "Domicile")):
            one = figures[f"crowd {who}"]
            count = f"{PROCESSES} x {CALLERS if who == 'record' else THREADS} callers"
            rows.append([f"{database}: {name}, {count}", one["rate"], one["p50"], one["p99"]])
        alone, beside = figures["no form"], figures["forms"]
        rows.append(
            [f"{database}: 16 callers, no form", alone["rate"], alone["p50"], alone["p99"]]
        )
        words = f"{database}: 16 callers, {beside['forms']:.0f} forms/s saved"
        rows.append([words, beside["rate"], beside["p50"], beside["p99"]])
    title = f"Durable appends by {PROCESSES} processes, and beside a console (aim: p99 ≤ 50 ms)"
    appends = table(title, ["", "events/s", "p50 ms", "p99 ms"], rows)
    lags: list[list[Cell]] = [
        [database, figures["lag"]["rate"], *(figures["lag"][q] for q in ("p50", "p99", "max"))]
        for database, figures in found.items()
    ]
    heads = ["", "events/s", "lag p50 ms", "lag p99 ms", "longest ms"]
    title = f"From durable to signed, {OFFERED:,} events/s offered (aim: ≤ 1,000 ms)"
    return f"{appends}\n{table(title, heads, lags)}"


# --- in the measured process ----------------------------------------------------------------


def measured(data: Path) -> dict[str, Any]:
    """Every figure; the database is that of the environment, and nobody else's."""
    members = [_member("crowd") for _ in range(PROCESSES)]
    try:
        found: dict[str, Any] = {
            "crowd chain": _together(members, "chain"),
            "crowd record": _together(members, "writer"),
            "no form": _together(members[:1], "few"),
            "forms": _together(members[:2], "few", "console"),
        }
    finally:
        for member in members:
            member.communicate()  # the end of its input is its end
    return found | {"lag": _lag(data / "lag-log")}


def _together(members: Sequence[subprocess.Popen[str]], *roles: str) -> dict[str, float]:
    """Let them start at once, the last role for whoever is left; their appends as one."""
    from tests.bench.appends import figures  # noqa: PLC0415 - it imports this module

    for number, member in enumerate(members):
        role = roles[min(number, len(roles) - 1)]
        _tell(member, f"{role} {role}-{number}")
    for member in members:
        if _hear(member) != "ready":
            sys.exit("A process of the bench did not start.")
    for member in members:
        _tell(member, "go")
    said = [json.loads(_hear(member)) for member in members]
    latencies = [one for member in said for one in member.get("latencies", ())]
    forms = sum(member.get("forms", 0) for member in said)
    return figures(latencies, SECONDS) | {"forms": forms / SECONDS}


def _member(role: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.crowd", role, role],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _tell(member: subprocess.Popen[str], line: str) -> None:
    assert member.stdin
    member.stdin.write(line + "\n")
    member.stdin.flush()


def _hear(member: subprocess.Popen[str]) -> str:
    assert member.stdout
    return member.stdout.readline().rstrip()


def _lag(folder: Path) -> dict[str, float]:
    """How long after its commit an event is covered by a checkpoint that is signed."""
    notary = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.crowd", "notary", str(folder)]
    )
    try:
        _covered(folder, 0, 120.0)  # what the parts before have left
        return _offer(folder)
    finally:
        notary.terminate()
        notary.wait()


def _offer(folder: Path) -> dict[str, float]:
    from compliance.audit.writer import Writer  # noqa: PLC0415
    from compliance.models import Event  # noqa: PLC0415
    from tests.bench.appends import quantile  # noqa: PLC0415
    from tests.compliance.audit.events import event  # noqa: PLC0415

    writer = Writer("offer-1", on_fenced=lambda: os._exit(9))
    writer.start()
    about = detail()
    writer.append_sync([event("request.blocked", request_id(), **about)])
    before = Event.objects.count()
    _covered(folder, before, 20.0)
    durable: list[float] = []
    signed: list[tuple[int, float]] = []
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(folder, signed, done), daemon=True)
    watcher.start()

    async def one() -> None:
        await writer.append([event("request.blocked", request_id(), **about)])
        durable.append(time.monotonic())

    async def offer() -> None:
        begun, tasks = time.monotonic(), set()
        for lot in range(int(SECONDS / TICK)):
            await asyncio.sleep(max(0.0, begun + lot * TICK - time.monotonic()))
            tasks |= {asyncio.create_task(one()) for _ in range(int(OFFERED * TICK))}
        await asyncio.gather(*tasks)

    begun = time.monotonic()
    asyncio.run(offer())
    took = time.monotonic() - begun
    writer.stop()
    _covered(folder, before + len(durable), LAG_MAX)
    time.sleep(2 * TICK)
    done.set()
    watcher.join()
    sizes = [size for size, _ in signed]
    lags = []
    for place, when in enumerate(sorted(durable), start=before + 1):
        lags.append(max(0.0, signed[bisect_left(sizes, place)][1] - when))
    lags.sort()
    return {
        "rate": len(durable) / took,
        "p50": 1000 * quantile(lags, 50),
        "p99": 1000 * quantile(lags, 99),
        "max": 1000 * lags[-1],
    }


def _size(folder: Path) -> int:
    from compliance.audit import checkpoint  # noqa: PLC0415

    with suppress(FileNotFoundError):
        return checkpoint.parse((folder / "checkpoint").read_bytes()).size
    return 0


def _watch(folder: Path, signed: list[tuple[int, float]], done: threading.Event) -> None:
    while not done.wait(TICK / 2):
        size = _size(folder)
        if not signed or size > signed[-1][0]:
            signed.append((size, time.monotonic()))


def _covered(folder: Path, size: int, patience: float) -> None:
    """Wait for a checkpoint over `size` entries, or, with 0, over all there are."""
    from compliance.models import Event  # noqa: PLC0415

    give_up = time.monotonic() + patience
    while _size(folder) < (size or Event.objects.count()):
        if time.monotonic() > give_up:
            sys.exit(f"No checkpoint covered {size} entries within {patience:.0f} s.")
        time.sleep(TICK)


# --- the members ----------------------------------------------------------------------------


def _ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


def _write(source: str, callers: int) -> dict[str, Any]:
    from compliance.audit.writer import Writer  # noqa: PLC0415
    from tests.bench.appends import appending  # noqa: PLC0415

    writer = Writer(source, on_fenced=lambda: os._exit(9))
    writer.start()
    asyncio.run(appending(writer, callers, 0.3))
    _ready()
    latencies = asyncio.run(appending(writer, callers, SECONDS))
    writer.stop()
    return {"latencies": latencies}


def _chain() -> dict[str, Any]:
    from tests.bench.appends import link, threads  # noqa: PLC0415

    link()
    _ready()
    return {"latencies": threads(THREADS, link, SECONDS)}


def _save() -> dict[str, Any]:
    """What the console does for each form: the row and its event, in one transaction."""
    from django.db import OperationalError, transaction  # noqa: PLC0415

    from compliance.audit import journal  # noqa: PLC0415
    from compliance.models import Application  # noqa: PLC0415
    from tests.compliance.audit.events import event  # noqa: PLC0415

    application, _ = Application.objects.get_or_create(name="bench")
    _ready()
    end, forms = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        with suppress(OperationalError), transaction.atomic():
            application.requests_per_minute = forms
            application.save()
            journal.record("console", [event("application.changed")])
            forms += 1
        time.sleep(FORM_EVERY)
    return {"forms": forms}


def _notarise(folder: Path) -> None:
    from compliance.audit.notary import Notary  # noqa: PLC0415

    Notary(folder, bytes(range(32)), "bench/log/1").run(threading.Event())


def main(role: str, source: str) -> None:
    """Lead the log in the folder `source`, or play one role after the other as told."""
    import django  # noqa: PLC0415 - not in the process that only prints

    django.setup()
    if role == "notary":
        _notarise(Path(source))
        return
    while line := sys.stdin.readline():
        played, name = line.split()
        if played == "chain":
            said = _chain()
        elif played == "console":
            said = _save()
        else:
            said = _write(name, CALLERS if played == "writer" else 16)
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

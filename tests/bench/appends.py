"""Durable appends beside what a Django app would do: a hash chain under a row lock.

Each database is measured in a process of its own, on a fresh database, with events as the
gate writes them. Callers are coroutines, as in the gateway; the chain's are threads, as in
a WSGI server (at most 32, which is where more only wait).
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench import crowd
from tests.bench.record import KEY, ORIGIN, apart, detail, prepared, request_id, timed
from tests.bench.table import Cell, table

if TYPE_CHECKING:
    from compliance.audit.writer import Writer

LEVELS = (1, 16, 256)
SECONDS = 2.0
THREADS_MAX = 32
AIMS = {"PostgreSQL": 15_000, "SQLite": 20_000}


def report() -> str:
    """Measure both databases, one after the other."""
    from tests.services.postgres import Postgres  # noqa: PLC0415 - only when it runs

    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="dmc-bench-") as folder:
        found["SQLite"] = apart(__spec__.name, Path(folder) / "sqlite")
        server = Postgres()
        try:
            found["PostgreSQL"] = apart(__spec__.name, Path(folder) / "postgres", server.url())
        finally:
            server.close()
    return "\n".join((_appends(found), crowd.report(found), _log(found)))


def _appends(found: dict[str, dict[str, Any]]) -> str:
    rows: list[list[Cell]] = []
    for database, figures in found.items():
        for who in ("row-lock hash chain", "Domicile"):
            for callers in LEVELS:
                one = figures[who][str(callers)]
                rows.append(
                    [
                        f"{database}: {who}, {callers} callers",
                        one["rate"],
                        one["p50"],
                        one["p99"],
                    ]
                )
    aims = ", ".join(f"{name} ≥ {aim:,}/s" for name, aim in AIMS.items())
    heads = ["", "events/s", "p50 ms", "p99 ms"]
    return table(f"Durable appends (aim with 256 callers: {aims})", heads, rows)


def _log(found: dict[str, dict[str, Any]]) -> str:
    rows: list[list[Cell]] = [
        [what, *(figures[what] for figures in found.values())]
        for what in (
            "notary integrates, entries/s",
            "audit verify, entries/s",
            "audit export, entries/s",
            "offline verifier with details, entries/s",
            "evidence beyond entries and details, bytes/entry",
            "an event in the database, bytes",
            "an entry in the log's files, bytes",
        )
    ]
    return table("The log", ["", *found], rows)


# --- in the measured process ----------------------------------------------------------------


def measure_all() -> dict[str, Any]:
    """Every figure of the database that the environment names."""
    data = prepared()
    from tests.compliance.audit.events import register  # noqa: PLC0415

    register()
    found: dict[str, Any] = {"row-lock hash chain": _chain(), "Domicile": _writer()}
    found |= _afterwards(data)
    return found | crowd.measured(data)


def figures(latencies: list[float], seconds: float) -> dict[str, float]:
    """Rate per second, and two quantiles in milliseconds; NaN where nothing got through."""
    ordered = sorted(latencies) or [float("nan")]
    return {
        "rate": len(latencies) / seconds,
        "p50": 1000 * quantile(ordered, 50),
        "p99": 1000 * quantile(ordered, 99),
    }


def quantile(ordered: list[float], percent: int) -> float:
    """The value below which `percent` of a sorted list lie."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _writer() -> dict[str, Any]:
    from compliance.audit.writer import Writer  # noqa: PLC0415

    writer = Writer("web-1", on_fenced=lambda: os._exit(9))
    writer.start()

    async def levels() -> dict[str, Any]:
        await appending(writer, 16, 0.5)  # warm
        return {str(n): figures(await appending(writer, n, SECONDS), SECONDS) for n in LEVELS}

    try:
        return asyncio.run(levels())
    finally:
        writer.stop()


async def appending(writer: Writer, callers: int, seconds: float) -> list[float]:
    """So many coroutines that append one event after the other; the seconds each took."""
    from tests.compliance.audit.events import event  # noqa: PLC0415

    about = detail()
    end = time.perf_counter() + seconds
    latencies: list[float] = []

    async def call() -> None:
        while (begun := time.perf_counter()) < end:
            await writer.append([event("request.blocked", request_id(), **about)])
            latencies.append(time.perf_counter() - begun)

    await asyncio.gather(*(call() for _ in range(callers)))
    return latencies


def _chain() -> dict[str, Any]:
    """The usual way: lock the last row, hash it with the new one, insert, commit."""
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_chain (id integer PRIMARY KEY, data text, hash text)"
        )
        cursor.execute("CREATE TABLE bench_tip (id integer PRIMARY KEY, last integer)")
        cursor.execute("INSERT INTO bench_chain VALUES (0, '', '')")
        cursor.execute("INSERT INTO bench_tip VALUES (1, 0)")
    return {str(n): figures(threads(n, link, SECONDS), SECONDS) for n in LEVELS}


def link() -> None:
    """One append to the chain."""
    import hashlib  # noqa: PLC0415

    from django.db import connection, transaction  # noqa: PLC0415

    data = json.dumps(detail())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE bench_tip SET last = last + 1 WHERE id = 1")
        cursor.execute(
            "SELECT c.id, c.hash FROM bench_chain c JOIN bench_tip t ON c.id = t.last - 1"
        )
        last, before = cursor.fetchone()
        digest = hashlib.sha256((before + data).encode()).hexdigest()
        cursor.execute("INSERT INTO bench_chain VALUES (%s, %s, %s)", [last + 1, data, digest])


def threads(callers: int, act: Callable[[], None], seconds: float) -> list[float]:
    """So many threads that act again and again; the seconds each time took."""
    from django.db import OperationalError, connection  # noqa: PLC0415

    latencies: list[float] = []
    end = time.perf_counter() + seconds

    def call() -> None:
        while (begun := time.perf_counter()) < end:
            try:
                act()
            except OperationalError:  # SQLite's lock was not free in time: not an append
                continue
            latencies.append(time.perf_counter() - begun)
        connection.close()

    everyone = [threading.Thread(target=call) for _ in range(min(callers, THREADS_MAX))]
    for thread in everyone:
        thread.start()
    for thread in everyone:
        thread.join()
    return latencies


def _afterwards(data: Path) -> dict[str, float]:
    """What the notary, the check, the export and the offline check make of those events."""
    from compliance.audit.ledger import current  # noqa: PLC0415
    from compliance.audit.notary import Notary  # noqa: PLC0415
    from compliance.audit.verify import verify_log  # noqa: PLC0415
    from compliance.evidence import verify  # noqa: PLC0415
    from compliance.evidence.bundle import Scope, export  # noqa: PLC0415

    log = data / "log"
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PrivateKey,
    )

    public = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
    notary = Notary(log, KEY, ORIGIN)
    integrating = timed(lambda: _drain(notary))
    size = current().size
    verifying = timed(lambda: _insist(verify_log(log, public).ok))
    path = data / "evidence.zip"
    exporting = timed(lambda: export(Scope(), path, log, KEY))
    command = [sys.executable, "-I", "-S", verify.__file__, str(path)]
    offline = timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    return {
        "notary integrates, entries/s": size / integrating,
        "audit verify, entries/s": size / verifying,
        "audit export, entries/s": size / exporting,
        "offline verifier with details, entries/s": size / offline,
        "evidence beyond entries and details, bytes/entry": _overhead(path) / size,
        "an event in the database, bytes": _stored() / size,
        "an entry in the log's files, bytes": _files(log) / size,
    }


def _stored() -> int:
    """Bytes of the tables of events and of their places, with indexes."""
    from django.db import connection  # noqa: PLC0415

    tables = ("compliance_event", "compliance_leaf")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT pg_total_relation_size(%s) + pg_total_relation_size(%s)", tables
            )
        else:
            cursor.execute(
                "SELECT sum(pgsize) FROM dbstat WHERE name IN"
                " (SELECT name FROM sqlite_schema WHERE tbl_name IN (%s, %s))",
                tables,
            )
        return int(cursor.fetchone()[0])


def _files(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _drain(notary: Any) -> None:
    while notary.integrate_once():
        pass


def _insist(sound: bool) -> None:
    if not sound:
        sys.exit("The log that was measured is not sound.")


def _overhead(path: Path) -> int:
    import zipfile  # noqa: PLC0415

    with zipfile.ZipFile(path) as archive:
        return sum(
            member.compress_size
            for member in archive.infolist()
            if member.filename in {"hints", "proof.json", "checkpoint", "manifest.json"}
        )


if __name__ == "__main__":
    print(json.dumps(measure_all()))  # noqa: T201

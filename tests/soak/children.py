"""Processes to be killed. Each runs until it is, and says what it has achieved, a line each.

What a line says is true when it is written: the caller's append, the export or the erasure had
returned. So whoever kills the process knows what must be there afterwards.
"""

from __future__ import annotations

import dataclasses
import os
import random
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from compliance.audit import erasure, notary, subjects
from compliance.audit.ledger import current
from compliance.audit.verify import verify_log
from compliance.audit.writer import Writer
from compliance.evidence.bundle import ExportImpossible, Scope, export
from compliance.models import Content as Stored
from compliance.vocabulary import Content, Event, RecordUnavailable
from tests.compliance.audit.events import admitted, completed, register

KEY = bytes(range(32))
ORIGIN = "example.org/log/1"
CALLERS = 4
PAUSE = 0.01  # seconds that a caller rests, so that a log of 100 kills stays small
RANGE = 300  # entries of an export
PERSON = "anna.quillworthy@example.org"

Say = Callable[[str], None]

__all__ = ["KEY", "ORIGIN", "ROLES", "Say", "verify_log"]


def write(_folder: Path, say: Say) -> None:
    """Requests with kept content, by a few callers."""
    register()
    writer = Writer("web-1", on_fenced=lambda: os._exit(9))
    writer.start()
    subject = subjects.blind(secrets.token_bytes(32), PERSON)

    def call() -> None:
        while True:
            request = f"{int(time.time()):08x}{secrets.token_hex(12)}"
            try:
                for event, part in (
                    (admitted(request), "prompt"),
                    (completed(request), "output"),
                ):
                    writer.append_sync([_with_content(event, part, subject)])
                    say(f"{event.type} {request}")
            except RecordUnavailable:
                say("unavailable -")
            time.sleep(PAUSE)

    threads = [threading.Thread(target=call) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _with_content(event: Event, part: str, subject: str) -> Event:
    expires = event.time + 86_400_000_000
    return dataclasses.replace(
        event, content=Content(part, f"{part} {event.request}".encode(), expires, (subject,))
    )


def notarise(folder: Path, say: Say) -> None:
    """A notary that writes more files in less time, so that more kills fall between them."""
    notary.PUBLISH = 0.01
    notary.POLL = 0.005
    notary.BATCH = 50
    say("started -")
    notary.Notary(folder / "log", KEY, ORIGIN).run(threading.Event())


def give_out(folder: Path, say: Say) -> None:
    """One export of the log's end after the other."""
    exports = folder / "exports"
    exports.mkdir(exist_ok=True)
    while True:
        path = exports / f"{secrets.token_hex(8)}.zip"
        try:
            size = current().size
            scope = Scope(begin=str(max(0, size - RANGE)))
            say(f"exporting {path.name}")
            export(scope, path, folder / "log", KEY)
            say(f"exported {path.name}")
        except ExportImpossible:  # no checkpoint yet, or the head moved past its tiles
            time.sleep(PAUSE)


def erase(_folder: Path, say: Say) -> None:
    """What was cut short is completed; then requests are erased, one by one."""
    chance = random.Random()
    erasure.recover(source="command")
    while True:
        kept = list(Stored.objects.values_list("request", flat=True)[:50])
        if not kept:
            time.sleep(PAUSE)
            continue
        request = chance.choice(kept)
        say(f"erasing {request}")
        erasure.erase("request", request, actor="soak", reason="to be killed")
        say(f"erased {request}")
        time.sleep(PAUSE)


ROLES: dict[str, Callable[[Path, Say], None]] = {
    "writer": write,
    "notary": notarise,
    "export": give_out,
    "erasure": erase,
}

"""`python -m tests.soak.kills FOLDER SEED COUNT`: kill -9 at COUNT random points, then judge.

It exits with 0 where nothing is wrong, and says what is otherwise. One process loads all code
and never opens the database before the last kill; the victims are its forks, so that one costs
milliseconds. The seed decides who is killed and after how long; what the victim was doing then
is the machine's choice.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import io
import os
import random
import select
import signal
import sys
import threading
import time
import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import django

# ruff: noqa: T201 - it prints its verdict
# ruff: noqa: PLC0415 - models can be imported once Django is set up

DELAY = 0.15  # seconds at most from a victim's start, or the kill before, to its kill
STARTED = 20.0  # seconds for a victim to say its first line
CALM = 60.0  # seconds for a notary that nobody kills to finish
LEASE = 1.0  # seconds after which that notary takes a writer for dead
VERIFIED = 8  # exports that are verified whole; the digests of all are compared
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG

_prctl = ctypes.CDLL(None).prctl


@dataclass(slots=True)
class Victim:
    """A forked child and what it said."""

    role: str
    pid: int
    pipe: int
    text: bytes = b""

    @classmethod
    def fork(cls, role: str, folder: Path) -> Victim:
        """A child that plays `role` until it is killed."""
        from tests.soak.children import ROLES

        reading, writing = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writing)
            os.set_blocking(reading, False)
            return cls(role, pid, reading)
        _prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        try:
            ROLES[role](folder, lambda line: _say(writing, line))
        except BaseException as error:  # noqa: BLE001 - the parent judges
            _say(writing, f"died {type(error).__name__}")
            print(f"{role}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(1)

    def listen(self) -> None:
        """Take what it has said until now."""
        while True:
            try:
                data = os.read(self.pipe, 65_536)
            except BlockingIOError:
                return
            if not data:
                return
            self.text += data

    def kill(self) -> list[tuple[str, str]]:
        """End it, now; every whole line it has said."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.listen()
        os.close(self.pipe)
        lines = self.text.decode().split("\n")[:-1]
        return [tuple(line.split(" ", 1)) for line in lines]  # type: ignore[misc]


def _say(pipe: int, line: str) -> None:
    os.write(pipe, line.encode() + b"\n")  # one write below PIPE_BUF is whole or absent


@dataclass(slots=True)
class Run:
    """One run of kills on one database."""

    folder: Path
    seed: int
    said: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    signed: dict[int, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    kills: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    found: dict[str, int] = field(default_factory=dict)

    def strike(self, count: int) -> None:
        """Kill `count` victims, each replaced at once."""
        from tests.soak.children import ROLES

        chance = random.Random(self.seed)
        roles = sorted(ROLES)
        victims = {role: Victim.fork(role, self.folder) for role in roles}
        try:
            for _ in range(count):
                role = chance.choice(roles)
                delay = chance.uniform(0, DELAY)
                self._wait(victims, role, delay)
                self._hear(victims[role].kill())
                self.kills[role] += 1
                victims[role] = Victim.fork(role, self.folder)
        finally:
            for victim in victims.values():
                self._hear(victim.kill())

    def _wait(self, victims: dict[str, Victim], role: str, delay: float) -> None:
        """Until the victim has worked for `delay`; meanwhile, keep every checkpoint seen."""
        give_up = time.monotonic() + STARTED
        end = time.monotonic() + delay
        while time.monotonic() < end or not victims[role].text:
            if time.monotonic() > give_up:
                self.wrong.append(f"a {role} said nothing for {STARTED:.0f} s")
                return
            pipes = [victim.pipe for victim in victims.values()]
            select.select(pipes, [], [], 0.003)
            for victim in victims.values():
                victim.listen()
            self._look()
            time.sleep(0.002)

    def _look(self) -> None:
        from compliance.audit import checkpoint

        try:
            note = (self.folder / "log" / "checkpoint").read_bytes()
        except FileNotFoundError:
            return
        state = checkpoint.parse(note)
        self.signed[state.size].add(state.root)

    def _hear(self, lines: list[tuple[str, str]]) -> None:
        for what, which in lines:
            if what == "died":
                self.wrong.append(f"a process died by itself: {which}")
            self.said[what].add(which)

    # --- after the last kill --------------------------------------------------------------

    def settle(self) -> None:
        """Complete what was cut short: erasures, then the log, by a notary nobody kills."""
        from compliance.audit import erasure, leases
        from compliance.audit.notary import Notary
        from compliance.models import Event, Leaf, WriterEpoch
        from tests.soak.children import KEY, ORIGIN

        erasure.recover(source="command")
        stop = threading.Event()
        notary = Notary(self.folder / "log", KEY, ORIGIN)
        notary._leases = leases.Leases(lease=LEASE)
        thread = threading.Thread(target=notary.run, args=(stop,))
        thread.start()
        give_up = time.monotonic() + CALM
        while (
            WriterEpoch.objects.filter(source="web-1", closed=None).exists()
            or Event.objects.count() != Leaf.objects.count()
        ):
            if not thread.is_alive() or time.monotonic() > give_up:
                self.wrong.append("the last notary refused, or did not finish")
                break
            time.sleep(0.05)
        stop.set()
        thread.join()
        self._look()

    def judge(self) -> None:
        """Everything that was promised."""
        self._events()
        self._log()
        self._exports()
        self._contents()

    def _events(self) -> None:
        from compliance.models import Event
        from compliance.vocabulary import TERMINAL

        events = [
            (kind, request or "")
            for kind, request in Event.objects.values_list("type", "request")
        ]
        recorded = set(events)
        for kind in ("request.admitted", "request.completed"):
            lost = [request for request in self.said[kind] if (kind, request) not in recorded]
            self._refuse(lost, f"{kind} was acknowledged and is not on record")
        admitted = {request for kind, request in recorded if kind == "request.admitted"}
        ends = [request for kind, request in events if kind in TERMINAL]
        self._refuse([one for one, n in Counter(ends).items() if n > 1], "ended twice")
        self._refuse(sorted(admitted ^ set(ends)), "admitted and not ended, or the reverse")
        self.found["events"] = len(events)

    def _log(self) -> None:
        """No gap, no fork: every checkpoint ever seen is of the tree that stands now."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        from compliance.audit.files import LogFolder
        from compliance.audit.ledger import current
        from compliance.audit.tree import Tree
        from compliance.audit.verify import verify_log
        from compliance.models import Event
        from tests.soak.children import KEY

        public = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
        report = verify_log(self.folder / "log", public)
        if not report.ok:
            self.wrong += report.words
        if (report.open_requests, report.waiting) != (0, 0):
            self.wrong.append("requests are open, or events wait, when all is over")
        size = current().size
        if not report.entries == size == Event.objects.count():
            self.wrong.append("the log does not hold every event")
        tree = Tree(LogFolder(self.folder / "log"), size)
        for seen, roots in sorted(self.signed.items()):
            if seen > size or roots != {tree.root(seen)}:
                self.wrong.append(f"a fork: the checkpoint of {seen} is not of this log")
        self.found["checkpoints"] = len(self.signed)

    def _exports(self) -> None:
        """What is on record lies there, whole; what was acknowledged is on record."""
        import orjson

        from compliance.evidence import verify as verifier
        from compliance.models import Event

        details = Event.objects.filter(type="evidence.exported").values_list(
            "detail", flat=True
        )
        recorded = {orjson.loads(bytes(detail or b""))["manifest"] for detail in details}
        files: dict[Path, str] = {}  # two of one second and one range have one digest
        unrecorded = 0
        for path in (self.folder / "exports").glob("*.zip"):
            digest = _manifest(path)
            if digest in recorded:
                files[path] = digest
            else:
                unrecorded += 1  # killed before it was on record: nothing stands for it
                if path.name in self.said["exported"]:
                    self.wrong.append("an export was acknowledged and is not on record")
        self._refuse(
            sorted(recorded - set(files.values())), "an export is on record without its file"
        )
        names = {path.name for path in files}
        self._refuse(sorted(self.said["exported"] - names), "an exported file is not there")
        for path in list(files)[:VERIFIED]:
            with zipfile.ZipFile(path) as archive:
                if archive.testzip() is not None:
                    self.wrong.append(f"{path.name} is damaged")
            with contextlib.redirect_stdout(io.StringIO()):
                verdict = verifier.main([str(path)])
            if verdict != 0:
                self.wrong.append(f"{path.name} does not verify")
        self.found |= {"exports": len(files), "exports cut short": unrecorded}

    def _contents(self) -> None:
        """What was erased is gone; whatever else was kept can be opened."""
        from compliance.audit import vault
        from compliance.audit.keystore import VaultUnreadable
        from compliance.models import Content, Erasure, Event

        open_ones = Erasure.objects.exclude(state=Erasure.State.DONE).count()
        if open_ones:
            self.wrong.append(f"{open_ones} erasures are not completed")
        kept = set(Content.objects.values_list("request", flat=True))
        asked = set(Erasure.objects.values_list("request", flat=True))
        self._refuse(sorted(self.said["erased"] & kept), "erased, and there is a row of it")
        self._refuse(sorted(asked & kept), "asked to be erased, and there is a row of it")
        lost = self.said["request.admitted"] - asked - kept
        self._refuse(sorted(lost), "nobody erased it, and its content is gone")
        for request in sorted(kept):
            try:
                parts = vault.read(request)
            except VaultUnreadable:
                self.wrong.append(f"the content of {request} cannot be opened")
                continue
            if any(text != f"{part} {request}".encode() for part, _, text in parts):
                self.wrong.append(f"the content of {request} is another one")
        done = Erasure.objects.count()
        if Event.objects.filter(type="content.erased").count() != done:
            self.wrong.append("not every erasure is on record once")
        self.found |= {"erasures": done, "contents": len(kept)}

    def _refuse(self, found: list[str], what: str) -> None:
        if found:
            self.wrong.append(f"{what}: {len(found)}, first {found[0]}")


def _manifest(path: Path) -> str:
    """The digest of an export's manifest; empty where the file is not a whole ZIP."""
    try:
        with zipfile.ZipFile(path) as archive:
            return hashlib.sha256(archive.read("manifest.json")).hexdigest()
    except (zipfile.BadZipFile, KeyError, EOFError):
        return ""


def prepare(folder: Path) -> None:
    """The folders and keys of an appliance's data."""
    from compliance.audit.keys import create_key

    for name in ("subject-index", "log.ed25519"):
        create_key(folder / "keys" / name)
    (folder / "exports").mkdir()


def main(arguments: list[str]) -> int:
    folder, seed, count = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    os.environ |= {"DJANGO_SETTINGS_MODULE": "appliance.settings", "DOMICILE_DATA": str(folder)}
    django.setup()
    from django.db import connection

    import tests.soak.children  # noqa: F401 - loaded once, before any fork

    run = Run(folder, seed)
    prepare(folder)
    begun = time.monotonic()
    run.strike(count)
    struck = time.monotonic() - begun
    if connection.connection is not None:
        run.wrong.append("the parent of the forks had opened the database")
    run.settle()
    run.judge()
    print(
        f"{count} kills in {struck:.0f} s of {dict(run.kills)}, {run.found}, "
        f"judged in {time.monotonic() - begun - struck:.0f} s"
    )
    for line in run.wrong[:20]:
        print("WRONG:", line)
    return 1 if run.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What this process's data folder has seen of the policy, so that rows that go show.

A file beside the database: the newest version that counted, and a digest of every statement and
revocation. They only ever grow, so a database that holds less was set back: by a restored
backup, or by somebody who removed a withdrawal, a version or a revocation. Nothing is decided
then, until `manage.py policy restored --reason TEXT` says that it was meant.

It also keeps a clock that was set back from ending the version that counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from compliance.audit.files import sync
from compliance.audit.holding import held
from compliance.versions.certificates import Key
from compliance.versions.chain import Standing
from compliance.versions.hearing import Row

FILE = "policy-floor"
PUBLIC = "installer.pub"  # in the folder `keys`
_MEND = (
    "If an older database was restored on purpose, run `manage.py policy restored --reason "
    "TEXT`; else restore the newest backup and run `manage.py audit verify`."
)


class FloorUnusable(Exception):
    """The file cannot be read or written. The message says why, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen. `since` is from when the version counted, in µs since the Unix epoch."""

    number: int = 0
    digest: str = ""
    since: int = 0
    marks: frozenset[str] = frozenset()


def marks(rows: Iterable[Row], keys: Iterable[Key]) -> frozenset[str]:
    """A digest of each thing that may only be added to."""
    said = [f"{one.kind} {one.signature} {one.statement}" for row in rows for one in row.said]
    for key in keys:
        if not key.waiting:
            said.append(f"certified {key.signature} {key.statement}")
        if key.revoked is not None:
            said.append(f"revoked {key.public_key} {key.revoked}")
    return frozenset(hashlib.sha256(one.encode()).hexdigest()[:32] for one in said)


class Floor:
    """The file in a data folder. Safe for threads and processes that share it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def faults(self, seen: Seen, standing: Standing, found: frozenset[str]) -> Sequence[str]:
        """What the database no longer holds that had been `seen` before it was read."""
        words = []
        if seen.number and seen.digest not in {one.row.digest for one in standing.chain}:
            words.append(
                f"Policy version {seen.number}, which counted before, counts no more: the "
                f"database is older than {self.path}. {_MEND}"
            )
        if missing := seen.marks - found:
            words.append(
                f"{len(missing)} signatures, certificates or revocations about the policy are "
                f"gone from the database. {_MEND}"
            )
        return words

    def advance(self, standing: Standing, found: frozenset[str]) -> None:
        """Note what is seen now, durably; raises `FloorUnusable`."""
        seen, active = self.seen(), standing.active
        if active is None or (seen.digest == active.digest and seen.marks == found):
            return
        try:
            with self._turn():
                known = self.seen()
                if known.since > active.since_us:  # another process is ahead of this one
                    number, digest, since = known.number, known.digest, known.since
                else:
                    number, digest, since = active.number, active.digest, active.since_us
                self._write(Seen(number, digest, since, known.marks | found))
        except OSError as error:
            raise FloorUnusable(
                f"{self.path} cannot be written: {error.strerror}. Without it nobody would "
                "see that the policy was set back."
            ) from error

    def clear(self) -> None:
        """Forget what was seen; the next look begins anew."""
        with self._turn():
            self.path.unlink(missing_ok=True)
            sync(self.path.parent)

    def _turn(self) -> AbstractContextManager[bool]:
        # A file that is there already: one made by root would shut the others out.
        return held(os.open(self.path.parent / "keys" / PUBLIC, os.O_RDONLY), wait=True)

    def seen(self) -> Seen:
        """What was seen so far; raises `FloorUnusable`."""
        try:
            said = json.loads(self.path.read_bytes())
            return Seen(
                int(said["number"]),
                str(said["digest"]),
                int(said["since"]),
                frozenset(map(str, said["marks"])),
            )
        except FileNotFoundError:
            return Seen()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FloorUnusable(
                f"{self.path} cannot be read ({type(error).__name__}). {_MEND}"
            ) from error

    def _write(self, seen: Seen) -> None:
        said = {
            "number": seen.number,
            "digest": seen.digest,
            "since": seen.since,
            "marks": sorted(seen.marks),
        }
        scratch = self.path.with_name(f".{FILE}.{secrets.token_hex(8)}")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(said, file)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self.path)
        sync(self.path.parent)

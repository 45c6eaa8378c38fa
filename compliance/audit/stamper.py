"""Has the newest checkpoint stamped each day, and when the log's key changes (RFC 3161).

A thread beside the notary, and not in its way, as the one that asks the witnesses: an authority
that is slow, away or false costs nothing but its stamp, and is asked again later.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import connection

from compliance.audit import ledger, stamp, stamps
from compliance.audit.asker import OK, Call
from compliance.audit.authority import StampInvalid, trusted
from compliance.audit.checkpoint import CheckpointInvalid, parse, split_note
from compliance.audit.files import CHECKPOINT, LogFolder, folder_of
from compliance.audit.stamp_files import sizes
from compliance.audit.stamps import Mine

LOOK = 5.0  # seconds between looks whether a stamp is due
INTERVAL = timedelta(days=1)
AGAIN = 600.0  # seconds until an authority that gave no stamp is asked again

_log = logging.getLogger(__name__)


class Stamper:
    """The thread; `certificates` is the file of those that vouch for `address`."""

    def __init__(
        self, log: Path, mine: Mine, call: Call, address: str, certificates: Path
    ) -> None:
        self._log, self._mine, self._call = log, mine, call
        self._address, self._certificates = address, certificates
        self._resting = 0.0  # monotonic time until which nobody is asked

    def run(self, stop: threading.Event) -> None:
        """Have stamped what is due, until `stop`."""
        while not stop.wait(LOOK):
            if time.monotonic() < self._resting:
                continue
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, the log goes on
                self._resting = time.monotonic() + AGAIN
                _log.error("No time stamp from %s: %s", self._address, words(error))
                connection.close()
        connection.close()

    def look(self) -> bool:
        """Have the newest checkpoint stamped if that is due; whether it was.

        Raises `StampInvalid`, `CheckpointInvalid` and OSError.
        """
        folder = LogFolder(folder_of(self._log, ledger.current().number))
        note = folder.read(CHECKPOINT)
        if note is None or not self._is_due(folder, note):
            return False
        asked = stamps.question(folder, note, parse(note).size)
        anchors = trusted(self._certificates)
        reply = self._call("POST", self._address, asked.query)
        if reply.status != OK:
            raise StampInvalid(f"it answered {reply.status} in place of a time stamp.")
        stamps.keep(folder, asked, reply.body, self._mine, anchors)
        return True

    def _is_due(self, folder: LogFolder, note: bytes) -> bool:
        """Whether the checkpoint is new, and a day has passed or another key signs."""
        size = parse(note).size
        found = [one for one in sizes(folder) if one <= size]  # no more was ever signed
        if not size or size in found:
            return False
        if not found:
            return True
        try:
            asked, reply = stamps.kept(folder, found[-1])
            now, last = datetime.now(UTC), stamp.read(reply).time
        except StampInvalid:  # a file was damaged or put there; `stamp show` says it
            return True
        lately = last - stamps.TOLERANCE <= now < last + INTERVAL
        return not lately or not _signers(note) <= _signers(asked.note)


def _signers(note: bytes) -> set[bytes]:
    """The ids of the keys that signed a note as its log."""
    origin = parse(note).origin
    return {line[:4] for name, line in split_note(note)[1] if name == origin}


def words(error: Exception) -> str:
    """What went wrong, for a log line or a person; no more than is known to be harmless."""
    if isinstance(error, StampInvalid | CheckpointInvalid):
        return str(error)
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return type(error).__name__

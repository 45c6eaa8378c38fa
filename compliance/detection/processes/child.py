"""The process that holds a detector: texts in on a pipe, what was found out on another.

Started by `process`, as `python -m compliance.detection.processes.child <parent's process id>`.
It lives no longer than its parent: the kernel kills it when the parent's thread dies
(`PR_SET_PDEATHSIG`), and it ends when its input ends.
Nothing is written to the terminal, which a stray warning could fill with a text.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import Any, BinaryIO

from compliance.detection.detector import Detector
from compliance.detection.own import OwnEntities, PatternRefused
from compliance.detection.processes import definitions
from compliance.detection.processes.examined import HEAD, packed, written
from compliance.vocabulary import DetectionFailed

COMPILED = 4  # lists of own entities that are kept ready
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _die_with(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel does not tell of the parent's death")
    if os.getppid() != parent:  # it died before the line above
        os._exit(0)


def _frame(pipe: BinaryIO) -> Any | None:
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    (length,) = HEAD.unpack(head)
    body = pipe.read(length)
    return json.loads(body) if len(body) == length else None


class _Own:
    """Compiled definitions: those of the version in force, and of drafts that are tried."""

    def __init__(self) -> None:
        self._none = OwnEntities(())
        self._known: dict[str, OwnEntities] = {}

    def asked(self, request: dict[str, Any]) -> OwnEntities:
        """Those that a request names, or brings along; raises `PatternRefused`."""
        key = request.get("own", "")
        if not key:
            return self._none
        found = self._known.pop(key, None)
        if found is None:
            found = OwnEntities(definitions.read(request["definitions"]))
        self._known[key] = found  # at the end: it was asked for last
        while len(self._known) > COMPILED:
            self._known.pop(next(iter(self._known)))
        return found


def _answer(detector: Detector, own: _Own, request: dict[str, Any]) -> dict[str, Any]:
    try:
        detector.own = own.asked(request)
        found = detector.examine_all(request["texts"], request["seconds"])
        return {"texts": [written(examined) for examined in found]}
    except DetectionFailed as failure:
        return {"failed": str(failure)}
    except PatternRefused as refused:
        # What is in force was tried before it was signed; another version of RE2 may differ.
        return {"failed": f"the pattern of one of the policy's own entities {refused}"}


def main(parent: int) -> None:
    """Load the detector, say what it covers, then answer until the input ends."""
    _die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group
    requests = os.fdopen(0, "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        detector = Detector()
        hello: dict[str, Any] = {"coverage": sorted(detector.coverage)}
    except DetectionFailed as failure:
        hello = {"failed": str(failure)}
    answers.write(packed(hello))
    answers.flush()
    own = _Own()
    while "failed" not in hello and (request := _frame(requests)) is not None:
        answers.write(packed(_answer(detector, own, request)))
        answers.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))

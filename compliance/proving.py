"""Questions about policies are answered in a process of their own.

The solver takes memory and time that no request should wait for, and it is C++ code that reads
what a person wrote: if it failed, the process that answers requests would fail with it. One
question at a time is asked from each process; the rest is told to come back.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import structlog

import compliance
from compliance.policy.asking import Asking, answer_of, asking_document
from compliance.policy.prove import Answer, Verdict

SECONDS = 120.0
"""How long a question may take at most. The solver's own limit ends it long before, on a
machine that is not overloaded; what ends here is undecided too."""

_ROOT = Path(compliance.__file__).parent.parent
_turn = threading.Lock()
log = structlog.get_logger(__name__)

TOO_LONG = (
    f"The question was not answered within {SECONDS:.0f} seconds. Nothing is proved by this;"
    " ask again when the machine has less to do."
)


class ProofImpossible(Exception):
    """A question could not be asked. The message says why, and what to do."""


def prove(asking: Asking, *, wait: float = 0.0, seconds: float = SECONDS) -> tuple[Answer, ...]:
    """The answers to a question; waits up to `wait` seconds for another one to end.

    Raises `ProofImpossible` where another is still at work, and where the process that proves
    failed. Not to be called while a transaction is open.
    """
    if not _turn.acquire(timeout=wait):
        raise ProofImpossible(
            "Another question about a policy is being answered; ask again in a minute."
        )
    try:
        return _asked(asking, seconds)
    finally:
        _turn.release()


def _asked(asking: Asking, seconds: float) -> tuple[Answer, ...]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "compliance.policy.asking"],
            input=json.dumps(asking_document(asking)),
            capture_output=True,
            text=True,
            timeout=seconds,
            cwd=_ROOT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return (Answer(Verdict.UNDECIDED, (TOO_LONG,)),)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
        log.error("proof_failed", kind=str(asking.topic), error=said[0])
        raise ProofImpossible(
            f"The process that proves failed ({said[0]}). Nothing is proved. The operator finds"
            " this in the log as proof_failed."
        )
    return tuple(answer_of(one) for one in json.loads(done.stdout))

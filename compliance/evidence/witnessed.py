"""Which checkpoint evidence is proven against, where witnesses cosign the log.

With a policy it is the newest that enough of them have cosigned, unless what is asked for goes
beyond it, or it is old: then the newest of all, and the evidence says who has not signed it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from compliance.audit import cosigned, quorum
from compliance.audit.checkpoint import Checkpoint
from compliance.audit.ledger import Held
from compliance.audit.quorum import Judgement
from compliance.evidence.archive import Archive

FILE = "witness-policy"
PATIENCE = 3_600.0  # seconds for which an open end waits for witnesses


class Told(Protocol):
    """What is said of an export, as its summary has it."""

    ended: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A checkpoint with the cosignatures that it has; `policy` is empty where none is set."""

    note: bytes
    state: Checkpoint
    policy: str
    words: tuple[str, ...] = ()

    def add(self, out: Archive, summary: Told) -> None:
        """Put it into the evidence, and say of it what people should know."""
        out.add("checkpoint", self.note)
        if self.policy:
            out.add(FILE, self.policy.encode())
        summary.ended += self.words


def chosen(held: Held, newest: tuple[bytes, Checkpoint], end: int | None) -> Chosen:
    """The checkpoint for evidence that ends before entry `end`; None where it may be any."""
    note, state = newest
    note = with_cosignatures(held, note)
    policy = cosigned.policy()
    if not policy:
        return Chosen(note, state, "")
    found = cosigned.witnessed(held.number)
    if found is not None:
        enough, cosigned_note, judgement = found
        fresh = time.time() - max(judgement.signed.values(), default=0) < PATIENCE
        if enough.size and (enough.size >= end if end is not None else fresh):
            return Chosen(cosigned_note, enough, policy, _words(judgement, enough))
    judgement = quorum.judge(quorum.parse(policy), note)
    return Chosen(note, state, policy, _words(judgement, state))


def with_cosignatures(held: Held, note: bytes) -> bytes:
    """The checkpoint with the lines of those witnesses that have signed this very one."""
    _, more = next(cosigned.notes(held.number), (None, b""))
    return more if more.startswith(note) else note


def _words(judgement: Judgement, state: Checkpoint) -> tuple[str, ...]:
    return (f"The checkpoint at {state.size}: {judgement.words}",)

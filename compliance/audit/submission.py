"""What a log sends to a witness: a checkpoint, and how it grew (C2SP tlog-witness).

old <entries of the last checkpoint that the witness cosigned>
<hash, base64>            one line each: the proof of consistency (RFC 6962, 2.1.2)
                          an empty line
<checkpoint>
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from compliance.audit import checkpoint
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid, split_note
from compliance.audit.merkle import HASH_BYTES

BODY_MAX = 64 * 1024  # bytes; a proof has at most 63 lines and a note a few signatures
PROOF_MAX = 63  # lines (tlog-witness)
_OLD = re.compile(rb"old (0|[1-9][0-9]{0,18})")
_HEAD = 3  # lines of a checkpoint before extensions


class SubmissionInvalid(Exception):
    """The body is not what a log sends to a witness."""


@dataclass(frozen=True, slots=True)
class Submission:
    """`text` is what signatures of `note` are over; it may have lines beyond our three."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes
    text: str
    state: Checkpoint


def body(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The request's body."""
    lines = [f"old {old}", *(base64.b64encode(value).decode() for value in proof)]
    return "\n".join(lines).encode() + b"\n\n" + note


def parse(data: bytes) -> Submission:
    """The request in a body, nothing verified; raises `SubmissionInvalid`."""
    if len(data) > BODY_MAX:
        raise SubmissionInvalid(f"A submission has at most {BODY_MAX} bytes.")
    head, separator, note = data.partition(b"\n\n")
    lines = head.split(b"\n")
    found = _OLD.fullmatch(lines[0])
    if not separator or found is None:
        raise SubmissionInvalid("A submission begins with the line `old`, and has a note.")
    if len(lines) - 1 > PROOF_MAX:
        raise SubmissionInvalid(f"A proof of consistency has at most {PROOF_MAX} lines.")
    try:
        proof = tuple(checkpoint.decode(line.decode("ascii")) for line in lines[1:])
        text, _ = split_note(note)
        state = _state(text)
    except (CheckpointInvalid, UnicodeDecodeError) as error:
        raise SubmissionInvalid(f"The submission is malformed: {error}") from error
    if any(len(value) != HASH_BYTES for value in proof):
        raise SubmissionInvalid(f"A hash of the proof has not {HASH_BYTES} bytes.")
    return Submission(int(found[1]), proof, note, text, state)


def _state(text: str) -> Checkpoint:
    """Origin, size and root; lines that a log adds are signed with them and mean nothing."""
    lines = text.split("\n")
    if len(lines) <= _HEAD or not all(lines[:-1]):
        raise CheckpointInvalid("A checkpoint has at least three lines, none of them empty.")
    return checkpoint.parse_text("\n".join(lines[:_HEAD]) + "\n")

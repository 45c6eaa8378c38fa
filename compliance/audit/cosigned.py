"""Cosignatures of this log's checkpoints, kept and put together.

A checkpoint with its cosignatures is one note: the log's own lines, then one of each witness.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from django.db import transaction

from compliance.audit import cosignature, quorum
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid, parse
from compliance.audit.quorum import Judgement
from compliance.models import Cosignature, Witness, WitnessPolicy

KEPT = 1_000  # of each witness; the newest matter


def keep(witness: Witness, generation: int, note: bytes, lines: str) -> datetime:
    """Verify and keep a witness's answer for a checkpoint; when it signed.

    Lines of other signers are left out. Raises `CheckpointInvalid` where this witness's own is
    missing or false.
    """
    name, key = cosignature.parse_verifier_key(witness.verifier_key)
    state = parse(note)
    own = cosignature.lines_of(note + lines.encode(), name, key)
    moment = cosignature.cosigned(note + own.encode(), name, key)
    if moment is None:
        raise CheckpointInvalid(f"The answer holds no cosignature of {name}.")
    signed = _time(moment, name)
    with transaction.atomic():
        Cosignature.objects.filter(
            witness=witness, generation=generation, size=state.size
        ).delete()
        Cosignature.objects.create(
            witness=witness,
            generation=generation,
            size=state.size,
            note=note.decode(),
            line=own,
            time=signed,
        )
        rows = Witness.objects.filter(pk=witness.pk)
        rows.update(generation=generation, size=state.size, cosigned=signed, error="")
        old = Cosignature.objects.filter(witness=witness).values_list("pk", flat=True)
        Cosignature.objects.filter(pk__in=list(old[KEPT:])).delete()
    return signed


def _time(moment: int, name: str) -> datetime:
    try:
        return datetime.fromtimestamp(moment, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise CheckpointInvalid(
            f"The cosignature of {name} has the time {moment}, which is none in seconds since "
            "1970: its clock or its program errs."
        ) from error


def notes(generation: int) -> Iterator[tuple[Checkpoint, bytes]]:
    """Checkpoints with the cosignatures of active witnesses, the newest first.

    Two witnesses may have been shown one size with different lines of the log's own; the first
    kept counts.
    """
    rows = Cosignature.objects.filter(generation=generation, witness__active=True)
    found: dict[int, list[Cosignature]] = {}
    for row in rows.order_by("-size", "id").iterator(chunk_size=8):
        if found and row.size not in found:
            yield _joined(found.popitem()[1])
        found.setdefault(row.size, []).append(row)
    if found:
        yield _joined(found.popitem()[1])


def _joined(rows: list[Cosignature]) -> tuple[Checkpoint, bytes]:
    note = rows[0].note
    state = parse(note.encode())
    lines = [row.line for row in rows if parse(row.note.encode()) == state]
    return state, (note + "".join(lines)).encode()


def policy() -> str:
    """The text of the policy that counts; empty where none was ever set."""
    return WitnessPolicy.objects.values_list("text", flat=True).first() or ""


def witnessed(generation: int) -> tuple[Checkpoint, bytes, Judgement] | None:
    """The newest cosigned checkpoint that meets the policy, and how; None without either."""
    text = policy()
    if not text:
        return None
    rules = quorum.parse(text)
    for state, note in notes(generation):
        found = quorum.judge(rules, note)
        if found.met:
            return state, note, found
    return None


def standing(generation: int) -> Judgement | None:
    """How the newest cosigned checkpoint stands to the policy; None without a policy."""
    text = policy()
    if not text:
        return None
    rules = quorum.parse(text)
    newest = next(notes(generation), None)
    if newest is None:
        return Judgement(rules.met(()), {}, tuple(rules.witnesses))
    return quorum.judge(rules, newest[1])

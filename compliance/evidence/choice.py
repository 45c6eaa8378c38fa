"""What an export is made of: the log's keys, the checkpoint, the range and the applications."""

from __future__ import annotations

from pathlib import Path

from compliance.audit import checkpoint, rotation
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.copies import Places
from compliance.audit.files import CHECKPOINT, LogFolder
from compliance.audit.handover import Chain
from compliance.audit.ledger import Held
from compliance.evidence import extent, handovers, witnessed
from compliance.evidence.file import ExportImpossible
from compliance.evidence.scope import Scope
from compliance.models import Application


def newest(folder: LogFolder, log_dir: Path, signer: bytes) -> tuple[bytes, Checkpoint, Chain]:
    """A generation's checkpoint, and the log's keys up to the one that signs the manifest.

    Raises `ExportImpossible`.
    """
    note = folder.read(CHECKPOINT)
    if note is None:
        raise ExportImpossible(f"There is no checkpoint in {folder.root}; start the notary.")
    try:
        keys = rotation.chain(Places(log_dir), checkpoint.parse(note).origin, signer)
    except CheckpointInvalid as error:
        raise ExportImpossible(f"{error} Run `manage.py audit verify`.") from error
    try:
        known = handovers.until(keys, signer)
        return note, known.verify(note), known
    except CheckpointInvalid as error:
        if signer in keys.keys[:-1]:
            raise ExportImpossible(rotation.older(keys)) from error
        raise ExportImpossible(f"{error} Run `manage.py audit verify`.") from error


def applications(names: tuple[str, ...]) -> list[dict[str, str]]:
    """The applications in scope, with the keys that tell their entries; all of them if none."""
    found = Application.objects.order_by("name")
    if names:
        by = {str(one.pk): one for one in found} | {one.name: one for one in found}
        unknown = [name for name in names if name not in by]
        if unknown:
            raise ExportImpossible(f"There is no application {unknown[0]!r}.")
        found = sorted({by[name] for name in names}, key=lambda one: one.name)  # type: ignore[assignment]
    return [
        {"id": str(one.pk), "label_key": bytes(one.label_key).hex(), "name": one.name}
        for one in found
    ]


def sealed(
    scope: Scope, held: Held, signed: tuple[bytes, Checkpoint]
) -> tuple[witnessed.Chosen, int, int]:
    """The checkpoint that the evidence is proven against, and the range.

    `signed` is the newest one. Raises `ExportImpossible`.
    """
    reach = extent.reach(held, signed[1].size)
    _, end = extent.covered(scope.begin, scope.end, reach, held)
    seal = witnessed.chosen(held, signed, end if scope.end else None)
    reach = extent.reach(held, seal.state.size)
    return seal, *extent.covered(scope.begin, scope.end, reach, held)

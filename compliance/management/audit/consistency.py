"""`manage.py audit consistency`."""

from __future__ import annotations

from argparse import ArgumentParser
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import OutputWrapper

from compliance.audit import checkpoint
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.merkle import ProofInvalid, verify_consistency
from compliance.management.audit import SOUND, UNSOUND, own

HELP = "prove that the log grew from an older checkpoint: whether nothing was cut or changed"


def add_arguments(parser: ArgumentParser) -> None:
    """Two checkpoints."""
    parser.add_argument("old", type=Path, help="a file with the older checkpoint")
    parser.add_argument(
        "new", type=Path, nargs="?", help="a file with the newer one; without it, the newest"
    )


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Make the proof from the tiles, and check it."""
    try:
        old = _read(options["old"])
        generation = checkpoint.generation_of(old.origin)[1]
        new = own.signed(generation, options["new"])[1]
        proof = own.tree(generation, new).consistency(old.size) if old.size else []
        if old.size:
            verify_consistency(old.size, new.size, old.root, new.root, proof)
    except (CheckpointInvalid, ProofInvalid, ValueError) as error:
        out.write(f"NOT SOUND: {error}")
        return UNSOUND
    out.write(f"SOUND: {new.origin} grew from {old.size} to {new.size} entries.")
    for value in proof:
        out.write(b64encode(value).decode())
    return SOUND


def _read(path: Path) -> Checkpoint:
    """A checkpoint of this log, in whichever generation; raises `CheckpointInvalid`."""
    note = path.read_bytes()
    said = checkpoint.parse(note).origin
    generation = checkpoint.generation_of(said)[1]
    return own.verified(note, generation)

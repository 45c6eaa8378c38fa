"""`manage.py audit prove`."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import OutputWrapper
from django.db import transaction

from compliance.audit import checkpoint, inclusion, journal, ledger
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.inclusion import Inclusion, Shown
from compliance.audit.merkle import ProofInvalid
from compliance.management.audit import IMPOSSIBLE, SOUND, UNSOUND, own
from compliance.vocabulary import Event

HELP = "write the proof that one entry is in the log, or check such a proof"
DISCLOSED = "detail.disclosed"


def add_arguments(parser: ArgumentParser) -> None:
    """The entry and what to hold it against; or a proof to check."""
    parser.add_argument("entry", nargs="?", type=int, help="the entry's number, from 0")
    parser.add_argument(
        "--generation", type=int, help="of this generation of the log (default: the current)"
    )
    parser.add_argument(
        "--checkpoint", type=Path, help="a file: prove it in the tree of this older checkpoint"
    )
    parser.add_argument("--detail", action="store_true", help="show its detail; is recorded")
    parser.add_argument(
        "--out", type=Path, help="the file to write; must not exist (default: print it)"
    )
    parser.add_argument("--check", type=Path, metavar="PROOF", help="check this proof instead")
    parser.add_argument(
        "--key",
        type=Path,
        help="a file with the log's verifier key, for --check (default: this log's)",
    )


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Write or check."""
    if options["check"]:
        return _check(options["check"], options["key"], out)
    if options["entry"] is None:
        out.write("Which entry? Give its number, or a proof with --check.")
        return IMPOSSIBLE
    generation, index = options["generation"], options["entry"]
    note, state = own.signed(generation, options["checkpoint"])
    if not 0 <= index < state.size:
        raise own.LogUnusable(f"{state.origin} has no entry {index}: it covers {state.size}.")
    tree = own.tree(generation, state)
    entry = tree.entry(index)
    shown = _detail(generation, index, entry) if options["detail"] else None
    proof = Inclusion(entry, index, tuple(tree.inclusion(index)), note, shown)
    proof.verify(state.origin, _key(state))
    if shown:
        about = {"actor": "command", "entry": index, "origin": state.origin}
        with transaction.atomic():
            journal.record("command", [Event(DISCLOSED, time.time_ns() // 1000, about)])
    if options["out"]:
        with options["out"].open("xb") as file:
            file.write(proof.text())
        out.write(f"{options['out']}: entry {index} of {state.size} in {state.origin}.")
    else:
        out.write(proof.text().decode(), ending="")
    return SOUND


def _detail(generation: int | None, index: int, entry: bytes) -> Shown:
    current = ledger.current()
    number = current.number if generation is None else generation
    trees = [*ledger.ended(), current]
    first = next((tree.first for tree in trees if tree.number == number), None)
    rows = ledger.leaves(index, index + 1, first) if first is not None else []
    row = next((row for row in rows if row.entry == entry), None)
    if row is None:
        raise own.LogUnusable(f"The database does not hold entry {index} of the log.")
    if row.detail is None or row.detail_key is None:
        raise own.LogUnusable(f"The detail of entry {index} was removed by a retention rule.")
    return Shown(row.detail, row.detail_key)


def _key(state: Checkpoint) -> bytes:
    """The key that signs a checkpoint of this size."""
    return own.keys().at(checkpoint.generation_of(state.origin)[1], state.size)


def _check(path: Path, key: Path | None, out: OutputWrapper) -> int:
    try:
        proof = inclusion.parse(path.read_bytes())
        if key:
            line = key.read_text(encoding="ascii", errors="replace").strip()
            origin, public = checkpoint.parse_verifier_key(line)
        else:
            said = checkpoint.parse(proof.note)
            base, _ = checkpoint.generation_of(own.origin())
            origin = f"{base}/{said.origin.rpartition('/')[2]}"
            public = _key(said)
        state = proof.verify(origin, public)
    except (ProofInvalid, CheckpointInvalid) as error:
        out.write(f"NOT SOUND: {error}")
        return UNSOUND
    out.write(f"SOUND: entry {proof.index} is in {state.origin} at {state.size} entries.")
    out.write(f"The entry: {proof.entry.decode()}")
    if proof.shown:
        out.write(f"Its detail: {orjson.dumps(orjson.loads(proof.shown.detail)).decode()}")
    return SOUND

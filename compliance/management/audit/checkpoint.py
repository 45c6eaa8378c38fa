"""`manage.py audit checkpoint`."""

from __future__ import annotations

import hashlib
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import OutputWrapper

from compliance.audit.files import CHECKPOINT
from compliance.management.audit import SOUND, own

HELP = "print the newest checkpoint, to be kept where this machine cannot change it"


def add_arguments(parser: ArgumentParser) -> None:
    """Of which generation, and whether to print it alone."""
    parser.add_argument(
        "--generation", type=int, help="of this generation of the log (default: the current)"
    )
    parser.add_argument("--raw", action="store_true", help="the checkpoint's bytes, no words")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Print it, its signature checked."""
    generation = options["generation"]
    note, state = own.signed(generation)
    if options["raw"]:
        out.write(note.decode(), ending="")
        return SOUND
    age = time.time() - own.folder(generation).root.joinpath(CHECKPOINT).stat().st_mtime
    out.write(f"log          {state.origin}")
    out.write(f"entries      {state.size}")
    out.write(f"root         {state.root.hex()}")
    out.write(f"fingerprint  {fingerprint(own.keys().current)} (of the log's public key)")
    out.write(f"written      {max(0, round(age))} s ago")
    out.write("")
    out.write(note.decode(), ending="")
    return SOUND


def fingerprint(public_key: bytes) -> str:
    """What people compare: the first 16 hex digits of the public key's SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]

"""A witness without a network: a person with a key, and a file of what was signed last.

The rules are those of `witness`. The file is a line of JSON for each log, with the last
checkpoint that was cosigned of it; it is replaced durably before the cosignature is given.
Whoever loses it must begin with another key.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit import cosignature, submission
from compliance.audit.checkpoint import CheckpointInvalid
from compliance.audit.files import sync
from compliance.audit.holding import held
from compliance.audit.submission import Submission
from compliance.audit.witness import Refusal, judged
from compliance.models import WitnessedLog


class CosignRefused(Exception):
    """The checkpoint is not cosigned. The message says why and what to do."""


def cosign(body: bytes, name: str, key: bytes, log_keys: str, state: Path) -> bytes:
    """The checkpoint of a submission with this witness's line; raises `CosignRefused`.

    `log_keys` are verifier keys of the log, a line each, and `state` the file, which is made
    where there is none. Raises `SubmissionInvalid`, `CheckpointInvalid` and OSError.
    """
    asked = submission.parse(body)
    with _held(state) as logs:
        log = _log(asked.state.origin, log_keys, logs)
        refusal = judged(log, asked)
        if refusal is not None:
            raise CosignRefused(_words(refusal, log, asked, state))
        signer = Ed25519PrivateKey.from_private_bytes(key)
        line = cosignature.cosign(asked.text, name, signer, int(time.time()))
        note = asked.note + line.encode()
        logs[log.origin] = {
            "checkpoint": note.decode(),
            "root": base64.b64encode(asked.state.root).decode(),
            "size": asked.state.size,
        }
        _replace(state, logs)
    return note


def _log(origin: str, keys: str, logs: dict[str, Any]) -> WitnessedLog:
    """What is known of a log, in the form in which a witness's database has it."""
    log = WitnessedLog(origin=origin, verifier_keys=keys)
    known = logs.get(origin)
    if known:
        log.size = int(known["size"])
        log.root = base64.b64decode(known["root"])
        log.checkpoint = str(known["checkpoint"])
    return log


def _words(refusal: Refusal, log: WitnessedLog, asked: Submission, state: Path) -> str:
    if refusal.reason == "signature":
        return (
            f"No key that you gave has signed this checkpoint of {log.origin}. Ask its "
            "operator for the log's verifier key, by another way than this file."
        )
    if refusal.reason == "old":
        return (
            f"You have signed {log.size} entries of {log.origin}, and this begins at "
            f"{asked.old}. Ask for a request with --old {log.size}."
        )
    if refusal.grave or refusal.reason == "proof":
        return (
            f"{log.origin} DOES NOT GROW FROM WHAT YOU HAVE SIGNED ({log.size} entries; this "
            f"has {asked.state.size}): an older copy was restored, or the log was changed. "
            f"Nothing was signed. Keep this file and {state}, and give the checkpoint in it to "
            "the log's operator: `manage.py audit cosign add` takes it."
        )
    return refusal.answer.body.decode().strip()


@contextmanager
def _held(state: Path) -> Iterator[dict[str, Any]]:
    """The logs in the file, which nobody else changes meanwhile."""
    folder = os.open(state.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    with held(folder, wait=True):
        try:
            text = state.read_text("utf-8")
        except FileNotFoundError:
            text = ""
        try:
            logs = {str(one["origin"]): one for one in map(json.loads, text.splitlines())}
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointInvalid(
                f"{state} is not a file of what a witness has signed; give the right one."
            ) from error
        yield logs


def _replace(state: Path, logs: dict[str, Any]) -> None:
    lines = [json.dumps({**one, "origin": origin}) + "\n" for origin, one in logs.items()]
    scratch = state.with_name(f".{state.name}.{os.getpid()}")
    with scratch.open("w", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(state)
    sync(state.absolute().parent)

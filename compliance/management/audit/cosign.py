"""`manage.py audit cosign`: witnesses by file, and what is said of them.

request FILE        for a witness: how the log grew since it signed last
sign FILE           as a witness of any log, with a key and a file of one's own
add FILE            what a witness signed, checked and kept
dismiss WITNESS     it errs: heed it no more
policy              which witnesses must have cosigned; with --set, from a file
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management.base import OutputWrapper

from compliance.audit import (
    checkpoint,
    conflicts,
    copies,
    cosignature,
    cosigned,
    journal,
    ledger,
    quorum,
    submission,
    witness_file,
)
from compliance.audit.changes import recorded
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.conflicts import Conflict
from compliance.audit.keys import create_key, read_key
from compliance.audit.quorum import PolicyInvalid
from compliance.audit.submission import SubmissionInvalid
from compliance.audit.witness_file import CosignRefused
from compliance.gate import now
from compliance.management.audit import IMPOSSIBLE, SOUND, UNSOUND, own
from compliance.management.person import actor
from compliance.models import Witness, WitnessPolicy
from compliance.vocabulary import Event

HELP = "witnesses by file: make a request, sign one as a witness, add what was signed"
SOURCE = "command"


def add_arguments(parser: ArgumentParser) -> None:
    """What to do, and with which files."""
    what = parser.add_subparsers(dest="what", required=True)
    request = what.add_parser("request", help="write what a witness needs to sign")
    request.add_argument("file", type=Path, help="the request, to be written")
    request.add_argument("--witness", default="", help="its name: since what it signed last")
    request.add_argument(
        "--old", type=int, help="since this many entries (default: from the beginning)"
    )
    sign = what.add_parser("sign", help="as a witness: check a request and sign it")
    sign.add_argument("file", type=Path, help="the request")
    sign.add_argument("--name", required=True, help="of the witness, as example.org/witness")
    sign.add_argument(
        "--key",
        type=Path,
        required=True,
        help="a file with its private key; made where there is none",
    )
    sign.add_argument(
        "--state",
        type=Path,
        required=True,
        help="a file with all that it signed; never lose it",
    )
    sign.add_argument(
        "--log",
        action="append",
        required=True,
        help="the verifier key of a log that may be signed; repeatable",
    )
    sign.add_argument(
        "--out", type=Path, required=True, help="the cosigned checkpoint, to be written"
    )
    add = what.add_parser("add", help="check what a witness signed, and keep it")
    add.add_argument("file", type=Path, help="the cosigned checkpoint")
    dismiss = what.add_parser("dismiss", help="a witness errs: ask and heed it no more")
    dismiss.add_argument("witness", help="its name")
    dismiss.add_argument("--reason", required=True, help="why; goes on the record")
    policy = what.add_parser("policy", help="print the policy that counts, or set another")
    policy.add_argument("--set", type=Path, help="a file with the policy (C2SP tlog-policy)")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Do it."""
    try:
        return ACTIONS[options["what"]](options, out)
    except (CosignRefused, SubmissionInvalid, PolicyInvalid) as error:
        out.write(str(error))
        return UNSOUND if isinstance(error, CosignRefused) else IMPOSSIBLE


def _request(options: Mapping[str, Any], out: OutputWrapper) -> int:
    note, state = own.signed(None)
    old = options["old"]
    if old is None:
        row = _known(options["witness"]) if options["witness"] else None
        same = row is not None and row.generation == ledger.current().number
        old = row.size if row is not None and same else 0
    if not 0 <= old <= state.size:
        out.write(f"The log has {state.size} entries; it cannot have grown from {old}.")
        return IMPOSSIBLE
    proof = own.tree(None, state).consistency(old) if 0 < old < state.size else []
    options["file"].write_bytes(submission.body(old, proof, note))
    out.write(f"{options['file']}: {state.origin} from {old} to {state.size} entries.")
    return SOUND


def _sign(options: Mapping[str, Any], out: OutputWrapper) -> int:
    path = options["key"]
    key = read_key(path) if path.exists() else create_key(path)
    public = Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
    keys = "\n".join(options["log"])
    body = options["file"].read_bytes()
    note = witness_file.cosign(body, options["name"], key, keys, options["state"])
    options["out"].write_bytes(note)
    state = submission.parse(body).state
    out.write(f"{options['out']}: {state.origin} with {state.size} entries, cosigned.")
    out.write(f"Your verifier key: {cosignature.verifier_key(options['name'], public)}")
    return SOUND


def _add(options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Keep the lines of every witness that is known here; a contradiction is one for all."""
    note = options["file"].read_bytes()
    generation = ledger.current().number
    state = own.verified(note, None)
    signers = [one for one in Witness.objects.filter(active=True) if _line(note, one)]
    if not signers:
        out.write(
            f"{options['file']} holds no cosignature of a witness that is active here. Let an "
            "officer add the witness in the console."
        )
        return IMPOSSIBLE
    ours = _contradicted(state)
    if ours is not None:
        for one in signers:
            mark = checkpoint.key_id(state.origin, one.name.encode())
            copies.keep(own.places().outside or options["file"].parent, state, note, mark)
            found = Conflict(one.name, ours, state.size, note)
            conflicts.keep(found, generation, source=SOURCE)
            out.write(found.words)
        return UNSOUND
    bare = note
    for one in signers:
        bare = bare.replace(_line(note, one).encode(), b"")
    for one in signers:
        signed = cosigned.keep(one, generation, bare, _line(note, one))
        out.write(f"{one} has cosigned {state.size} entries, {signed:%Y-%m-%d %H:%M:%S} UTC.")
    return SOUND


def _line(note: bytes, one: Witness) -> str:
    return cosignature.lines_of(note, *cosignature.parse_verifier_key(one.verifier_key))


def _contradicted(state: Checkpoint) -> Checkpoint | None:
    """This log's newest checkpoint, if a signed one does not fit under it."""
    _, newest = own.signed(None)
    if state.size <= newest.size and own.tree(None, newest).root(state.size) == state.root:
        return None
    return newest


def _dismiss(options: Mapping[str, Any], out: OutputWrapper) -> int:
    row = _known(options["witness"])
    changes = {"active": {"from": row.active, "to": False}}
    detail = {
        "actor": actor(),
        "changes": changes,
        "reason": options["reason"],
        "witness": row.name,
    }
    with recorded():
        Witness.objects.filter(pk=row.pk).update(
            active=False, conflict="", conflict_generation=None, conflict_size=None
        )
        journal.record(SOURCE, [Event("witness.changed", now(), detail)], [row])
    out.write(f"{row} is neither asked nor heeded any more. The notary goes on by itself.")
    return SOUND


def _policy(options: Mapping[str, Any], out: OutputWrapper) -> int:
    before = cosigned.policy()
    if options["set"] is None:
        out.write(before or "No policy is set.", ending="" if before else "\n")
        return SOUND
    text = options["set"].read_text("utf-8")
    quorum.parse(text)
    who = actor()
    with recorded():
        made = WitnessPolicy.objects.create(text=text, actor=who, time=datetime.now(UTC))
        said = {"actor": who, "text": text, "text_before": before}
        journal.record(SOURCE, [Event("witness.policy_changed", now(), said)], [made])
    out.write("The policy is set.")
    return SOUND


def _known(name: str) -> Witness:
    row = Witness.objects.filter(name=name).first()
    if row is None:
        names = ", ".join(Witness.objects.values_list("name", flat=True)) or "none"
        raise CheckpointInvalid(f"There is no witness {name[:80]!r} here; known: {names}.")
    return row


ACTIONS: dict[str, Callable[[Mapping[str, Any], OutputWrapper], int]] = {
    "request": _request,
    "sign": _sign,
    "add": _add,
    "dismiss": _dismiss,
    "policy": _policy,
}

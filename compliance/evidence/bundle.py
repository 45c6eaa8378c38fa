"""Evidence: a ZIP with a range of the log that anyone can verify offline.

The format is described in docs/audit-format.md; `verify.py` and `verify.html`, which lie in the
ZIP, read it. It is written in one pass over the log and in constant memory.
"""

from __future__ import annotations

import base64
import hashlib
import time
from functools import partial
from pathlib import Path
from typing import Any

from compliance.audit import checkpoint, mldsa, second_key
from compliance.audit.checkpoint import Checkpoint, Signer
from compliance.audit.entry import canonical
from compliance.audit.files import LogFolder, folder_of
from compliance.audit.ring import public_of, signer_of
from compliance.audit.tiles import TileInvalid
from compliance.audit.tree import Tree
from compliance.evidence import choice, extent, handovers, stamped
from compliance.evidence.archive import Archive
from compliance.evidence.file import ExportImpossible, created, record
from compliance.evidence.paper import certificate
from compliance.evidence.passing import Pass
from compliance.evidence.proof import RangeProof, prove
from compliance.evidence.removed import Removals, Signed, signed_after
from compliance.evidence.scope import DISCLOSED, Progress, Scope, Summary
from compliance.evidence.views import Views, write_report
from compliance.vocabulary import Event

__all__ = ["DISCLOSED", "ExportImpossible", "Progress", "Scope", "Summary", "export"]
FORMAT = "domicile-evidence"
VERSION = 3
STATEMENT = (
    (
        "It is not proven that every event was recorded, or recorded under the right "
        "application: it is proven that what was recorded has not been changed, reordered, cut "
        "or left out since."
    ),
    (
        "It is not proven that this log is the only one, unless you hold a checkpoint of it "
        "from elsewhere."
    ),
    "It is not proven where a machine stands, or who used an API key.",
    "Kept contents are not complete: they expire and are erased, as the law demands.",
)
_HERE = Path(__file__).parent


def export(
    scope: Scope,
    path: Path,
    log_dir: Path,
    key: bytes | Signer,
    *,
    progress: Progress | None = None,
    contents: bool = False,
    reason: str = "",
    actor: str = "command",
) -> Summary:
    """Write the evidence to `path`, which must not exist; raises `ExportImpossible`.

    `key` is the log's Ed25519 private key: it signs the manifest. The export is recorded once
    the file is durable, so that no event stands for a file that never was. With `contents`,
    what is kept of the requests in scope is disclosed; that needs a `reason`, which goes on the
    record together with `actor`.
    """
    if contents and not reason.strip():
        raise ExportImpossible("Contents are disclosed only for a reason; say which.")
    signer = signer_of(key)
    sealer = certificate.in_use() if scope.tables else None
    held = extent.generation(scope.generation)
    folder = LogFolder(folder_of(log_dir, held.number))
    note, state, keys = choice.newest(folder, log_dir, public_of(signer))
    seal, begin, end = choice.sealed(scope, held, (note, state))
    note, state = seal.note, seal.state
    applications = choice.applications(scope.applications)
    tree = Tree(folder, state.size)
    try:
        proof = prove(tree, begin, end)
    except TileInvalid as error:
        raise ExportImpossible(f"{error} Run `manage.py audit verify`.") from error
    summary = Summary(path, begin, end, state.size, extent.ending(held, state.size))
    with created(path) as file:
        out = Archive(file, path.parent)
        seal.add(out, summary)
        stamped.add(out, folder, end, state, keys)
        public = keys.current
        if keys.handovers:
            out.add(handovers.FILE, handovers.lines(keys, held, tree))
        out.add("log.vkey", checkpoint.verifier_key(state.origin, public).encode() + b"\n")
        if second := second_key.signer(note):
            out.add("mldsa.vkey", mldsa.verifier_key(state.origin, second).encode() + b"\n")
        out.add("applications.json", canonical({"applications": applications}))
        out.add("proof.json", _proof(proof))
        ids = {one["id"] for one in applications} if scope.applications else None
        removals = Removals(
            proof, Signed(held, tree), partial(signed_after, held, log_dir, keys)
        )
        walk = Pass(scope, ids, proof, removals, summary, contents=contents)
        progress = progress or (lambda _done, _all: None)
        if scope.tables:
            with Views(out) as walk.views:
                walk.run(out, state, progress)
        else:
            walk.run(out, state, progress)
        out.add("prunings.jsonl", b"".join(one.line() for one in removals.found))
        for extra in ("verify.py", "verify.html", *sorted(_schemas())):
            out.add(extra, (_HERE / extra).read_bytes())
        if walk.views is not None and sealer is not None:
            about = _reported(scope, state, summary, note, public, applications)
            write_report(out, about, walk.views.counts, sealer)
        summary.files = dict(out.listed)
        manifest = canonical(_manifest(scope, state, summary))
        out.add("manifest.json", manifest)
        out.add("manifest.sig", base64.b64encode(signer.sign(manifest)) + b"\n")
        out.close()
    about = _about(summary, applications) | {"sha256": _digest(path), "form": "evidence"}
    record(
        path, hashlib.sha256(manifest).hexdigest(), about, _disclosed(summary, reason, actor)
    )
    return summary


def _schemas() -> list[str]:
    return [f"schemas/{path.name}" for path in (_HERE / "schemas").glob("*.json")]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _disclosed(summary: Summary, reason: str, actor: str) -> list[Event]:
    """What the record says where contents were disclosed."""
    if not summary.contents:
        return []
    detail = {"requests": len(summary.requests), "reason": reason, "actor": actor}
    return [Event("content.disclosed", time.time_ns() // 1000, detail)]


def _proof(proof: RangeProof) -> bytes:
    return canonical(
        {
            "after": [value.hex() for value in proof.after],
            "before": [value.hex() for value in proof.before],
        }
    )


def _manifest(scope: Scope, state: Checkpoint, summary: Summary) -> dict[str, Any]:
    return {
        "asked": {"from": scope.begin, "to": scope.end},
        "begin": summary.begin,
        "counts": dict(summary.counts),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "disclosed": list(DISCLOSED),
        "end": summary.end,
        "files": summary.files,
        "format": FORMAT,
        "origin": state.origin,
        "scope": "applications" if scope.applications else "all",
        "size": state.size,
        "statement": [*STATEMENT, *summary.ended],
        "types": sorted(set(scope.types)),
        "v": VERSION,
    }


def _reported(  # noqa: PLR0917 - what there is to tell
    scope: Scope,
    state: Checkpoint,
    summary: Summary,
    note: bytes,
    public: bytes,
    applications: list[dict[str, str]],
) -> dict[str, Any]:
    """What the report says beside its counts."""
    names = ", ".join(one["name"] for one in applications)
    words = [f"Applications: {names}." if scope.applications else "All applications."]
    if scope.types:
        words.append(f"Types of events: {', '.join(sorted(set(scope.types)))}.")
    return {
        "origin": state.origin,
        "begin": summary.begin,
        "end": summary.end,
        "size": state.size,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "scope": tuple(words),
        "details": summary.details,
        "removed": summary.removed,
        "contents": summary.contents,
        "checkpoint": note.decode(),
        "verifier_key": checkpoint.verifier_key(state.origin, public),
        "not_proven": (*STATEMENT, *summary.ended),
    }


def _about(summary: Summary, applications: list[dict[str, str]]) -> dict[str, Any]:
    """What the record says of the export, beside the digest of its manifest."""
    return {
        "applications": [one["id"] for one in applications],
        "begin": summary.begin,
        "details": summary.details,
        "end": summary.end,
        "size": summary.size,
    }

"""Evidence: a ZIP with a range of the log that anyone can verify offline.

The format is described in docs/audit-format.md; `verify.py`, which lies in the ZIP, reads it.
"""

from __future__ import annotations

import base64
import hashlib
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit import checkpoint, ledger
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid
from compliance.audit.entry import canonical
from compliance.audit.files import CHECKPOINT, LogFolder
from compliance.audit.merkle import Edge, ProofInvalid, leaf_hash
from compliance.audit.tiles import TileInvalid
from compliance.audit.tree import Tree
from compliance.evidence import extent
from compliance.evidence.file import ExportImpossible, created, record
from compliance.evidence.proof import RangeProof, prove, root_of
from compliance.models import Application

__all__ = ["ExportImpossible", "Scope", "Summary", "export"]
FORMAT = "domicile-evidence"
VERSION = 1
CHUNK = 2_048
DISCLOSED = (
    "api_key.issued",
    "api_key.revoked",
    "application.changed",
    "application.registered",
)
_VERIFIER = Path(__file__).with_name("verify.py")


@dataclass(frozen=True, slots=True)
class Scope:
    """What was asked for: two entry numbers or times, and applications by name or id."""

    begin: str = "0"
    end: str = ""
    applications: tuple[str, ...] = ()


@dataclass(slots=True)
class Summary:
    """What was exported."""

    path: Path
    begin: int
    end: int
    size: int
    details: int = 0
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """For people."""
        covered = f"entries {self.begin} to {self.end - 1} of {self.size}"
        return (
            f"{self.path}: {covered}, with {self.details} details.",
            f"Whoever receives it runs: python3 -I verify.py {self.path.name}",
        )


def export(scope: Scope, path: Path, log_dir: Path, key: bytes) -> Summary:
    """Write the evidence to `path`, which must not exist; raises `ExportImpossible`.

    `key` is the log's Ed25519 private key: it signs the manifest. The export is recorded once
    the file is durable, so that no event stands for a file that never was.
    """
    signer = Ed25519PrivateKey.from_private_bytes(key)
    folder = LogFolder(log_dir)
    note, state = _checkpoint(folder, signer)
    begin, end = extent.covered(scope.begin, scope.end, state.size)
    applications = _applications(scope.applications)
    try:
        proof = prove(Tree(folder, state.size), begin, end)
    except TileInvalid as error:
        raise ExportImpossible(f"{error} Run `manage.py audit verify`.") from error
    summary = Summary(path, begin, end, state.size)
    with (
        created(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        out = _Archive(archive, summary)
        out.text("checkpoint", note)
        public = signer.public_key().public_bytes_raw()
        out.text("log.vkey", checkpoint.verifier_key(state.origin, public).encode() + b"\n")
        out.text("applications.json", canonical({"applications": applications}))
        out.text("proof.json", _proof(proof))
        _entries(out, proof, state)
        ids = {one["id"] for one in applications} if scope.applications else None
        _details(out, begin, end, ids)
        out.text("verify.py", _VERIFIER.read_bytes())
        manifest = _manifest(scope, state, summary)
        archive.writestr(_member("manifest.json"), manifest)
        signature = base64.b64encode(signer.sign(manifest)) + b"\n"
        archive.writestr(_member("manifest.sig"), signature)
    record(path, hashlib.sha256(manifest).hexdigest(), _about(summary, applications))
    return summary


class _Archive:
    """Adds files to the ZIP and keeps their lengths and digests for the manifest."""

    def __init__(self, archive: zipfile.ZipFile, summary: Summary) -> None:
        self._archive = archive
        self.summary = summary

    def text(self, name: str, data: bytes) -> None:
        with self.open(name) as file:
            file.write(data)

    @contextmanager
    def open(self, name: str) -> Iterator[_Hashed]:
        with self._archive.open(_member(name), "w", force_zip64=True) as file:
            hashed = _Hashed(file)
            yield hashed
        digest = {"bytes": hashed.length, "sha256": hashed.digest.hexdigest()}
        self.summary.files[name] = digest


class _Hashed:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.length = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.digest.update(data)
        self.length += len(data)


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)  # dated 1980, so that the same evidence is the same file
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    return member


def _checkpoint(folder: LogFolder, signer: Ed25519PrivateKey) -> tuple[bytes, Checkpoint]:
    note = folder.read(CHECKPOINT)
    if note is None:
        raise ExportImpossible(f"There is no checkpoint in {folder.root}; start the notary.")
    try:
        origin = checkpoint.parse(note).origin
        public = signer.public_key().public_bytes_raw()
        return note, checkpoint.verify(note, origin, public)
    except CheckpointInvalid as error:
        raise ExportImpossible(f"{error} Run `manage.py audit verify`.") from error


def _applications(names: tuple[str, ...]) -> list[dict[str, str]]:
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


def _proof(proof: RangeProof) -> bytes:
    return canonical(
        {
            "after": [value.hex() for value in proof.after],
            "before": [value.hex() for value in proof.before],
        }
    )


def _rows(begin: int, end: int) -> Iterator[ledger.LeafRow]:
    for low in range(begin, end, CHUNK):
        yield from ledger.leaves(low, min(low + CHUNK, end))


def _entries(out: _Archive, proof: RangeProof, state: Checkpoint) -> None:
    """Every entry of the range, and the first byte of each leaf's hash.

    These bytes prove nothing; they let the verifier say which entry was changed.
    """
    hints = bytearray()
    try:
        edge = Edge(proof.begin, proof.before)
        with out.open("entries.jsonl") as file:
            for low in range(proof.begin, proof.end, CHUNK):
                entries = ledger.entries(low, min(low + CHUNK, proof.end))
                file.write(b"".join(entry + b"\n" for entry in entries))
                for entry in entries:
                    leaf = leaf_hash(entry)
                    edge.append(leaf)
                    hints.append(leaf[0])
        sound = edge.size == proof.end and root_of(proof, edge) == state.root
    except ProofInvalid:
        sound = False
    if not sound:
        raise ExportImpossible(
            "The entries in the database are not the ones that the checkpoint was signed over. "
            "Run `manage.py audit verify`; no evidence can be made until it is sound."
        )
    out.text("hints", bytes(hints))


def _details(out: _Archive, begin: int, end: int, applications: set[str] | None) -> None:
    """A line each: the detail as the bytes that were committed to, the entry and the key."""
    with out.open("details.jsonl") as file:
        for row in _rows(begin, end):
            if row.detail is None or row.detail_key is None:
                continue
            if applications is None or row.application in applications or row.type in DISCLOSED:
                file.write(
                    b'{"detail":%b,"index":%d,"key":"%b"}\n'
                    % (row.detail, row.index, row.detail_key.hex().encode())
                )
                out.summary.details += 1


def _manifest(scope: Scope, state: Checkpoint, summary: Summary) -> bytes:
    return canonical(
        {
            "asked": {"from": scope.begin, "to": scope.end},
            "begin": summary.begin,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "disclosed": list(DISCLOSED),
            "end": summary.end,
            "files": summary.files,
            "format": FORMAT,
            "origin": state.origin,
            "scope": "applications" if scope.applications else "all",
            "size": state.size,
            "v": VERSION,
        }
    )


def _about(summary: Summary, applications: list[dict[str, str]]) -> dict[str, Any]:
    """What the record says of the export, beside the digest of its manifest."""
    return {
        "applications": [one["id"] for one in applications],
        "begin": summary.begin,
        "details": summary.details,
        "end": summary.end,
        "size": summary.size,
    }

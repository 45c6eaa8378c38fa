"""Evidence: a ZIP with a range of the log that anyone can verify offline.

The format is described in docs/audit-format.md; `verify.py` and `verify.html`, which lie in the
ZIP, read it. It is written in one pass over the log and in constant memory.
"""

from __future__ import annotations

import base64
import hashlib
import time
from binascii import hexlify
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from compliance.audit import checkpoint, mldsa, rotation, second_key, vault
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid, Signer
from compliance.audit.copies import Places
from compliance.audit.entry import canonical, commitment
from compliance.audit.files import CHECKPOINT, LogFolder, folder_of
from compliance.audit.handover import Chain
from compliance.audit.ledger import Held
from compliance.audit.merkle import Edge, ProofInvalid, cover
from compliance.audit.ring import public_of, signer_of
from compliance.audit.tiles import TileInvalid
from compliance.audit.tree import Tree
from compliance.evidence import extent, handovers, rows, stamped, witnessed
from compliance.evidence.archive import Archive, Member
from compliance.evidence.file import ExportImpossible, created, record
from compliance.evidence.hints import packed
from compliance.evidence.paper import certificate
from compliance.evidence.proof import RangeProof, prove, root_of
from compliance.evidence.removed import Removals, Signed, signed_after
from compliance.evidence.views import Views, write_report
from compliance.models import Application
from compliance.vocabulary import Event

__all__ = ["ExportImpossible", "Progress", "Scope", "Summary", "export"]
FORMAT = "domicile-evidence"
VERSION = 3
DISCLOSED = (
    "api_key.issued",
    "api_key.revoked",
    "application.changed",
    "application.registered",
    "content.erased",
    "content.expired",
    "log.key_added",
    "log.key_rotated",
    "log.resumed",
    "record.pruned",
)
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
_LABELLED = b'{"application":'
_DETAIL = b'{"detail":%b,"index":%d,"key":"%b"}\n'
Progress = Callable[[int, int], None]
"""Called with the entries that are done and all there are; may raise, to end the export."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What was asked for: two entry numbers or times, and which details.

    `applications` are names or ids, `types` are event types; an empty one means all of them.
    `generation` is that of the log; 0 is the current one. With `tables`, there are tables and
    a report beside the evidence.
    """

    begin: str = "0"
    end: str = ""
    applications: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    generation: int = 0
    tables: bool = False


@dataclass(slots=True)
class Summary:
    """What was exported."""

    path: Path
    begin: int
    end: int
    size: int
    ended: tuple[str, ...] = ()  # how the generation did
    details: int = 0
    removed: int = 0
    contents: int = 0
    requests: set[bytes] = field(default_factory=set)  # of which content is disclosed, by id
    counts: Counter[str] = field(default_factory=Counter)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """For people."""
        covered = f"entries {self.begin} to {self.end - 1} of {self.size}"
        gone = f" ({self.removed} were removed by rule)" if self.removed else ""
        kept = f" and {self.contents} contents" if self.contents else ""
        return (
            f"{self.path}: {covered}, with {self.details} details{gone}{kept}.",
            *self.ended,
            (
                "Whoever receives it opens verify.html, which lies in it, in a browser, or "
                f"runs: python3 -I verify.py {self.path.name}"
            ),
        )


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
    note, state, keys = _checkpoint(folder, log_dir, public_of(signer))
    seal, begin, end = _sealed(scope, held, (note, state))
    note, state = seal.note, seal.state
    applications = _applications(scope.applications)
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
        walk = _Walk(scope, ids, proof, removals, summary, contents=contents)
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


class _Walk:
    """One pass over the range."""

    def __init__(
        self,
        scope: Scope,
        ids: set[str] | None,
        proof: RangeProof,
        removals: Removals,
        summary: Summary,
        *,
        contents: bool,
    ) -> None:
        self.summary, self.proof = summary, proof
        self.ids, self.types, self.contents = ids, frozenset(scope.types), contents
        self.views: Views | None = None
        self.removals = removals

    def run(self, out: Archive, state: Checkpoint, progress: Progress) -> None:
        """Write entries, details and contents, and hold the entries against the checkpoint."""
        hints, begin, end = bytearray(), self.proof.begin, self.proof.end
        sound = True
        with (
            out.member("entries.jsonl") as entries,
            out.member("details.jsonl") as details,
            _perhaps(out, "contents.jsonl", wanted=self.contents) as contents,
        ):
            try:
                edge = Edge(begin, self.proof.before)
                for low, found in rows.chunks(self.removals.held.first, begin, end):
                    lines = [row[4] for row in found]
                    entries.write(b"\n".join(lines) + b"\n")
                    hints += _grow(edge, lines)
                    details.write(self._details(low, found))
                    if self.contents:
                        self._contents(low, found, contents)
                    progress(low + len(found) - begin, end - begin)
                sound = edge.size == end and root_of(self.proof, edge) == state.root
            except ProofInvalid:
                sound = False
        if not sound:
            raise ExportImpossible(
                "The entries in the database are not the ones that the checkpoint was signed "
                "over. Run `manage.py audit verify`; no evidence can be made until it is sound."
            )
        out.add("hints", packed(bytes(hints)))

    def _details(self, low: int, found: Sequence[rows.Row]) -> bytes:
        """A line each: the detail as the bytes committed to, the entry's number and the key."""
        lines = []
        counts, views = self.summary.counts, self.views
        everything = self.ids is None and not self.types
        for index, (_, kind, _, stored, entry, detail, key) in enumerate(found, low):
            owner = None
            if entry.startswith(_LABELLED):
                owner = rows.identifier(stored)
                counts[owner or ""] += 1
            if not (everything or kind in DISCLOSED or self._in_scope(owner, kind)):
                continue
            if detail is None or key is None:
                self.removals.missing(index, entry, owner)
                self.summary.removed += 1
            else:
                lines.append(_DETAIL % (detail, index, hexlify(key)))
            if views is not None:
                views.add(index, entry, detail, rows.identifier(stored))
        self.summary.details += len(lines)
        return b"".join(lines)

    def _in_scope(self, owner: str | None, kind: str) -> bool:
        return (self.ids is None or owner in self.ids) and (
            not self.types or kind in self.types
        )

    def _contents(self, low: int, found: Sequence[rows.Row], out: Member | None) -> None:
        """What is still kept of the entries in scope, and was committed to by them."""
        for index, (_, kind, request, stored, entry, _, _) in enumerate(found, low):
            place = entry.find(b'"content":"')
            if out is None or place < 0 or request is None:
                continue
            labelled = entry.startswith(_LABELLED)
            if not self._in_scope(rows.identifier(stored) if labelled else None, kind):
                continue
            committed = entry[place + 11 : place + 75].decode()
            for _, key, text in vault.legible(request):
                if commitment(key, text) == committed:
                    line = b'{"content":%b,"index":%d,"key":"%b"}\n'
                    out.write(line % (text, index, key.hex().encode()))
                    self.summary.contents += 1
                    self.summary.requests.add(bytes.fromhex(request))


@contextmanager
def _perhaps(out: Archive, name: str, *, wanted: bool) -> Iterator[Member | None]:
    """A member of the ZIP, or none."""
    if not wanted:
        yield None
        return
    with out.member(name) as member:
        yield member


def _grow(edge: Edge, lines: Sequence[bytes]) -> bytes:
    """Append the entries; the first byte of each leaf's hash.

    As `merkle.leaf_hash` and `node_hash`, without a call for each of a million.
    These bytes prove nothing; they let the verifier say which entry was changed.
    """
    leaves = [sha256(b"\x00" + line).digest() for line in lines]
    at, start = 0, edge.size
    for _, height in cover(start, start + len(leaves)):
        hashes = leaves[at : at + (1 << height)]
        while len(hashes) > 1:
            pairs = zip(hashes[::2], hashes[1::2], strict=True)
            hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        edge.append_subtree(hashes[0], height)
        at += 1 << height
    return b"".join(leaves)[::32]


def _schemas() -> list[str]:
    return [f"schemas/{path.name}" for path in (_HERE / "schemas").glob("*.json")]


def _sealed(
    scope: Scope, held: Held, newest: tuple[bytes, Checkpoint]
) -> tuple[witnessed.Chosen, int, int]:
    """The checkpoint that the evidence is proven against, and the range."""
    reach = extent.reach(held, newest[1].size)
    _, end = extent.covered(scope.begin, scope.end, reach, held)
    seal = witnessed.chosen(held, newest, end if scope.end else None)
    reach = extent.reach(held, seal.state.size)
    return seal, *extent.covered(scope.begin, scope.end, reach, held)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _disclosed(summary: Summary, reason: str, actor: str) -> list[Event]:
    """What the record says where contents were disclosed."""
    if not summary.contents:
        return []
    detail = {"requests": len(summary.requests), "reason": reason, "actor": actor}
    return [Event("content.disclosed", time.time_ns() // 1000, detail)]


def _checkpoint(
    folder: LogFolder, log_dir: Path, signer: bytes
) -> tuple[bytes, Checkpoint, Chain]:
    """A generation's checkpoint, and the log's keys up to the one that signs the manifest."""
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

"""One pass over the range: entries, details and contents as they are, and proven meanwhile."""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256

from compliance.audit import vault
from compliance.audit.checkpoint import Checkpoint
from compliance.audit.entry import commitment
from compliance.audit.merkle import Edge, ProofInvalid, cover
from compliance.evidence import rows
from compliance.evidence.archive import Archive, Member
from compliance.evidence.file import ExportImpossible
from compliance.evidence.hints import packed
from compliance.evidence.proof import RangeProof, root_of
from compliance.evidence.removed import Removals
from compliance.evidence.scope import DISCLOSED, Progress, Scope, Summary
from compliance.evidence.views import Views

_LABELLED = b'{"application":'
_DETAIL = b'{"detail":%b,"index":%d,"key":"%b"}\n'


class Pass:
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

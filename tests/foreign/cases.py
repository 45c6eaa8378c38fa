"""What foreign verifiers are asked: what our own code signs and proves, and mutants of it.

Sizes and roots are never given beside a proof: they stand in the signed note, as for anyone who
fetches a log. So a verifier that is asked about a proof judges the checkpoint too.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit import merkle, mldsa
from compliance.audit.checkpoint import Checkpoint, parse, sign, verifier_key
from compliance.audit.files import LogFolder
from compliance.audit.tiles import Builder
from compliance.audit.tree import Tree

ORIGIN = "example.org/log/1"
SECOND = mldsa.signer_of(bytes(range(32)))
SIZES = (1, 2, 3, 5, 8, 255, 256, 257, 300, 511, 777)  # about the edges of tiles and of trees


@dataclass(frozen=True, slots=True)
class Case:
    """One question. `good` is the only right answer; `why` says what was changed."""

    kind: str  # checkpoint, inclusion, consistency or cosignature
    key: str
    note: bytes
    entry: bytes  # of `index`, for a checkpoint too: some judge it only beside a proof
    index: int
    proof: list[bytes]
    old: bytes = b""  # the earlier note, for consistency
    witness: str = ""  # the verifier key of whoever cosigned, for a cosignature
    good: bool = True
    why: str = "untouched"

    def as_json(self) -> dict[str, object]:
        """As the verifiers' processes read it; without the answer."""
        return {
            "kind": self.kind,
            "key": self.key,
            "note": self.note.decode(),
            "old": self.old.decode(),
            "witness": self.witness,
            "entry": base64.b64encode(self.entry).decode(),
            "index": self.index,
            "proof": [base64.b64encode(value).decode() for value in self.proof],
        }


@dataclass(slots=True)
class Log:
    """A log of ours on the disk, and its notes at several sizes."""

    key: Ed25519PrivateKey
    folder: LogFolder
    entries: list[bytes]
    notes: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, salt: bytes, sizes: tuple[int, ...] = SIZES) -> Log:
        """Entries, tiles and notes as the notary makes them; `salt` tells logs apart."""
        folder = LogFolder(root)
        folder.prepare()
        entries = [b'{"n":%d,"salt":"%s"}' % (n, salt) for n in range(max(sizes))]
        log = cls(Ed25519PrivateKey.generate(), folder, entries)
        builder = Builder()
        for entry in entries:
            folder.add(builder.append(entry))
            if builder.size in sizes:
                folder.add(builder.partials())
                checkpoint = Checkpoint(ORIGIN, builder.size, builder.root())
                log.notes[builder.size] = sign(checkpoint, log.key)
        return log

    @property
    def verifier(self) -> str:
        """The line that checkers of signed notes take."""
        return verifier_key(ORIGIN, self.key.public_key().public_bytes_raw())

    def inclusion(self, index: int, size: int) -> Case:
        """The true statement that entry `index` stands in the tree of `size`."""
        proof = Tree(self.folder, max(self.notes)).subtree
        path = merkle.inclusion_proof(index, size, proof)
        return Case(
            "inclusion", self.verifier, self.notes[size], self.entries[index], index, path
        )

    def consistency(self, old: int, size: int) -> Case:
        """The true statement that the tree of `size` grew from that of `old`."""
        subtree = Tree(self.folder, max(self.notes)).subtree
        path = merkle.consistency_proof(old, size, subtree)
        note, entry = self.notes[size], self.entries[0]
        return Case("consistency", self.verifier, note, entry, 0, path, old=self.notes[old])

    def truths(self, chance: random.Random) -> Iterator[Case]:
        """Of each size: its checkpoint, first, last and other entries, growth from each."""
        for size in self.notes:
            yield replace(self.inclusion(0, size), kind="checkpoint")
            for index in sorted({0, size - 1, *chance.choices(range(size), k=4)}):
                yield self.inclusion(index, size)
            yield from (self.consistency(old, size) for old in self.notes if old <= size)


def mutants(case: Case, other: Log, chance: random.Random) -> Iterator[Case]:
    """Everything that could be done to a statement so that it is false, once each.

    `other` is a log of the same name, sizes and key's kind, with other entries and key.
    """
    bad = partial(replace, case, good=False)
    size = _size(case.note)
    yield from _false_notes(case, chance)
    yield bad(note=other.notes[size], why="the note of another log of the same name")
    yield bad(key=other.verifier, why="another log's key")
    if case.kind == "inclusion":
        yield bad(entry=_flipped(case.entry, chance), why="a bit of the entry")
        yield bad(entry=case.entry + b" ", why="a longer entry")
        yield bad(entry=other.entries[case.index], why="another log's entry")
        if size > 1:
            yield bad(index=(case.index + 1) % size, why="the next index")
        yield bad(index=size, why="an index beyond the tree")
    if case.kind == "consistency" and _size(case.old) != size:
        yield bad(note=case.old, old=case.note, why="old and new exchanged")
        yield bad(old=other.notes[_size(case.old)], why="another log's old note")
    if case.kind != "checkpoint":
        for proof, why in _false_paths(case.proof, chance):
            yield bad(proof=proof, why=why)


def signed_twice(case: Case, truth: Case) -> Case:
    """The same with the line by ML-DSA-44 that the log adds to this checkpoint."""
    return replace(case, note=case.note + mldsa.line(parse(truth.note), SECOND, 1_800_000_000))


def _false_notes(case: Case, chance: random.Random) -> Iterator[Case]:
    bad = partial(replace, case, good=False)
    text, _, rest = case.note.decode().rpartition("\n\n")
    origin, size, encoded = text.split("\n")
    _, name, signature = rest.split()
    raw = base64.b64decode(signature)

    def note(lines: tuple[str, ...], name: str = name, signed: bytes = raw) -> bytes:
        line = f"— {name} {base64.b64encode(signed).decode()}\n"
        return ("\n".join(lines) + "\n\n" + line).encode()

    root = base64.b64encode(_flipped(base64.b64decode(encoded), chance)).decode()
    yield bad(note=note((origin, size, root)), why="a bit of the root")
    yield bad(note=note((origin, str(int(size) + 1), encoded)), why="a larger size")
    yield bad(note=note((origin, "0" + size, encoded)), why="a zero before the size")
    yield bad(note=note((origin + "0", size, encoded)), why="another origin")
    yield bad(note=note((origin, size, encoded, "more")), why="a line more")
    yield bad(
        note=note((origin, size, encoded), signed=raw[:4] + _flipped(raw[4:], chance)),
        why="a bit of the signature",
    )
    yield bad(
        note=note((origin, size, encoded), signed=_flipped(raw[:4], chance) + raw[4:]),
        why="a bit of the key's id",
    )
    yield bad(note=note((origin, size, encoded), signed=raw[:-1]), why="a signature cut short")
    yield bad(note=(text + "\n").encode(), why="no signature")
    yield bad(note=note((origin, size, encoded), name="other"), why="another signer's name")


def _false_paths(path: list[bytes], chance: random.Random) -> Iterator[tuple[list[bytes], str]]:
    yield [*path, bytes(32)], "a hash more at the end"
    yield [bytes(32), *path], "a hash more at the start"
    if not path:
        return
    at = chance.randrange(len(path))
    yield path[:at] + path[at + 1 :], "a hash less"
    yield path[:-1], "the last hash missing"
    yield [*path[: at + 1], *path[at:]], "a hash twice"
    changed = _flipped(path[at], chance)
    yield [*path[:at], changed, *path[at + 1 :]], "a bit of a hash"
    if len(path) > 1:
        yield path[::-1], "the hashes reversed"


def _size(note: bytes) -> int:
    return int(note.split(b"\n")[1])


def _flipped(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(8 * len(data))
    return data[: at // 8] + bytes([data[at // 8] ^ 1 << at % 8]) + data[at // 8 + 1 :]

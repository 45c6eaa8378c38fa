"""One key of the log hands over to the next, so that whoever holds an old one can follow.

A rotation is an entry of the log, `log.key_rotated`, whose detail names both verifier keys and
holds the old key's signature over them. So the chain of keys is believed from any of its keys
on: each is vouched for by the one before. Which key must have signed a checkpoint depends on
the checkpoint's size alone: the newest whose rotation is among the entries that it covers.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from compliance.audit import checkpoint
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid, Signer

CONTEXT = b"domicile/log-key/1\x00"
"""No checkpoint and no manifest holds a zero byte: none of them can be taken for a handover."""
SIGNATURE_BYTES = 64
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


class HandoverInvalid(CheckpointInvalid):
    """The log's keys do not follow from each other. The message says which do not."""


@dataclass(frozen=True, slots=True)
class Handover:
    """`before` hands over to `after`, both verifier keys, at entry `index` of `generation`."""

    generation: int
    index: int
    before: str
    after: str
    signature: bytes

    @property
    def old(self) -> bytes:
        """The public key that signed until then; raises `CheckpointInvalid`."""
        return checkpoint.parse_verifier_key(self.before)[1]

    @property
    def new(self) -> bytes:
        """The public key that signs from then on; raises `CheckpointInvalid`."""
        return checkpoint.parse_verifier_key(self.after)[1]

    @property
    def line(self) -> str:
        """As it stands in the file `rotations`."""
        signature = base64.b64encode(self.signature).decode()
        return f"{self.generation} {self.index} {self.before} {self.after} {signature}\n"

    def check(self, name: str) -> None:
        """Raise `HandoverInvalid` unless the old key signed this for the log `name`.

        `name` is what the log's origins begin with in all generations.
        """
        try:
            named = [checkpoint.parse_verifier_key(one)[0] for one in (self.before, self.after)]
            if {checkpoint.generation_of(origin)[0] for origin in named} != {name}:
                raise HandoverInvalid(f"A rotation of the key is of another log than {name}.")
            Ed25519PublicKey.from_public_bytes(self.old).verify(
                self.signature, message(self.before, self.after)
            )
        except InvalidSignature as error:
            raise HandoverInvalid(
                f"The rotation of the log's key at entry {self.index} of generation "
                f"{self.generation} is not signed by the key that it puts aside."
            ) from error


def message(before: str, after: str) -> bytes:
    """What the old key signs."""
    return CONTEXT + f"{before}\n{after}\n".encode()


def make(origin: str, old: Signer, new: bytes) -> tuple[str, str, bytes]:
    """Both verifier keys in the log's name, and the old key's signature over them."""
    keys = (old.public_key().public_bytes_raw(), new)
    before, after = (checkpoint.verifier_key(origin, key) for key in keys)
    return before, after, old.sign(message(before, after))


def parse(lines: str) -> list[Handover]:
    """The handovers of a file `rotations`, no signature checked; raises `HandoverInvalid`."""
    found = []
    for line in lines.splitlines():
        parts = line.split(" ")
        if len(parts) != 5 or not all(map(_NUMBER.fullmatch, parts[:2])):  # noqa: PLR2004 - as in `line`
            raise HandoverInvalid("A line of the file `rotations` is malformed.")
        generation, index, before, after, signature = parts
        found.append(
            Handover(int(generation), int(index), before, after, checkpoint.decode(signature))
        )
    return found


@dataclass(frozen=True, slots=True)
class Chain:
    """The public keys of one log, oldest first, and the handovers between them."""

    keys: tuple[bytes, ...]
    handovers: tuple[Handover, ...] = ()

    @property
    def current(self) -> bytes:
        """The newest."""
        return self.keys[-1]

    def at(self, generation: int, size: int) -> bytes:
        """The key that signs a checkpoint of this size."""
        reach = generation, size
        covered = [one for one in self.handovers if (one.generation, one.index) < reach]
        return covered[-1].new if covered else self.keys[0]

    def verify(self, note: bytes, origin: str = "") -> Checkpoint:
        """The checkpoint in a note that the right key signed; raises `CheckpointInvalid`.

        Of the log `origin`, if that is given.
        """
        state = checkpoint.parse(note)
        if origin and state.origin != origin:
            raise CheckpointInvalid(
                f"The checkpoint is of the log {state.origin}, not of {origin}."
            )
        key = self.at(checkpoint.generation_of(state.origin)[1], state.size)
        try:
            return checkpoint.verify(note, state.origin, key)
        except CheckpointInvalid:
            for other in self.keys:
                if other != key and checkpoint.is_signed(note, state.origin, other):
                    raise HandoverInvalid(
                        f"The checkpoint of {state.origin} at {state.size} entries is signed "
                        "by a key of this log that does not sign at that size: either the key "
                        "was put aside before and stolen, or its rotation is not on the record."
                    ) from None
            raise


def chain(
    name: str, key: bytes, recorded: Sequence[Handover], known: Iterable[Handover] = ()
) -> Chain:
    """The keys of the log `name`, of which `key` is one; or `HandoverInvalid`.

    `recorded` are the handovers in the log, in its order: all of them must follow from each
    other. Those that are `known` from elsewhere may be more: a restored database can have lost
    some. They count where they continue the chain, and may be of other logs.
    """
    following = _following(name, recorded, known)
    preceding = {one.new: one for one in following.values()}
    first = recorded[0].old if recorded else key
    for _ in range(len(preceding)):
        if first not in preceding:
            break
        first = preceding[first].old
    found: list[Handover] = []
    keys = [first]
    while keys[-1] in following and len(found) < len(following):
        found.append(following[keys[-1]])
        keys.append(found[-1].new)
    places = [(one.generation, one.index) for one in found]
    in_log = [one for one in found if one in recorded]
    if in_log != list(recorded) or places != sorted(set(places)) or len(set(keys)) != len(keys):
        raise HandoverInvalid(
            "The rotations of the log's key do not follow from each other: one of them does "
            "not begin with the key that the one before it ended with."
        )
    if key not in keys:
        raise HandoverInvalid(
            "The log's key here is none of those that the log was signed with, from "
            f"{checkpoint.key_id(name, keys[0]).hex()} on: it is another log's."
        )
    return Chain(tuple(keys), tuple(found))


def _following(
    name: str, recorded: Sequence[Handover], known: Iterable[Handover]
) -> dict[bytes, Handover]:
    """The handovers that count, each by the key that it puts aside."""
    for one in recorded:
        one.check(name)
    following = {one.old: one for one in _sound(name, known)}
    for one in recorded:
        held = following.get(one.old)
        if held is not None and held.new != one.new:
            raise HandoverInvalid(
                f"The key {one.before} of the log was rotated twice, to two different keys: it "
                "was stolen, or the log was continued from a copy and has forked."
            )
        following[one.old] = one
    return following


def _sound(name: str, handovers: Iterable[Handover]) -> Iterable[Handover]:
    for one in dict.fromkeys(handovers):
        try:
            one.check(name)
        except CheckpointInvalid:
            continue
        yield one

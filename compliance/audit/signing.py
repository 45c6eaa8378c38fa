"""Who signs a log's checkpoints, and what readers are told of those keys.

The newest key of the ring signs, both keys while a rotation is under way, and the ML-DSA-44 key
where there is one. That one must be named by the log's entries before it signs anything.
"""

from __future__ import annotations

import logging
import time

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from compliance.audit import checkpoint, copies, mldsa, rotation, second_key
from compliance.audit.checkpoint import Checkpoint, Signer
from compliance.audit.copies import Places
from compliance.audit.files import MLDSA_KEY, ROTATIONS, VERIFIER_KEY, LogFolder, bridge
from compliance.audit.handover import Chain
from compliance.audit.keys import KeyUnusable
from compliance.audit.ring import Ring, public_of

_log = logging.getLogger(__name__)


class Signing:
    """A notary's keys; `learn` comes before all else. Not safe for threads.

    `keys` is the chain of the log's public keys, of which the last is the current one.
    """

    keys: Chain

    def __init__(self, places: Places, ring: Ring, second: MLDSA44PrivateKey | None) -> None:
        self._places = places
        self._ring = ring
        self._second = second
        self._named = False  # whether the log's entries name `second`
        self._signers: list[Signer] = []  # the newest first; two while a key is rotated
        self._settled = False

    @property
    def rotating(self) -> bool:
        """Whether an older key signs beside the newest."""
        return len(self._signers) > 1

    def learn(self, origin: str) -> None:
        """Find out who signs from now on; raises `CheckpointInvalid` and `KeyUnusable`."""
        here = self._ring.current()
        self.keys = rotation.chain(self._places, origin, public_of(here))
        signer = self._ring.find(self.keys.current)
        leaving = self.keys.keys[-2:-1]
        old = [found for key in leaving if (found := self._ring.find(key)) is not None]
        if signer is None:
            raise KeyUnusable(rotation.older(self.keys))
        self._signers = [signer, *old]
        self._settled = False

    def announce(self, origin: str) -> None:
        """Let the log name the key that signs too, where it does not yet."""
        if self._second is not None:
            second_key.announce(origin, self._second)
            self._named = False

    @property
    def ready(self) -> bool:
        """Whether the entries name the key that signs too; nothing is signed before they do."""
        self._named = self._named or self._second is None or second_key.placed()
        return self._named

    def sign(self, state: Checkpoint) -> bytes:
        """The checkpoint as a note, by every key that signs now."""
        note = checkpoint.sign(state, *self._signers)
        if self._second is not None:
            note += mldsa.line(state, self._second, int(time.time()))
        return note

    def bridge(self, folder: LogFolder, note: bytes) -> None:
        """Let readers follow from an older key, before the first that the newer signs alone."""
        if self.rotating:
            folder.replace(bridge(len(self.keys.handovers)), note)
        if (lines := self._rotations) and folder.read(ROTATIONS) != lines:
            folder.replace(ROTATIONS, lines)

    def tell(self, folder: LogFolder, origin: str) -> None:
        """Write down by which keys a reader verifies."""
        lines = {VERIFIER_KEY: checkpoint.verifier_key(origin, self.keys.current)}
        if self._second is not None:
            lines[MLDSA_KEY] = mldsa.verifier_key(origin, mldsa.public_of(self._second))
        for name, line in lines.items():
            written = line.encode() + b"\n"
            if folder.read(name) != written:
                folder.replace(name, written)

    def keep(self, state: Checkpoint, note: bytes) -> None:
        """Leave copies where a restore does not reach, if there is such a place; or OSError."""
        outside = self._places.outside
        if outside is None:
            return
        if lines := self._rotations:
            identifier = checkpoint.key_id(state.origin, self.keys.current)
            copies.keep_rotations(outside, lines, identifier)
        for signer in self._signers:
            identifier = checkpoint.key_id(state.origin, public_of(signer))
            copies.keep(outside, state, note, identifier)

    def settle(self) -> None:
        """Destroy the key that was put aside; for a caller who signed by both keys."""
        if self._settled:
            return
        self._settled = self._ring.settle(self.keys.current)
        if self._settled and self.rotating:
            del self._signers[1:]
            _log.info("The log's key was rotated; the old one is destroyed.")

    @property
    def _rotations(self) -> bytes:
        return "".join(one.line for one in self.keys.handovers).encode()

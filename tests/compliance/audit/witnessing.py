"""A log of somebody else, and a witness to show it to."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit import checkpoint, merkle, submission
from compliance.audit.checkpoint import Checkpoint
from compliance.models import WitnessedLog

ORIGIN = "example.org/log/1"


class Log:
    """A log in memory; `salt` tells logs of one name and key apart."""

    def __init__(self, salt=b"", origin=ORIGIN, seed=bytes(32)):
        self.salt, self.origin = salt, origin
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self.key.public_key().public_bytes_raw()
        self.verifier_key = checkpoint.verifier_key(origin, public)

    def leaf(self, index):
        return merkle.leaf_hash(b"%d %b" % (index, self.salt))

    def subtree(self, index, height):
        first = index << height
        return merkle.root(self.leaf(one) for one in range(first, first + (1 << height)))

    def root(self, size):
        return merkle.root(map(self.leaf, range(size)))

    def note(self, size):
        return checkpoint.sign(Checkpoint(self.origin, size, self.root(size)), self.key)

    def submission(self, old, size):
        proof = merkle.consistency_proof(old, size, self.subtree) if 0 < old <= size else []
        return submission.body(old, proof, self.note(size))

    def register(self, **more):
        return WitnessedLog.objects.create(
            origin=self.origin, verifier_keys=self.verifier_key, **more
        )

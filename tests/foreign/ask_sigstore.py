"""Asks sigstore-python about each case on standard input; runs in its own environment.

Its public verifier takes whole bundles (certificate, artefact, proof). The steps below are the
two of them that concern the log, as its `Verifier` calls them: `verify_merkle_inclusion` and
`verify_checkpoint`, on the same model objects. It has no consistency proofs. It does not
compare the proof's tree size with the checkpoint's, so the size is read from the checkpoint.
"""

import base64
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import LogCheckpoint, SignedNote, verify_checkpoint
from sigstore._internal.trust import Keyring
from sigstore.errors import Error
from sigstore.models import TransparencyLogEntry
from sigstore_models.common.v1 import PublicKey, PublicKeyDetails
from sigstore_models.rekor.v1 import TransparencyLogEntry as Inner


def entry(case, envelope):
    name, identifier, _ = case["key"].split("+", 2)
    checkpoint = LogCheckpoint.from_text(SignedNote.from_text(envelope).note)
    if checkpoint.origin != name:
        raise Error("origin")
    return TransparencyLogEntry(
        Inner.from_dict(
            {
                "logIndex": str(case["index"]),
                "logId": {"keyId": base64.b64encode(bytes.fromhex(identifier)).decode()},
                "kindVersion": {"kind": "domicile", "version": "1"},
                "inclusionProof": {
                    "logIndex": str(case["index"]),
                    "rootHash": base64.b64encode(bytes.fromhex(checkpoint.log_hash)).decode(),
                    "treeSize": str(checkpoint.log_size),
                    "hashes": case["proof"],
                    "checkpoint": {"envelope": envelope},
                },
                "canonicalizedBody": case["entry"],
            }
        )
    )


def keyring(case):
    raw = base64.b64decode(case["key"].split("+", 2)[2])[1:]
    der = Ed25519PublicKey.from_public_bytes(raw).public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    details = PublicKeyDetails.PKIX_ED25519
    return Keyring([PublicKey(raw_bytes=base64.b64encode(der).decode(), key_details=details)])


def judged(case):
    try:
        held = entry(case, case["note"])
        verify_checkpoint(keyring(case), held)
        if case["kind"] == "inclusion":
            verify_merkle_inclusion(held)
    except (Error, ValueError):  # pydantic's ValidationError is a ValueError
        return False
    return True


json.dump([judged(case) for case in json.load(sys.stdin)], sys.stdout)

"""Asks aics-tlog about each case on standard input; runs in that package's environment.

One JSON list in, one JSON list of booleans out. Sizes and roots come only from notes whose
signature aics-tlog has accepted.
"""

import base64
import json
import sys

import aics_tlog


def opened(case, which):
    key = aics_tlog.parse_vkey(case["key"])
    note = aics_tlog.parse_note(case[which])
    if not aics_tlog.verify_note(note, [key]):
        raise ValueError("signature")
    checkpoint = aics_tlog.parse_checkpoint(note.text)
    if checkpoint.origin != key.name:
        raise ValueError("origin")
    return checkpoint.size, checkpoint.root


def cosigned(case, size, root):
    note, key = aics_tlog.parse_note(case["note"]), aics_tlog.parse_vkey(case["witness"])
    if key.key_type != 4:
        raise ValueError("type")
    origin = aics_tlog.parse_checkpoint(note.text).origin
    lines = [
        line for line in note.signatures if (line.name, line.key_id) == (key.name, key.key_id)
    ]
    return len(lines) == 1 and aics_tlog.verify_cosignature(
        lines[0].signature, key.name, key.public_key, origin, size, root
    )


def accepts(case):
    size, root = opened(case, "note")
    proof = [base64.b64decode(value) for value in case["proof"]]
    if case["kind"] == "checkpoint":
        return True
    if case["kind"] == "cosignature":
        return cosigned(case, size, root)
    if case["kind"] == "inclusion":
        entry = base64.b64decode(case["entry"])
        return aics_tlog.verify_leaf_inclusion(entry, case["index"], size, proof, root)
    old, old_root = opened(case, "old")
    return aics_tlog.verify_consistency(old, size, old_root, root, proof)


def judged(case):
    try:
        return bool(accepts(case))
    except ValueError:  # what the package raises for a note or proof that is malformed
        return False


json.dump([judged(case) for case in json.load(sys.stdin)], sys.stdout)

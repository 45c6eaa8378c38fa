"""Takes evidence apart and puts it together again, as somebody with bad intentions would."""

import hashlib
import json
import zipfile
from base64 import b64encode
from contextlib import closing

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit import checkpoint
from compliance.audit.entry import canonical
from compliance.evidence import verify
from compliance.evidence.hints import packed

KEY = bytes(range(32))


def check(path, key=None, kept=None, jobs=1):
    """The verifier in this process, for speed: whether the evidence is sound, and the words."""
    try:
        files = verify.Archive(path)
    except (verify.Broken, verify.Unreadable) as error:
        return False, str(error)
    with closing(files):
        verifier = verify.Verifier(files, jobs)
        return verifier.run(key, kept), "\n".join(verifier.verdict())


def contents(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def replant(files):
    """As whoever holds the log's key could from the start: another tree, and all of it fits.

    For evidence of a whole log, whose proof holds no other hashes.
    """
    edge = verify.Edge()
    leaves = [verify.leaf_hash(line) for line in files["entries.jsonl"].splitlines()]
    for leaf in leaves:
        edge.append(leaf)
    origin = json.loads(files["manifest.json"])["origin"]
    signer = Ed25519PrivateKey.from_private_bytes(KEY)
    state = checkpoint.Checkpoint(origin, edge.size, edge.root())
    hints = packed(bytes(leaf[0] for leaf in leaves))
    return resign({**files, "checkpoint": checkpoint.sign(state, signer), "hints": hints})


def resign(files):
    """As whoever holds the log's key could: the manifest fits the files again."""
    manifest = json.loads(files["manifest.json"])
    for name in manifest["files"]:
        manifest["files"][name] = {
            "bytes": len(files[name]),
            "sha256": hashlib.sha256(files[name]).hexdigest(),
        }
    files["manifest.json"] = canonical(manifest)
    signature = Ed25519PrivateKey.from_private_bytes(KEY).sign(files["manifest.json"])
    files["manifest.sig"] = b64encode(signature) + b"\n"
    return files

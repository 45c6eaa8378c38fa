"""Who judges, about what, and how each is asked."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from pymerkle.core import _inclusion_path_layout
from pymerkle.proof import InclusionProof, InvalidProof

from compliance.audit.checkpoint import parse
from compliance.audit.merkle import leaf_hash
from tests.foreign import install
from tests.foreign.cases import Case

EVERYTHING = frozenset({"checkpoint", "inclusion", "consistency"})

JUDGES: dict[str, tuple[str, frozenset[str]]] = {
    "go": ("golang.org/x/mod/sumdb note + tlog", EVERYTHING),
    "npm": ("npm @sigstore/verify", frozenset({"checkpoint", "inclusion"})),
    "sigstore": ("PyPI sigstore", frozenset({"checkpoint", "inclusion"})),
    "aics": ("PyPI aics-tlog", EVERYTHING),
    "pymerkle": ("PyPI pymerkle", frozenset({"inclusion"})),
}

# What a judge lets pass because it does not look at it. sigstore-python finds a signature line
# by its key's id and ignores the name beside it, which no signature covers.
OVERLOOKED = {"sigstore": {"another signer's name"}}


def judged(name: str, cases: Sequence[Case]) -> list[bool]:
    """Whether the judge accepts each case; raises `install.Unavailable`."""
    if name == "pymerkle":
        return [_pymerkle(case) for case in cases]
    command = install.command(name)
    done = subprocess.run(
        command,
        input=json.dumps([case.as_json() for case in cases]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    answers: list[bool] = json.loads(done.stdout)
    assert len(answers) == len(cases)
    return answers


def _pymerkle(case: Case) -> bool:
    """pymerkle checks trees, not signatures: sizes and roots are read from the notes by us.

    Its proofs also carry a rule for combining hashes, which it recomputes from index and size
    and compares; RFC 6962 leaves it out because it follows from them. Its consistency proofs
    have another form than RFC 6962's (more hashes), so it is not asked about ours.
    """
    try:
        _check(case)
    except InvalidProof:
        return False
    return True


def _check(case: Case) -> None:
    checkpoint = parse(case.note)
    position = case.index + 1  # counted from one
    if position > checkpoint.size:
        raise InvalidProof
    rule, _ = _inclusion_path_layout(position, checkpoint.size)
    path = [leaf_hash(case.entry), *case.proof]
    hashing = ("sha256", True)  # with the prefixes 0x00 and 0x01
    proof = InclusionProof(*hashing, checkpoint.size, position, rule, path)
    proof.verify(path[0], checkpoint.root, position, checkpoint.size, *hashing)

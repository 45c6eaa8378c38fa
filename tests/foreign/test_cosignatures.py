"""Verifiers that we did not write accept our cosignatures (C2SP tlog-cosignature)."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit import cosignature
from compliance.audit.checkpoint import parse
from tests.foreign.cases import Case, Log
from tests.foreign.test_foreign import ask

NAME = "example.net/witness"
KEY = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(bytes([8]) * 32)
MOMENT = 1_790_000_000


def vkey(key: Ed25519PrivateKey, name: str = NAME) -> str:
    return cosignature.verifier_key(name, key.public_key().public_bytes_raw())


def mutants(case: Case, bare: bytes, chance: random.Random) -> Iterator[Case]:
    """Everything that could be done to a cosigned checkpoint so that it is false."""
    text = parse(bare).text()
    line = case.note.removeprefix(bare).decode()
    raw = base64.b64decode(line.split(" ")[2])

    def bad(why: str, data: bytes, name: str = NAME) -> Case:
        encoded = base64.b64encode(data).decode()
        note = bare + f"— {name} {encoded}\n".encode()
        return replace(case, note=note, good=False, why=why)

    for place, why in ((0, "key id"), (4, "time"), (12, "signature"), (44, "signature")):
        at = 8 * place + chance.randrange(8 * 4)
        changed = bytearray(raw)
        changed[at // 8] ^= 1 << at % 8
        yield bad(f"a bit of the {why}", bytes(changed))
    yield bad("cut short", raw[:-1])
    yield bad("another name", raw, "example.com/witness")
    yield bad("without its time", raw[:4] + raw[12:])
    plain = raw[:12] + KEY.sign(text.encode())
    yield bad("a signature of the note alone", plain)
    later = cosignature.cosign(text + "x\n", NAME, KEY, MOMENT).encode()
    yield replace(case, note=bare + later, good=False, why="of another text")
    yield replace(case, note=bare, good=False, why="no cosignature")
    yield replace(case, witness=vkey(OTHER), good=False, why="another witness's key")


@pytest.mark.timeout(280)
@pytest.mark.parametrize("name", ["go", "aics"])
def test_it_accepts_our_cosignatures_and_rejects_every_mutant(name, tmp_path):
    chance = random.Random(7)
    log = Log.make(tmp_path, b"ours", (1, 8, 300))
    cases = []
    for size, bare in log.notes.items():
        line = cosignature.cosign(parse(bare).text(), NAME, KEY, MOMENT + size)
        true = replace(
            log.inclusion(0, size),
            kind="cosignature",
            note=bare + line.encode(),
            witness=vkey(KEY),
        )
        cases += [true, *mutants(true, bare, chance)]
    answers = ask(name, cases)
    wrong = [
        case.why for case, accepted in zip(cases, answers, strict=True) if accepted != case.good
    ]
    assert not wrong
    assert len(cases) == 3 * 12

"""An inventory: a node's signed word of what it is, which models lie there, how its GPUs do.

It lies in the broker beside the node's signs of life, written anew each half minute. A gateway
checks the signature. It is shown and counted; nothing is decided by it.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec
import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from inference.statements import Amount, Name

KEY = "inventory:"  # + node
SAID_MAX = 128 * 1024  # bytes
GPUS_MAX, MODELS_MAX, PROBLEMS_MAX = 64, 64, 8
REASON_MAX = 400  # characters
FRESH = 120.0  # seconds after which what it says may no longer be so
_CONTEXT = b"domicile/inventory/1\x00"

Words = Annotated[str, msgspec.Meta(max_length=96)]
State = Literal["here", "waits", "starts", "runs", "fails", "ends", "refused"]


class InventoryRefused(Exception):
    """An inventory must not be believed; `reason` is `malformed` or `bad_signature`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class GPU(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A GPU. `memory` and `used` are in bytes, `temperature` in degrees Celsius.

    `uuid` is what the driver tells it by, whichever number it has at a start. `errors` counts
    errors of its memory that were not corrected, since the driver was loaded; None: it does not
    count them. `problems` are what its memory needs, in words.
    """

    name: Words
    uuid: Words
    memory: Amount
    used: Amount
    temperature: Annotated[int, msgspec.Meta(ge=-100, le=1000)] | None = None
    errors: Amount | None = None
    problems: Annotated[list[Words], msgspec.Meta(max_length=PROBLEMS_MAX)] = []


class Held(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that lies on the node, or should; `digest` is a SHA-256 in hex, or empty.

    `state` is `here` where the node is not to serve it, else what its worker does; `reason` why
    it is refused, fails, or waits.
    """

    name: Annotated[str, msgspec.Meta(max_length=140)]
    digest: Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{64})?\Z")] = ""
    state: State
    reason: Annotated[str, msgspec.Meta(max_length=REASON_MAX)] = ""


class Inventory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node says. `time` is in microseconds since the Unix epoch, memory in bytes.

    `driver` and `cuda` are the versions of the GPUs' driver and of the CUDA that it supports,
    empty where there is none; `engines` are versions by name.
    """

    node: Name
    site: Name
    time: Amount
    cpu: Words
    cores: Amount
    memory: Amount
    available: Amount
    driver: Words = ""
    cuda: Words = ""
    gpus: Annotated[list[GPU], msgspec.Meta(max_length=GPUS_MAX)] = []
    engines: dict[Words, Words] = {}
    models: Annotated[list[Held], msgspec.Meta(max_length=MODELS_MAX)] = []


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    inventory: Inventory
    signature: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}\Z")]


_decode = msgspec.json.Decoder(_Signed).decode


def canonical(inventory: Inventory) -> bytes:
    """RFC 8785: with ASCII keys and no floats, sorted compact JSON is canonical."""
    return orjson.dumps(msgspec.to_builtins(inventory), option=orjson.OPT_SORT_KEYS)


def kind(inventory: Inventory) -> str:
    """What tells machines apart, not moments: the SHA-256 (hex) of what rarely changes.

    That is CPU, memory, driver, the set of GPUs with what their memory needs, and engines.
    """
    told = {
        "cpu": [inventory.cpu, inventory.cores, inventory.memory],
        "driver": [inventory.driver, inventory.cuda],
        "gpus": sorted(
            [one.uuid, one.name, one.memory, *one.problems] for one in inventory.gpus
        ),
        "engines": inventory.engines,
    }
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def sign(inventory: Inventory, node_key: Ed25519PrivateKey) -> bytes:
    """`inventory` with its node's signature, as it travels."""
    signature = node_key.sign(_CONTEXT + canonical(inventory)).hex()
    return msgspec.json.encode(_Signed(inventory, signature))


def verified(said: bytes, node: str, node_public_key: bytes) -> Inventory:
    """The inventory in `said`, if that node signed it as its own; raises `InventoryRefused`."""
    if len(said) > SAID_MAX:
        raise InventoryRefused("malformed", f"What {node} says of its machine is too long.")
    try:
        signed = _decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InventoryRefused(
            "malformed", f"What {node} says of its machine cannot be read."
        ) from error
    try:
        Ed25519PublicKey.from_public_bytes(node_public_key).verify(
            bytes.fromhex(signed.signature), _CONTEXT + canonical(signed.inventory)
        )
    except (ValueError, InvalidSignature) as error:
        raise InventoryRefused(
            "bad_signature", f"What is said of the machine {node} does not bear its signature."
        ) from error
    if signed.inventory.node != node:
        raise InventoryRefused("bad_signature", f"What is said of {node} is of another node.")
    return signed.inventory

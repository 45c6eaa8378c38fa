"""The list of policy versions in force, and of nodes that may work, signed by the gateway.

A worker has no database. It begins a ticket only while this list says that the version which
cleared it is, or was within the ticket's life, in force; and that the worker's node may serve
the model, with the very weights that the worker has: a policy was asked about nodes that are
deployed, and about models as they are registered, and about no others.
The gateway puts a new list into the broker each second; who has the broker can withhold it,
whereupon nothing runs, and can play an older one back for as long as it is fresh, no longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from inference.clearance import ClearanceRefused, Ticket

KEY = "in-force"
SAID_MAX = 1024 * 1024  # bytes
STALE = 30.0  # seconds after which a list says nothing any more
AHEAD = 30.0  # seconds by which the gateway's clock may be ahead of the node's
LATE = 5.0  # seconds for which a gateway may still clear by a version that was followed
REMEMBERED = 660.0  # seconds for which a ticket may wait for a slot: its deadline, and its life
_CONTEXT = b"domicile/in-force/1\x00"

Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Moment = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of the policy and when it was in force, in microseconds since the Unix epoch.

    `until` is None while it is. A version that was recalled is on no list.
    """

    digest: Digest
    since: Moment
    until: Moment | None = None


class InForce(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The list, as the configuration was at `moment` (microseconds since the Unix epoch).

    `nodes` are those that may work, by name, with the models and adapters that each serves and
    the digests of these as registered: enrolled, and neither they, nor their site, nor their
    deployment switched off or closed.
    """

    moment: Moment
    versions: list[Version]
    nodes: dict[str, dict[str, Digest]]

    def registered(self, node: str, model: str) -> str | None:
        """The digest of what `node` may answer with for `model`; None: it may not."""
        return self.nodes.get(node, {}).get(model)


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    listed: InForce
    signature: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}\Z")]


_decode = msgspec.json.Decoder(_Signed).decode


class ListRefused(Exception):
    """A list must not be believed. The message says why."""


def canonical(listed: InForce) -> bytes:
    """RFC 8785: with ASCII keys and no floats, sorted compact JSON is canonical."""
    return orjson.dumps(msgspec.to_builtins(listed), option=orjson.OPT_SORT_KEYS)


def sign(listed: InForce, gateway_key: Ed25519PrivateKey) -> bytes:
    """`listed` with the gateway's signature, as it travels."""
    signature = gateway_key.sign(_CONTEXT + canonical(listed)).hex()
    return msgspec.json.encode(_Signed(listed, signature))


def read(said: bytes, gateway_public_keys: Sequence[bytes]) -> InForce:
    """The list in `said`, if one of these gateways signed it; raises `ListRefused`."""
    if len(said) > SAID_MAX:
        raise ListRefused("A list of versions in force is too long.")
    try:
        signed = _decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ListRefused("A list of versions in force cannot be read.") from error
    content, signature = _CONTEXT + canonical(signed.listed), bytes.fromhex(signed.signature)
    for key in gateway_public_keys:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, content)
        except InvalidSignature:
            continue
        return signed.listed
    raise ListRefused("A list of versions in force bears no trusted gateway's signature.")


def check(
    listed: InForce | None, ticket: Ticket, node: str, now: float, weights: Mapping[str, str]
) -> None:
    """Raise `ClearanceRefused` unless `node` may begin `ticket`; `now` in seconds.

    `weights` are the digests (hex) of the model and the adapters that it would answer with, by
    name. The reasons are `list_stale`, `node_closed`, `other_weights` and
    `policy_not_in_force`.
    """
    if listed is None or not -AHEAD <= now - listed.moment / 1e6 <= STALE:
        raise ClearanceRefused(
            "list_stale",
            f"Node {node} has no list of the policy versions in force that is younger than "
            f"{STALE:.0f} s; see whether a gateway runs, and compare the clocks.",
        )
    for model in (ticket.model, ticket.adapter or ticket.model):
        registered = listed.registered(node, model)
        if registered is None:
            raise ClearanceRefused("node_closed", f"Node {node} may not serve {model} now.")
        if registered != weights.get(model):
            raise ClearanceRefused(
                "other_weights",
                f"Another {model} is registered than the one on node {node}. Bring the "
                "registered one there with `models place`.",
            )
    for version in listed.versions:
        if version.digest == ticket.policy_digest and _within(version, ticket):
            return
    raise ClearanceRefused(
        "policy_not_in_force",
        f"The ticket {ticket.id} was cleared by a version of the policy that is not in force.",
    )


def _within(version: Version, ticket: Ticket) -> bool:
    """Whether a version was in force at some time of the ticket's life."""
    began = version.since / 1e6 - AHEAD <= ticket.expires
    return began and (version.until is None or ticket.issued <= version.until / 1e6 + LATE)

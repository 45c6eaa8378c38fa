"""Tickets open at their own site only, unchanged, in time; receipts are one node's."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.clearance import (
    ENVELOPE_MAX,
    ClearanceRefused,
    Receipt,
    Ticket,
    seal,
    sign,
    verify_receipt,
)
from tests.inference.tickets import GATEWAY, NODE, SITE, sealed, ticket
from tests.inference.tickets import opened as opened_at

BEGUN = time.time()  # all is judged at this moment, however long the tests take
TICKET = ticket(expires=BEGUN + 100)
ENVELOPE = sealed(TICKET)

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)  # fmt: skip


def opened(envelope: bytes, *, now: float = BEGUN, **changes: Any) -> Ticket:
    return opened_at(envelope, now=now, **changes)


def reason(envelope: bytes, **changes: Any) -> str:
    with pytest.raises(ClearanceRefused) as refusal:
        opened(envelope, **changes)
    return refusal.value.reason


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4))
@settings(max_examples=40, deadline=None)
def test_what_is_sealed_opens_as_it_was(body):
    mine = msgspec.structs.replace(TICKET, body=body)
    assert opened(sealed(mine)) == mine


def test_every_changed_byte_is_refused():
    for place in range(len(ENVELOPE)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(ENVELOPE)
            changed[place] ^= flip
            assert reason(bytes(changed)) in {"malformed", "unknown_gateway", "bad_signature"}


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_an_envelope_cut_or_lengthened_or_spliced_is_refused(data):
    cut = data.draw(st.integers(0, len(ENVELOPE) - 1))
    put = data.draw(st.binary(max_size=16))
    end = data.draw(st.integers(cut, len(ENVELOPE)))
    changed = ENVELOPE[:cut] + put + ENVELOPE[end:]
    if changed != ENVELOPE:
        assert reason(changed) in {"malformed", "unknown_gateway", "bad_signature"}


def test_the_envelope_shows_nothing_of_the_prompt_and_no_key():
    mine = ticket(body={"messages": [{"role": "user", "content": "canary-7731"}]})
    envelope = sealed(mine)
    for secret in (b"canary-7731", b"messages", mine.down_key, mine.up_key):
        assert secret not in envelope
    assert mine.request.encode() not in envelope


def test_a_ticket_for_another_site_is_refused_by_name():
    assert reason(ENVELOPE, site="berlin") == "wrong_site"


def test_another_sites_key_does_not_open_a_ticket():
    assert reason(ENVELOPE, site_private_key=X25519PrivateKey.generate()) == "unreadable"


def test_a_header_cannot_be_put_on_another_tickets_ciphertext():
    """Even the gateway's own key, misused, cannot re-label what was sealed."""
    from inference import clearance  # noqa: PLC0415 - the parts of an envelope are private

    other = sealed(msgspec.structs.replace(TICKET, site="berlin"))
    header, encoded, _ = clearance._verified(
        ENVELOPE, [GATEWAY.public_key().public_bytes_raw()]
    )
    _, _, ciphertext = clearance._verified(other, [GATEWAY.public_key().public_bytes_raw()])
    assert header.site == "home"
    rest = len(encoded).to_bytes(2, "big") + encoded + ciphertext
    forged = ENVELOPE[:9] + GATEWAY.sign(b"domicile/ticket/1\x00" + ENVELOPE[:9] + rest) + rest
    assert reason(forged) == "unreadable"


def test_a_gateway_that_is_not_trusted_here_cannot_clear_anything():
    assert reason(sealed(TICKET, Ed25519PrivateKey.generate())) == "unknown_gateway"


def test_an_expired_ticket_is_refused_before_it_is_opened():
    other = X25519PrivateKey.generate()  # opening it would say "unreadable"
    assert reason(ENVELOPE, now=TICKET.expires, site_private_key=other) == "expired"
    assert opened(ENVELOPE, now=TICKET.expires - 0.001) == TICKET


def test_a_ticket_that_would_outlive_what_nodes_remember_is_refused():
    assert reason(sealed(ticket(expires=time.time() + 4000))) == "expires_too_late"


def test_an_oversized_envelope_is_refused_unread():
    assert reason(bytes(ENVELOPE_MAX + 1)) == "too_large"


def test_two_seals_of_one_ticket_differ():
    assert sealed(TICKET) != sealed(TICKET)


RECEIPT = Receipt(
    ticket="t", request="r", attempt=1, site="home", node="node-1", model="m",
    weights="ab" * 32, engine="llamacpp", policy_digest="cd" * 32, prompt_tokens=3,
    completion_tokens=5, accepted=1, started=2, finished=3, finish_reason="stop",
)  # fmt: skip
NODE_KEY = NODE.public_key().public_bytes_raw()


def test_a_receipt_is_believed_from_the_node_that_signed_it():
    assert verify_receipt(sign(RECEIPT, NODE), NODE_KEY) == RECEIPT


def test_a_receipt_with_any_changed_field_is_refused():
    for name in RECEIPT.__struct_fields__:
        signed = sign(RECEIPT, NODE)
        value = signed["receipt"][name]
        signed["receipt"][name] = value + 1 if isinstance(value, int) else value + "x"
        with pytest.raises(ClearanceRefused):
            verify_receipt(signed, NODE_KEY)


def test_a_receipt_with_a_field_too_many_or_too_few_is_refused():
    more, fewer = sign(RECEIPT, NODE), sign(RECEIPT, NODE)
    more["receipt"]["note"] = "x"
    del fewer["receipt"]["engine"]
    for signed in (more, fewer, {}, {"receipt": None, "signature": ""}):
        with pytest.raises(ClearanceRefused):
            verify_receipt(signed, NODE_KEY)


def test_a_receipt_of_another_node_is_refused():
    with pytest.raises(ClearanceRefused):
        verify_receipt(sign(RECEIPT, Ed25519PrivateKey.generate()), NODE_KEY)


def test_a_ticket_signature_is_no_receipt_signature():
    """Each signature says what kind of thing it signs."""
    content = msgspec.json.encode(msgspec.to_builtins(RECEIPT), order="sorted")
    signed = {
        "receipt": msgspec.to_builtins(RECEIPT),
        "signature": NODE.sign(b"domicile/ticket/1\x00" + content).hex(),
    }
    with pytest.raises(ClearanceRefused):
        verify_receipt(signed, NODE_KEY)


def test_sealing_uses_the_key_it_is_given():
    other = X25519PrivateKey.generate()
    envelope = seal(TICKET, site_key=other.public_key().public_bytes_raw(), gateway_key=GATEWAY)
    assert reason(envelope) == "unreadable"
    assert opened(envelope, site_private_key=other) == TICKET
    assert SITE is not other

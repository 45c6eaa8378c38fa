"""Time stamps (RFC 3161): what is asked, what a reply says, and whether to believe it.

The token must stand for these very bytes and this very question, and be signed by one authority
that is believed (`authority`). Parsed by what pyHanko brings, checked here.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from compliance.audit.authority import StampInvalid, may_stamp, vouched

REPLY_MAX = 64 * 1024  # bytes; a token with its certificates has some 6,000
NONCE_BITS = 64
CERTIFICATES_MAX = 16
GRANTED = ("granted", "granted_with_mods")
HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
MALFORMED = (
    *(ValueError, TypeError, LookupError, ArithmeticError, RecursionError, AttributeError),
    *(UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension),
    x509.UnsupportedGeneralNameType,
)
"""What the parsers raise for bytes that are no such structure, at whatever moment they look."""


class _Reply(tsp.TimeStampResp):  # type: ignore[misc]
    """As RFC 3161, 2.4.2 has it: without a token where none was given."""

    _fields = [
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a token says."""

    time: datetime  # UTC
    authority: str  # the subject of the certificate that signed it
    expires: datetime  # the end of that certificate's time (UTC)


def query(digest: bytes) -> bytes:
    """What an authority is asked for bytes with this SHA-256 (RFC 3161, 2.4.1)."""
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": digest}
    asked = {
        "version": "v1",
        "message_imprint": imprint,
        "nonce": secrets.randbits(NONCE_BITS) | 1 << NONCE_BITS - 1,
        "cert_req": True,
    }
    return bytes(tsp.TimeStampReq(asked).dump())


def asked_of(data: bytes) -> tuple[bytes, int]:
    """SHA-256 and nonce of a question of ours; raises `StampInvalid`."""
    try:
        found = tsp.TimeStampReq.load(data, strict=True)
        imprint = found["message_imprint"]["hashed_message"].native
        return bytes(imprint), int(found["nonce"].native)
    except MALFORMED as error:
        raise StampInvalid("The question for a time stamp cannot be read any more.") from error


def imprint_of(reply: bytes) -> bytes:
    """The digest that a reply stands for, nothing checked; raises `StampInvalid`."""
    try:
        return bytes(_told(_token(reply))["message_imprint"]["hashed_message"].native)
    except MALFORMED as error:
        raise StampInvalid("This is not an authority's reply (RFC 3161).") from error


def read(reply: bytes) -> Stamp:
    """What a reply that was checked before says; raises `StampInvalid`."""
    try:
        token = _token(reply)
        return _stamp(_told(token), _signer(token, ()))
    except MALFORMED as error:
        raise StampInvalid("This is not an authority's reply (RFC 3161).") from error


def checked(reply: bytes, asked: bytes, anchors: Sequence[x509.Certificate]) -> Stamp:
    """The stamp in the reply to `asked`, from an authority in `anchors`; or `StampInvalid`."""
    digest, nonce = asked_of(asked)
    try:
        token = _token(reply)
        told = _told(token)
        _answers(told, digest, nonce)
        signer = _signer(token, anchors)
        found = _stamp(told, signer)
        may_stamp(signer, found.time)
        vouched(signer, found.time, anchors)
        _signed(token, signer)
    except MALFORMED as error:
        raise StampInvalid(
            f"The authority's reply is not one of RFC 3161 ({type(error).__name__})."
        ) from error
    return found


def _token(reply: bytes) -> Any:
    """The signed data in a reply that grants the stamp."""
    if len(reply) > REPLY_MAX:
        raise StampInvalid(f"The reply has {len(reply)} bytes; none is that long.")
    found = _Reply.load(reply, strict=True)
    status = found["status"]["status"].native
    if status not in GRANTED:
        raise StampInvalid(f"The authority gave no time stamp: its answer is {status!s:.40}.")
    token = found["time_stamp_token"]
    if token["content_type"].native != "signed_data":
        raise StampInvalid("The authority's reply holds no signed time stamp.")
    return token["content"]


def _told(token: Any) -> Any:
    """What the authority signed."""
    content = token["encap_content_info"]
    if content["content_type"].native != "tst_info":
        raise StampInvalid("The authority signed something else than a time stamp.")
    return content["content"].parsed


def _answers(told: Any, digest: bytes, nonce: int) -> None:
    imprint = told["message_imprint"]
    if (
        imprint["hash_algorithm"]["algorithm"].native != "sha256"
        or imprint["hashed_message"].native != digest
    ):
        raise StampInvalid("The time stamp is one of other bytes than was asked for.")
    if told["nonce"].native != nonce:
        raise StampInvalid("The time stamp is the answer to another question (its nonce).")


def _attribute(token: Any, name: str) -> Any:
    """The one value of a signed attribute; None where there is none."""
    found = [one for one in _signature(token)["signed_attrs"] if one["type"].native == name]
    if len(found) > 1 or (found and len(found[0]["values"]) != 1):
        raise StampInvalid(f"The time stamp has more than one {name}.")
    return found[0]["values"][0] if found else None


def _signature(token: Any) -> Any:
    if len(token["signer_infos"]) != 1:
        raise StampInvalid("The time stamp is not signed by exactly one authority.")
    return token["signer_infos"][0]


def _signer(token: Any, anchors: Iterable[x509.Certificate]) -> x509.Certificate:
    """The certificate that the signature itself names by its digest (RFC 5816, 2.2.1)."""
    newer = _attribute(token, "signing_certificate_v2")
    older = newer or _attribute(token, "signing_certificate")
    if older is None:
        raise StampInvalid("The time stamp does not name the certificate that signed it.")
    mark = older["certs"][0]
    algorithm = mark["hash_algorithm"]["algorithm"].native if newer else "sha1"
    if algorithm not in {*HASHES, "sha1"}:
        raise StampInvalid(f"The time stamp names its signer by {algorithm!s:.40}.")
    enclosed = [one.chosen.dump() for one in _enclosed(token)]
    der = serialization.Encoding.DER
    for one in [*enclosed, *(anchor.public_bytes(der) for anchor in anchors)]:
        if hashlib.new(algorithm, one, usedforsecurity=False).digest() == (
            mark["cert_hash"].native
        ):
            return _named(token, x509.load_der_x509_certificate(one))
    raise StampInvalid("The certificate that signed the time stamp is not in the reply.")


def _named(token: Any, signer: x509.Certificate) -> x509.Certificate:
    """The same, if the unsigned part of the token names it too: others look only there."""
    name = _signature(token)["sid"].chosen
    if isinstance(name, cms.IssuerAndSerialNumber) and (
        name["issuer"].dump() != signer.issuer.public_bytes()
        or name["serial_number"].native != signer.serial_number
    ):
        raise StampInvalid("The time stamp names two certificates as the one that signed it.")
    return signer


def _enclosed(token: Any) -> list[Any]:
    found = token["certificates"]
    if isinstance(found, cms.CertificateSet):
        if len(found) > CERTIFICATES_MAX:
            raise StampInvalid("The reply holds more certificates than any authority has.")
        return [one for one in found if one.name == "certificate"]
    return []


def _stamp(told: Any, signer: x509.Certificate) -> Stamp:
    time = told["gen_time"].native
    if not isinstance(time, datetime) or time.tzinfo is None:
        raise StampInvalid("The time in the time stamp is none.")
    name = signer.subject.rfc4514_string()
    return Stamp(time.astimezone(UTC), name, signer.not_valid_after_utc)


def _signed(token: Any, signer: x509.Certificate) -> None:
    """The signature over the attributes, which hold the content's digest (RFC 5652, 5.4)."""
    signature = _signature(token)
    digest = signature["digest_algorithm"]["algorithm"].native
    if digest not in HASHES:
        raise StampInvalid(f"The time stamp is signed with {digest!s:.40}; that is not enough.")
    content = token["encap_content_info"]["content"].contents
    kind, sum_ = _attribute(token, "content_type"), _attribute(token, "message_digest")
    if kind is None or kind.native != "tst_info" or sum_ is None:
        raise StampInvalid("The time stamp's signature does not say what it signs.")
    if sum_.native != hashlib.new(digest, content).digest():
        raise StampInvalid("The time stamp was changed after it was signed.")
    algorithm = signature["signature_algorithm"]
    method, key = algorithm.signature_algo, signer.public_key()
    signed = signature["signed_attrs"].untag().dump()
    value, hashed = signature["signature"].native, HASHES[digest]()
    try:
        if method == "rsassa_pkcs1v15" and isinstance(key, rsa.RSAPublicKey):
            key.verify(value, signed, padding.PKCS1v15(), hashed)
        elif method == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(value, signed, ec.ECDSA(hashed))
        else:
            raise StampInvalid(
                f"The time stamp is signed by {method!s:.40}; RSA (PKCS #1 v1.5) and ECDSA are "
                "known here."
            )
    except InvalidSignature as error:
        raise StampInvalid("The signature of the time stamp is false.") from error

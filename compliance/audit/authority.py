"""Whom time stamps are believed from: the certificates that the operator named.

A stamp's certificate is one of those, or was issued by one of those itself. No other path is
built, so there is none to lead astray. Its only purpose must be time stamping, marked critical.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID


class StampInvalid(Exception):
    """A reply is no time stamp, or not the one that was asked for. The message says why."""


def trusted(path: Path) -> tuple[x509.Certificate, ...]:
    """The certificates in a PEM file; raises `StampInvalid`."""
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise StampInvalid(
            f"{path}, which DOMICILE_TSA_CERTIFICATE names, cannot be read as PEM certificates "
            f"({type(error).__name__}). Put the authority's certificate there, or the one that "
            "issued it."
        ) from error


def may_stamp(signer: x509.Certificate, time: datetime) -> None:
    """RFC 3161, 2.3: a certificate for this purpose alone, in its time; or `StampInvalid`."""
    name = signer.subject.rfc4514_string()
    try:
        purposes = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        purposes = None
    if (
        purposes is None
        or not purposes.critical
        or list(purposes.value) != [ExtendedKeyUsageOID.TIME_STAMPING]
    ):
        raise StampInvalid(
            f"The certificate of {name} is not one for time stamping alone (extended "
            "key usage, critical)."
        )
    if not signer.not_valid_before_utc <= time <= signer.not_valid_after_utc:
        raise StampInvalid(
            f"The certificate of {name} is valid from "
            f"{signer.not_valid_before_utc:%Y-%m-%d} to {signer.not_valid_after_utc:%Y-%m-%d}, "
            f"and the time stamp is of {time:%Y-%m-%d}."
        )


def vouched(
    signer: x509.Certificate, time: datetime, anchors: Sequence[x509.Certificate]
) -> None:
    """That the operator named this certificate, or its issuer's; raises `StampInvalid`."""
    if signer in anchors:
        return
    for one in anchors:
        if one.not_valid_before_utc <= time <= one.not_valid_after_utc and _issues(one):
            try:
                signer.verify_directly_issued_by(one)
            except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
                continue
            return
    raise StampInvalid(
        f"The time stamp is by {signer.subject.rfc4514_string()}, whose certificate (SHA-256 "
        f"{signer.fingerprint(hashes.SHA256()).hex()}) is not in DOMICILE_TSA_CERTIFICATE, nor "
        "is a valid one that issued it."
    )


def _issues(anchor: x509.Certificate) -> bool:
    """Whether it may issue certificates (RFC 5280, 4.2.1.9 and 4.2.1.3)."""
    try:
        may = anchor.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        usage = anchor.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound as absent:
        return absent.oid == x509.KeyUsage.oid and may
    return may and usage.key_cert_sign

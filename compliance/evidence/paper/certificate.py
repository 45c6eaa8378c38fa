"""Who signs the PDFs: the installation, with a certificate of its own, or the customer's.

The own certificate signs itself. It says no more than the log's key does, which is why its
fingerprint wants to be compared; `DOMICILE_PDF_SIGNER` names one that others vouch for.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from django.conf import settings

from compliance.audit.keys import KeyUnusable, read_key

KEY, CERTIFICATE = "paper.p256", "paper.crt"
LIFE = dt.timedelta(days=3653)  # a report is checked years later, without a time stamp
SOON = dt.timedelta(days=90)
NAME_MAX = 64  # characters of a name (RFC 5280, ub-common-name)
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
_NEW = f"make a new one with `manage.py keys rotate {KEY}`"

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, its certificate, and those above it, as far as they are known."""

    key: Private
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()
    own: bool = True

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hex, as viewers show it."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def expires(self) -> dt.datetime:
        """The end of its time (UTC)."""
        return self.certificate.not_valid_after_utc

    @property
    def subject(self) -> str:
        """Whom the certificate names."""
        return self.certificate.subject.rfc4514_string()

    @property
    def pem(self) -> bytes:
        """The certificate and those above it."""
        return b"".join(
            one.public_bytes(serialization.Encoding.PEM)
            for one in (self.certificate, *self.chain)
        )


def private(key: bytes) -> ec.EllipticCurvePrivateKey:
    """The P-256 key of 32 bytes; one in 2^32 would else be none."""
    return ec.derive_private_key(int.from_bytes(key) % (_ORDER - 1) + 1, ec.SECP256R1())


def public(key: bytes) -> bytes:
    """The public half, a compressed point (SEC 1, 2.3.3)."""
    point = serialization.PublicFormat.CompressedPoint
    return private(key).public_key().public_bytes(serialization.Encoding.X962, point)


def certify(keys: Path, organisation: str) -> bool:
    """Make the certificate of the key in `keys` unless it has one; whether it was made."""
    key, path = private(read_key(keys / KEY)), keys / CERTIFICATE
    try:
        if _read(path)[0].public_key() == key.public_key():
            return False
    except KeyUnusable:
        pass
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_bytes(_issued(key, organisation).public_bytes(serialization.Encoding.PEM))
    scratch.replace(path)
    return True


class Configured(Protocol):
    """Where the keys lie, and what the customer brought."""

    @property
    def data(self) -> Path: ...
    @property
    def pdf_signer(self) -> str: ...
    @property
    def pdf_signer_password_file(self) -> str: ...


def in_use() -> Signer:
    """Who signs now; raises `KeyUnusable`, also for a certificate whose time is over."""
    found = configured(settings.DOMICILE)
    now = dt.datetime.now(dt.UTC)
    if not found.certificate.not_valid_before_utc <= now <= found.expires:
        raise KeyUnusable(
            f"The certificate that signs PDFs is valid from "
            f"{found.certificate.not_valid_before_utc:%Y-%m-%d} to {found.expires:%Y-%m-%d}; "
            f"{_NEW if found.own else 'put a valid one where DOMICILE_PDF_SIGNER points'}."
        )
    return found


def configured(environment: Configured) -> Signer:
    """Who would sign, whenever the certificate ends; raises `KeyUnusable`."""
    if environment.pdf_signer:
        return _customers(Path(environment.pdf_signer), environment.pdf_signer_password_file)
    keys = environment.data / "keys"
    key, (certificate, *_) = private(read_key(keys / KEY)), _read(keys / CERTIFICATE)
    if certificate.public_key() != key.public_key():
        raise KeyUnusable(
            f"{keys / CERTIFICATE} is not the certificate of {keys / KEY}; `manage.py setup` "
            "makes the right one."
        )
    return Signer(key, certificate)


def _issued(key: ec.EllipticCurvePrivateKey, organisation: str) -> x509.Certificate:
    """A certificate that signs itself, for signatures and nothing else (RFC 5280)."""
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:NAME_MAX]),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Domicile at {organisation}"[:NAME_MAX]),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    mark = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))  # for readers whose clock is behind
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(mark, critical=False)
        .sign(key, hashes.SHA256())
    )


def _read(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise KeyUnusable(
            f"The certificate {path} cannot be read ({type(error).__name__}); "
            "`manage.py setup` makes one where there is none."
        ) from error


def _customers(path: Path, password_file: str) -> Signer:
    """What DOMICILE_PDF_SIGNER names: PKCS#12, or PEM with the key and the certificates."""
    try:
        data = path.read_bytes()
        password = Path(password_file).read_bytes().strip() if password_file else None
    except OSError as error:
        raise KeyUnusable(
            f"{error.filename}, named by DOMICILE_PDF_SIGNER or its password file, cannot be "
            f"read: {error.strerror}."
        ) from error
    try:
        key, certificates = _opened(data, password)
    except (ValueError, TypeError) as error:
        raise KeyUnusable(
            f"{path}, which DOMICILE_PDF_SIGNER names, is not a PKCS#12 or PEM file with a key "
            "and its certificate, or the password in DOMICILE_PDF_SIGNER_PASSWORD_FILE is not "
            "its own."
        ) from error
    own = [one for one in certificates if one.public_key() == key.public_key()]
    if not own or not _may_sign(own[0]):
        raise KeyUnusable(
            f"{path}, which DOMICILE_PDF_SIGNER names, has no certificate of its key that is "
            "meant for signatures."
        )
    chain = tuple(one for one in certificates if one is not own[0])
    return Signer(key, own[0], chain, own=False)


def _opened(data: bytes, password: bytes | None) -> tuple[Private, list[x509.Certificate]]:
    """The key and all certificates of a file; ValueError or TypeError where it has none."""
    key: object
    if b"-----BEGIN" in data:
        key = serialization.load_pem_private_key(data, password)
        certificates = x509.load_pem_x509_certificates(data)
    else:
        bag = pkcs12.load_pkcs12(data, password)
        key = bag.key
        found = [bag.cert, *bag.additional_certs]
        certificates = [one.certificate for one in found if one is not None]
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise TypeError(type(key).__name__)
    return key, certificates


def _may_sign(certificate: x509.Certificate) -> bool:
    """Whether its purposes, where it names any, include signatures (RFC 5280, 4.2.1.3)."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.digital_signature or usage.content_commitment

"""The signature in a PDF: PAdES B-B (ETSI EN 319 142-1), for the whole file, once and for all.

It says that this installation made the file and that nobody changed it since. It is no
person's signature, and shows no trusted time.
"""

from __future__ import annotations

import io

from asn1crypto import keys, x509
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
from pyhanko_certvalidator.registry import SimpleCertificateStore

from compliance.evidence.paper.certificate import Signer

FIELD = "Domicile"
REASON = "Made by this installation of Domicile, and unchanged since."


def signed(pdf: bytes, signer: Signer) -> bytes:
    """The PDF with an invisible signature that forbids every later change."""
    der = serialization.Encoding.DER
    store: SimpleCertificateStore = SimpleCertificateStore.from_certs(  # type: ignore[no-untyped-call]
        [x509.Certificate.load(one.public_bytes(der)) for one in signer.chain]
    )
    key = signer.key.private_bytes(
        der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    simple = signers.SimpleSigner(
        signing_cert=x509.Certificate.load(signer.certificate.public_bytes(der)),
        signing_key=keys.PrivateKeyInfo.load(key),
        cert_registry=store,
    )
    about = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        reason=REASON,
        subfilter=fields.SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
    )
    out = _Seal(about, simple).sign_pdf(_Writer(io.BytesIO(pdf)))
    return bytes(out.getbuffer())


class _Seal(signers.PdfSigner):
    """Leaves the file what PDF/A-3 is made of, PDF 1.7.

    For a key on an elliptic curve pyHanko would declare ISO/TS 32002, an extension of PDF 2.0;
    PAdES allows such keys in 1.7 (ETSI TS 119 312).
    """

    def register_extensions(self, pdf_out: BasePdfFileWriter, *, md_algorithm: str) -> None:  # noqa: ARG002
        pdf_out.register_extension(ESIC_EXTENSION_1)


class _Writer(IncrementalPdfFileWriter):
    """Adds the signature and leaves the metadata as the press wrote them.

    pyHanko would write them anew, with prefixes that PDF/A does not foresee.
    """

    def _update_meta(self) -> None:
        pass

"""Who signs the PDFs that tests make: one key for all of them."""

import dataclasses

import pytest
from cryptography.hazmat.primitives import serialization

from compliance.audit.keys import create_key, read_key
from compliance.evidence.paper import certificate


@pytest.fixture(scope="session")
def signer_file(tmp_path_factory):
    """A key and its certificate, as DOMICILE_PDF_SIGNER takes them."""
    folder = tmp_path_factory.mktemp("signer")
    create_key(folder / certificate.KEY)
    certificate.certify(folder, "example.org")
    key = certificate.private(read_key(folder / certificate.KEY)).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "signer.pem"
    path.write_bytes(key + (folder / certificate.CERTIFICATE).read_bytes())
    return path


@pytest.fixture(autouse=True)
def signer(settings, signer_file):
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, pdf_signer=str(signer_file))
    return certificate.in_use()

"""Who signed a PDF, judged by a validator of PAdES that takes nothing from us."""

import datetime as dt
import io
import random

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from appliance.env import read
from compliance.audit.keys import KeyUnusable, create_key
from compliance.evidence.paper import certificate, issue, page
from compliance.evidence.paper.certificate import configured
from compliance.evidence.paper.page import Attached, Paper, printed
from compliance.evidence.paper.signature import signed

NOW = dt.datetime.now(dt.UTC)
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
PASSWORD = b"correct horse"


@pytest.fixture(scope="module")
def unsigned():
    blocks = (page.title("A paper"), *page.text("Some text."))
    return printed(Paper("A paper", "x", "Foot.", NOW, blocks, Attached("a.json", "{}", "x")))


@pytest.fixture
def pdf(unsigned, signer):
    return signed(unsigned, signer)


def judged(pdf, *roots):
    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    trusted = [asn1.Certificate.load(one.public_bytes(DER)) for one in roots]
    context = ValidationContext(trust_roots=trusted, allow_fetching=False)
    return validate_pdf_signature(signature, context)


def accepted(pdf, *roots):
    try:
        return judged(pdf, *roots).bottom_line
    except Exception:  # noqa: BLE001 - a broken file is not accepted, however it is broken
        return False


def test_the_signature_is_valid_covers_the_file_and_allows_no_change(pdf, signer):
    verdict = judged(pdf, signer.certificate)
    assert verdict.bottom_line, verdict.pretty_print_details()
    assert verdict.coverage == SignatureCoverageLevel.ENTIRE_FILE
    assert verdict.modification_level == ModificationLevel.NONE
    assert verdict.signing_cert.dump() == signer.certificate.public_bytes(DER)


def test_it_has_the_attributes_of_pades_baseline_b(pdf):
    (found,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    assert found.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert found.sig_object["/M"]
    told = {attribute["type"].native for attribute in found.signer_info["signed_attrs"]}
    assert {"content_type", "message_digest", "signing_certificate_v2"} <= told
    assert "signing_time" not in told  # ETSI EN 319 142-1, 6.3: the time is /M
    assert found.docmdp_level.value == 1
    assert found.md_algorithm == "sha256"


def test_whoever_trusts_another_certificate_does_not_accept_it(pdf, tmp_path):
    create_key(tmp_path / certificate.KEY)
    certificate.certify(tmp_path, "example.org")  # the same name, another key
    other = x509.load_pem_x509_certificate((tmp_path / certificate.CERTIFICATE).read_bytes())
    verdict = judged(pdf, other)
    assert verdict.intact
    assert not verdict.bottom_line


def test_no_changed_byte_is_accepted(pdf, signer):
    (found,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    begin, first, gap, last = found.sig_object["/ByteRange"]
    assert (begin, gap + last) == (0, len(pdf))
    chance = random.Random(20261122)
    covered = [*range(first), *range(gap, gap + last)]
    for place in chance.sample(covered, 40):
        changed = bytearray(pdf)
        changed[place] ^= 1 << chance.randrange(8)
        assert not accepted(bytes(changed), signer.certificate), place


def test_nothing_can_be_added_behind_it(pdf, signer):
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    writer.root["/Lang"] = generic.pdf_string("de")
    writer.update_root()
    longer = io.BytesIO()
    writer.write(longer)
    assert longer.getvalue().startswith(pdf)
    assert not accepted(longer.getvalue(), signer.certificate)


def test_the_set_up_makes_one_certificate_for_a_key(tmp_path):
    create_key(tmp_path / "keys" / certificate.KEY)
    assert certificate.certify(tmp_path / "keys", "example.org")
    assert not certificate.certify(tmp_path / "keys", "example.org")
    first = configured(read({"DOMICILE_DATA": str(tmp_path)}))
    assert first.own
    assert first.subject == "CN=Domicile at example.org,O=example.org"
    (tmp_path / "keys" / certificate.KEY).unlink()
    create_key(tmp_path / "keys" / certificate.KEY)
    with pytest.raises(KeyUnusable, match="is not the certificate of"):
        configured(read({"DOMICILE_DATA": str(tmp_path)}))
    assert certificate.certify(tmp_path / "keys", "example.org")
    second = configured(read({"DOMICILE_DATA": str(tmp_path)}))
    assert second.fingerprint != first.fingerprint


def test_a_missing_certificate_is_a_sentence(tmp_path):
    create_key(tmp_path / "keys" / certificate.KEY)
    with pytest.raises(KeyUnusable, match=r"manage\.py setup"):
        configured(read({"DOMICILE_DATA": str(tmp_path)}))


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def issued_to(key, *, by, ca=False, ends=NOW + dt.timedelta(days=30), usage=True):
    """A certificate of `key`, signed by the key and named as `by` says."""
    issuer, issuing = by
    kinds = dict.fromkeys(("data_encipherment", "key_agreement", "crl_sign"), False)
    kinds |= {"encipher_only": False, "decipher_only": False}
    purposes = x509.KeyUsage(
        digital_signature=usage and not ca,
        content_commitment=usage and not ca,
        key_encipherment=not usage,
        key_cert_sign=ca,
        **kinds,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name("An authority" if ca else "A seal"))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(NOW, ends) - dt.timedelta(days=1))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(purposes, critical=True)
        .sign(issuing, hashes.SHA256())
    )


@pytest.fixture(scope="module")
def authority():
    key = ec.generate_private_key(ec.SECP384R1())
    return key, issued_to(key, by=("An authority", key), ca=True)


@pytest.fixture(scope="module")
def seal():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def customers(tmp_path):
    """The environment of somebody who brings a file of their own."""

    def made(data, password=PASSWORD):
        (tmp_path / "seal").write_bytes(data)
        (tmp_path / "password").write_bytes(password + b"\n")
        return read(
            {
                "DOMICILE_DATA": str(tmp_path),
                "DOMICILE_PDF_SIGNER": str(tmp_path / "seal"),
                "DOMICILE_PDF_SIGNER_PASSWORD_FILE": str(tmp_path / "password"),
            }
        )

    return made


def in_pkcs12(key, held, authority):
    lock = serialization.BestAvailableEncryption(PASSWORD)
    return pkcs12.serialize_key_and_certificates(b"seal", key, held, [authority], lock)


def in_pem(key, *certificates):
    lock = serialization.BestAvailableEncryption(PASSWORD)
    text = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, lock)
    return text + b"".join(one.public_bytes(PEM) for one in certificates)


@pytest.mark.parametrize("pack", [in_pkcs12, in_pem])
def test_a_customers_own_certificate_signs_and_is_trusted_by_its_authority(
    unsigned, customers, authority, seal, pack
):
    above, root = authority
    held = issued_to(seal, by=("An authority", above))
    brought = configured(customers(pack(seal, held, root)))
    assert not brought.own
    assert brought.certificate == held
    assert brought.chain == (root,)
    pdf = signed(unsigned, brought)
    assert judged(pdf, root).bottom_line
    assert brought.pem == held.public_bytes(PEM) + root.public_bytes(PEM)


def test_a_wrong_password_is_a_sentence_that_does_not_hold_it(customers, authority, seal):
    above, root = authority
    held = issued_to(seal, by=("An authority", above))
    for packed in (in_pkcs12(seal, held, root), in_pem(seal, held, root)):
        with pytest.raises(KeyUnusable, match="password") as told:
            configured(customers(packed, b"wrong horse"))
        assert "horse" not in str(told.value)


@pytest.mark.parametrize("what", ["nothing", "another key's", "not for signatures"])
def test_a_file_that_cannot_sign_is_refused(customers, authority, seal, what):
    above, root = authority
    held = {
        "nothing": [],
        "another key's": [root],
        "not for signatures": [issued_to(seal, by=("An authority", above), usage=False)],
    }[what]
    with pytest.raises(KeyUnusable, match="DOMICILE_PDF_SIGNER"):
        configured(customers(in_pem(seal, *held)))


def test_a_certificate_whose_time_is_over_signs_nothing(customers, authority, seal, settings):
    above, root = authority
    held = issued_to(seal, by=("An authority", above), ends=NOW - dt.timedelta(days=1))
    settings.DOMICILE = customers(in_pem(seal, held, root))
    with pytest.raises(KeyUnusable, match="put a valid one where DOMICILE_PDF_SIGNER points"):
        certificate.in_use()


def test_a_paper_is_handed_out_signed(signer):
    paper = Paper("A", "x", "F.", NOW, page.text("Text."), Attached("a.json", "{}", "x"))
    assert accepted(issue.issued(paper, signer), signer.certificate)

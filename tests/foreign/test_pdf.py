"""A verifier of PDF signatures that we did not write accepts ours, and nothing changed."""

import datetime as dt
import subprocess

import pytest
from cryptography import x509

from compliance.audit.keys import create_key, read_key
from compliance.evidence.paper import certificate, page
from compliance.evidence.paper.page import Attached, Paper, printed
from compliance.evidence.paper.signature import signed
from tests.foreign import install
from tests.foreign.summary import MARK
from tests.services.waiting import PATIENCE

VALID, WHOLE = "Signature Validation: Signature is Valid.", "Total document signed"


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """What pdfsig says of a PDF."""
    folder = tmp_path_factory.mktemp("pdf")
    try:
        command = install.command("pdfsig")
    except install.Unavailable as error:
        pytest.skip(f"{MARK}poppler's pdfsig: {error}")

    def run(pdf):
        path = folder / "asked.pdf"
        path.write_bytes(pdf)
        done = subprocess.run(
            [*command, path], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        return done.stdout

    return run


@pytest.fixture(scope="module")
def pdf(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    create_key(folder / certificate.KEY)
    certificate.certify(folder, "example.org")
    blocks = (page.title("A paper"), *page.text("Some text."))
    now = dt.datetime.now(dt.UTC)
    paper = Paper("A paper", "x", "Foot.", now, blocks, Attached("a.json", "{}", "x"))
    held = x509.load_pem_x509_certificate((folder / certificate.CERTIFICATE).read_bytes())
    key = certificate.private(read_key(folder / certificate.KEY))
    return signed(printed(paper), certificate.Signer(key, held))


def test_pdfsig_calls_it_valid_and_whole(ask, pdf):
    said = ask(pdf)
    assert VALID in said
    assert WHOLE in said
    assert "CN=Domicile at example.org,O=example.org" in said
    assert "ETSI.CAdES.detached" in said


def test_pdfsig_rejects_what_was_changed_or_added(ask, pdf):
    changed = pdf.replace(b"/Lang", b"/Lanh", 1)
    assert changed != pdf
    assert VALID not in ask(changed)
    assert WHOLE not in ask(pdf + b"\n% more\n")

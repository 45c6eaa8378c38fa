"""The page with the certificate that signs PDFs."""

import dataclasses
import datetime as dt

import pytest
from cryptography import x509
from django.urls import reverse

from compliance.audit.keys import create_key
from compliance.evidence.paper import certificate

PAGE, FILE = reverse("admin:pdf_certificate"), reverse("admin:pdf_certificate_file")


def text_of(answer):
    return " ".join(answer.content.decode().split())


def test_it_shows_whom_it_names_how_long_it_lasts_and_what_to_compare(console, signer):
    console.as_("Auditor")
    text = text_of(console.get(PAGE))
    assert "CN=Domicile at example.org,O=example.org" in text
    assert signer.fingerprint in text
    assert "ends soon" not in text
    assert FILE in text


def test_the_file_is_the_certificate_and_no_key(console, signer):
    console.as_("Auditor")
    answer = console.get(FILE)
    assert "certificate.pem" in answer.headers["Content-Disposition"]
    assert x509.load_pem_x509_certificates(answer.content) == [signer.certificate]
    assert b"PRIVATE" not in answer.content


@pytest.mark.parametrize("address", [PAGE, FILE])
def test_who_is_not_logged_in_is_asked_to(console, address):
    answer = console.get(address)
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))


def test_what_is_wrong_with_it_is_told(console, settings, tmp_path):
    missing = str(tmp_path / "nowhere.p12")
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, pdf_signer=missing)
    console.as_("Auditor")
    assert "nowhere.p12" in text_of(console.get(PAGE))
    assert "no PDF is made" in text_of(console.get(PAGE))
    assert console.get(FILE).status_code == 404


@pytest.mark.parametrize(
    ("left", "said"),
    [(dt.timedelta(days=30), "It ends soon."), (-dt.timedelta(days=1), "over")],
)
def test_an_end_that_is_near_or_past_is_told(
    console, monkeypatch, left, said, *, tmp_path, settings
):
    monkeypatch.setattr(certificate, "LIFE", left)
    create_key(tmp_path / "keys" / certificate.KEY)
    certificate.certify(tmp_path / "keys", "example.org")
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, pdf_signer="", data=tmp_path)
    console.as_("Auditor")
    assert said in text_of(console.get(PAGE))

"""An erasure from the form to the certificate, in a browser, wide and on a telephone."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import expect

from tests.e2e.test_console import FAINT, UNNAMED

pytestmark = [pytest.mark.appliance, pytest.mark.timeout(900)]


def test_an_officer_looks_erases_and_reads_the_certificate(officer):
    page = officer.goes("/console/compliance/erasure/")
    with page.expect_navigation():
        page.get_by_role("link", name="Erase kept content").click()
    assert page.evaluate(UNNAMED) == []
    officer.shows("erase")
    page.get_by_role("button", name="Look for it").click()
    expect(page.locator(".wrong").first).to_be_visible()
    officer.shows("erase-wrong")
    person = f"anna.{secrets.token_hex(3)}@example.org"
    page.get_by_label("Identifier or request id").fill(person)
    page.get_by_label("Reason").fill("Art. 17, letter of 3 May")
    page.get_by_role("button", name="Look for it").click()
    expect(page.get_by_role("heading", name="0 requests with kept content")).to_be_visible()
    assert page.evaluate(UNNAMED) == []
    officer.shows("erase-found")
    with page.expect_navigation():
        page.get_by_role("button", name="Erase", exact=True).click()
    assert person not in page.url
    certificate = page.get_by_label("Certificate of erasure")
    expect(certificate).to_contain_text("Found 0 requests")
    assert person not in page.content()
    assert page.evaluate(UNNAMED) == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(FAINT) == [], scheme
    officer.shows("erased")

"""An officer asks what a policy can never do, and reads the answer."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e import test_policies
from tests.e2e.test_policies import as_person, plain

pytestmark = [pytest.mark.appliance, pytest.mark.timeout(900)]

reader = test_policies.reader


def test_a_question_is_asked_by_ticking_boxes_and_answered_in_words(reader, appliance):
    welcome = appliance.welcome
    as_person(reader, str(welcome["admin"]), str(welcome["password"]))
    page = reader.goes("/console/proofs/")
    page.get_by_label("payment data", exact=True).check()
    page.get_by_label("Outside of the countries").fill("Germany")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("heading", name="A request that shows it")).to_be_visible()
    expect(page.get_by_role("row", name="Country of the site")).to_be_visible()
    plain(reader, "policy-proof")
    page.get_by_label("payment data", exact=True).uncheck()
    page.get_by_label("credentials", exact=True).check()
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("Proved: no request has credentials processed")).to_be_visible()
    plain(reader, "policy-proved")

"""An officer tries a draft on the requests of the last days and looks at what would change."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e import test_policies
from tests.e2e.conftest import ask
from tests.e2e.test_policies import as_person, plain
from tests.services.waiting import wait_until

pytestmark = [pytest.mark.appliance, pytest.mark.timeout(900)]

reader = test_policies.reader
DRAFT = """
from django.contrib.auth.models import User
from tests.compliance.versions.people import draft, rule

draft(User.objects.get(is_superuser=True), rule("no-mail", entities=["EMAIL_ADDRESS"]))
"""


@pytest.fixture(scope="module")
def drafted(appliance) -> None:
    """A draft that blocks what pseudonymised requests had, and one such request."""
    made = appliance.manage("shell", "-v0", "-c", DRAFT)
    assert made.returncode == 0, made.stderr
    request = ask(appliance, "Write to bernd.sommer@example.org, please.")
    wait_until(
        lambda: bool(appliance.events(request=request, type="request.completed")),
        "the request has ended",
    )


@pytest.mark.usefixtures("drafted")
def test_a_draft_is_tried_on_what_was_asked_and_the_change_is_drawn(reader, appliance):
    welcome = appliance.welcome
    as_person(reader, str(welcome["admin"]), str(welcome["password"]))
    page = reader.goes("/console/compliance/simulation/")
    expect(page.locator("main")).to_contain_text("Nothing was simulated yet.")
    plain(reader, "simulations-none")
    with page.expect_navigation():
        page.get_by_role("link", name="New simulation").click()
    page.get_by_label("Policy to try").select_option(index=0)
    plain(reader, "simulation-new")
    with page.expect_navigation():
        page.get_by_role("button", name="Start the simulation").click()
    expect(page.locator("h1 + .badge").first).to_have_text("completed")
    expect(page.get_by_role("heading", name="would be decided otherwise")).to_be_visible()
    chart = page.get_by_role("region", name="By day")
    assert chart.locator("rect.fill.block").first.bounding_box()["width"] > 0
    outcomes = page.get_by_role("region", name="Outcomes before and after")
    expect(outcomes.get_by_role("rowheader").first).to_be_visible()
    expect(page.get_by_role("region", name="By application").first).to_contain_text("demo")
    expect(page.get_by_role("region", name="Examples").first).to_contain_text("no-mail")
    plain(reader, "simulation")
    reader.goes("/console/compliance/simulation/")
    expect(page.get_by_role("link", name="No. 1")).to_be_visible()
    plain(reader, "simulations")

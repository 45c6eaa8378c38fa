"""A policy from its first sentence to the request that it decides, by two people."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.e2e.conftest import NARROW, WIDE, Reader, ask
from tests.e2e.test_console import FAINT, UNNAMED
from tests.services.appliance import Appliance
from tests.services.waiting import PATIENCE, wait_until

pytestmark = [pytest.mark.appliance, pytest.mark.timeout(900)]

PASSWORD = "correct horse battery staple"
ZONE = "Europe/Lisbon"
IBAN = "Please pay DE89 3704 0044 0532 0130 00 today."


@pytest.fixture
def reader(browser, appliance) -> Iterator[Reader]:
    """Somebody at a wide screen, of whose pages there are narrow pictures too."""
    context = browser.new_context(viewport=size(WIDE), timezone_id=ZONE)
    context.set_default_timeout(PATIENCE * 1000)
    someone = Reader(context.new_page(), appliance.url)
    yield someone
    context.close()
    assert someone.complaints == []


def size(screen: tuple[int, int]) -> ViewportSize:
    width, height = screen
    return {"width": width, "height": height}


def test_two_people_write_sign_and_see_a_policy_decide(reader, appliance):
    name = secrets.token_hex(3)
    officer, approver = f"olga-{name}", f"anna-{name}"
    enter(reader, appliance, officer, "Compliance officer")
    enter(reader, appliance, approver, "Policy approver")
    make_key(reader, approver, "approve policies")
    make_key(reader, officer, "propose policies")
    sentence = f"No account number reaches a model ({name})."
    write(reader, name, sentence)
    propose(reader)
    approve(reader, approver)
    decided(reader, appliance, sentence)


def plain(reader: Reader, picture: str) -> None:
    """Keep a picture of a page that everybody can read and hear."""
    assert reader.page.evaluate(UNNAMED) == []
    for scheme in ("light", "dark"):
        reader.page.emulate_media(color_scheme=scheme)
        assert reader.page.evaluate(FAINT) == [], (picture, scheme)
    reader.page.emulate_media(color_scheme="light")
    for screen in (NARROW, WIDE):
        reader.page.set_viewport_size(size(screen))
        reader.shows(picture)


def as_person(reader: Reader, name: str, password: str = PASSWORD) -> Page:
    reader.page.context.clear_cookies()
    return reader.logs_in(name, password)


def enter(reader: Reader, appliance: Appliance, name: str, role: str) -> None:
    as_person(reader, str(appliance.welcome["admin"]), str(appliance.welcome["password"]))
    page = reader.goes("/console/auth/user/add/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.locator("#id_password2").fill(PASSWORD)
    page.get_by_label(role).check()
    with page.expect_navigation():
        page.get_by_role("button", name="Add person").click()
    expect(page.get_by_role("status").get_by_role("link", name=name)).to_be_visible()


def make_key(reader: Reader, name: str, role: str) -> None:
    page = as_person(reader, name)
    reader.goes("/console/compliance/approvalkey/")
    plain(reader, "approval-keys-none")
    with page.expect_navigation():
        page.get_by_role("link", name="Make your key").click()
    page.get_by_label(role).check()
    page.get_by_label("Your password").fill("wrong")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator(".wrong").first).to_contain_text("not your password")
    page.get_by_label(role).check()
    page.get_by_label("Your password").fill(PASSWORD)
    plain(reader, "approval-key-create")
    with page.expect_navigation():
        page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("region", name="Your key")).to_contain_text("valid")
    plain(reader, "approval-keys")


def write(reader: Reader, name: str, sentence: str) -> None:
    """A draft with one more rule, of which the page says what it means while it is typed."""
    page = reader.page
    reader.goes("/console/compliance/policyversion/")
    plain(reader, "policies")
    with page.expect_navigation():
        page.get_by_role("link", name="Start a draft").first.click()
    page.get_by_label("What it is for").fill("Account numbers stay here.")
    with page.expect_navigation():
        page.get_by_role("button", name="Start the draft").click()
    expect(page.get_by_role("region", name="Checks")).to_contain_text("can be proposed")
    with page.expect_navigation():
        page.get_by_role("link", name="Add a rule").click()
    plain(reader, "policy-rule-new")
    page.get_by_role("button", name="Add the rule").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    plain(reader, "policy-rule-errors")
    page.get_by_label("What it says, in one sentence").fill(sentence)
    page.get_by_label("Short name").fill(f"no-account-{name}")
    page.get_by_role("heading", name="What is in the text").click()
    page.get_by_label("IBAN_CODE").check()
    page.get_by_label("Block: the request is refused.").check()
    said = page.get_by_role("region", name="What the rule says")
    expect(said).to_contain_text("IBAN_CODE")
    plain(reader, "policy-rule")
    with page.expect_navigation():
        page.get_by_role("button", name="Add the rule").click()
    plain(reader, "policy-draft")
    remove_and_put_back(reader, f"no-account-{name}")
    define(reader, name)
    look_at_exceptions(reader)
    look_at_settings_and_text(reader)


def define(reader: Reader, name: str) -> None:
    """An entity of the organisation's own: refused, tried, saved."""
    page = reader.page
    with page.expect_navigation():
        page.get_by_role("link", name="Add an entity").click()
    page.get_by_label("Name", exact=False).first.fill(f"CASE_OF_{name.upper()}")
    page.get_by_label("What it is").fill("A case of the court.")
    page.get_by_label("Pattern").fill(r"AZ-(\d{4}")
    page.get_by_label("Texts in which it must be found").fill("The case AZ-1234.")
    page.get_by_label("Texts in which it must not be found").fill("The room A-1234.")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator(".wrong").first).to_contain_text("no pattern of RE2")
    plain(reader, "policy-own-errors")
    page.get_by_label("Pattern").fill(r"AZ-\d{4}")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator(".samples mark")).to_have_text("AZ-1234")
    plain(reader, "policy-own")
    with page.expect_navigation():
        page.get_by_role("button", name="Add the entity").click()
    expect(page.get_by_role("status").first).to_contain_text("is saved")
    plain(reader, "policy-draft-own")


def look_at_exceptions(reader: Reader) -> None:
    page = reader.page
    with page.expect_navigation():
        page.get_by_role("link", name="Add an exception").click()
    page.get_by_label("Short name").fill("our-address")
    page.get_by_label("Why these do not count").fill("Our own address.")
    page.get_by_label("Values").fill("info@clinic.example")
    page.get_by_role("button", name="Show what it says").click()
    expect(page.get_by_role("region", name="What it says")).to_contain_text("do not count")
    plain(reader, "policy-ignored")
    with page.expect_navigation():
        page.get_by_role("button", name="Add the exception").click()
    plain(reader, "policy-draft-ignored")


def look_at_settings_and_text(reader: Reader) -> None:
    page = reader.page
    draft = page.url
    for way, picture in (
        ("Change the settings", "policy-settings"),
        ("Replace it by a file or a pasted text", "policy-import"),
    ):
        with page.expect_navigation():
            page.get_by_role("link", name=way).click()
        plain(reader, picture)
        page.goto(draft)


def remove_and_put_back(reader: Reader, name: str) -> None:
    page = reader.page
    with page.expect_navigation():
        page.get_by_role("button", name=f"Remove the rule {name}").click()
    expect(page.get_by_role("button", name=f"Remove the rule {name}")).to_have_count(0)
    reader.shows("policy-draft-removed")
    with page.expect_navigation():
        page.get_by_role("button", name="Put it back").click()
    expect(page.get_by_role("button", name=f"Remove the rule {name}")).to_be_visible()


def propose(reader: Reader) -> None:
    page = reader.page
    with page.expect_navigation():
        page.get_by_role("link", name="Propose…").click()
    page.get_by_label("What it changes, and why").fill("Account numbers stay here.")
    page.get_by_label("Your password").fill(PASSWORD)
    plain(reader, "policy-propose")
    with page.expect_navigation():
        page.get_by_role("button", name="Sign and propose").click()
    expect(page.locator("main")).to_contain_text("You proposed this version")
    plain(reader, "policy-proposed")


def approve(reader: Reader, approver: str) -> None:
    address = reader.page.url.removeprefix(reader.base)
    page = as_person(reader, approver)
    reader.goes(address)
    with page.expect_navigation():
        page.get_by_role("link", name="Approve…").click()
    expect(page.locator("main")).to_contain_text("no-account-")
    expect(page.get_by_label("Time zone")).to_have_value(ZONE)
    page.get_by_label("Your password").fill(PASSWORD)
    plain(reader, "policy-approve")
    with page.expect_navigation():
        page.get_by_role("button", name="Sign and approve").click()
    expect(page.locator("h1 + .badge").first).to_have_text("active")
    reader.goes("/console/compliance/policyversion/")
    plain(reader, "policies-signed")
    reader.goes("/console/compliance/policyversion/tighten/")
    plain(reader, "policy-tighten")


def decided(reader: Reader, appliance: Appliance, sentence: str) -> None:
    """A request is refused by the new rule as soon as every process has seen it."""
    blocked: list[str] = []

    def refused() -> bool:
        request = ask(appliance, IBAN)
        found = appliance.events(request=request, type="request.blocked")
        blocked.extend(str(event.request) for event in found)
        return bool(found)

    wait_until(refused, "the new version decides", every=0.5)
    reader.goes(f"/console/requests/{blocked[-1]}/")
    expect(reader.page.locator("main")).to_contain_text(re.compile(re.escape(sentence)))

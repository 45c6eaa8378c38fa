from __future__ import annotations

import hashlib
import re
import secrets

import openai
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import expect

from compliance.audit.cosignature import verifier_key
from tests.e2e.conftest import ask
from tests.services.waiting import wait_until

pytestmark = pytest.mark.appliance


def test_every_page_of_the_navigation_loads_without_a_complaint_of_the_browser(officer):
    page = officer.page
    officer.shows("overview")
    addresses = page.locator("nav[aria-label=Console] a").evaluate_all(
        "links => links.map(link => new URL(link.href).pathname)"
    )
    assert len(addresses) > 10
    for address in addresses:
        officer.goes(address)
        assert page.get_by_role("heading", level=1).count() == 1, address
        assert page.evaluate(UNNAMED) == [], address
        officer.shows(
            re.sub(r"\W+", "-", address.removeprefix("/console/")).strip("-") or "home"
        )
        row = page.locator("main table a[href^='/console/']").first
        if row.count():
            with page.expect_navigation():
                row.click()
            assert page.get_by_role("heading", level=1).count() == 1, page.url
            assert page.evaluate(UNNAMED) == [], page.url
            officer.shows(re.sub(r"\W+", "-", address.removeprefix("/console/")) + "one")


def test_the_login_is_by_keyboard_and_a_wrong_password_is_explained(reader):
    page = reader.goes("/console/")
    reader.shows("login")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type("nobody-here")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    reader.shows("login-failed")


def test_the_first_stop_of_the_keyboard_leads_past_the_navigation(officer):
    page = officer.goes("/console/requests/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_five_wrong_passwords_lock_the_door_and_the_page_says_so(reader):
    name = f"intruder-{secrets.token_hex(4)}"
    for _attempt in range(5):
        reader.logs_in(name, "wrong")
    page = reader.page
    expect(page.get_by_role("heading", name="Too many failed logins")).to_be_visible()
    reader.shows("locked")
    assert reader.complaints  # the browser reports the status 429
    assert all("429" in complaint for complaint in reader.complaints)
    reader.complaints.clear()


def test_a_new_applications_key_works_and_is_refused_after_its_end(officer, appliance):
    page = officer.page
    name = f"helpdesk-{secrets.token_hex(3)}"
    officer.goes("/console/compliance/application/add/")
    page.get_by_role("button", name="Register application").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    assert page.evaluate(UNNAMED) == []
    officer.shows("application-errors")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Purpose").fill("Answering questions of customers.")
    page.get_by_label("Legal basis").select_option("6-1-b")
    page.get_by_label("RoPA reference").fill("VVT-17")
    page.get_by_label("Owner").fill("Customer care")
    page.get_by_role("button", name="Register application").click()
    page.locator("main table").get_by_role("link", name=name).click()
    with page.expect_navigation():
        page.get_by_role("link", name="Issue a key", exact=True).click()
    officer.shows("issue-key")
    page.get_by_label("Note").fill("front desk")
    page.get_by_role("button", name="Issue the key").click()
    key = page.locator("#plaintext").inner_text()
    expect(page.get_by_role("button", name="Copy")).to_be_visible()
    officer.shows("key-issued")
    client = appliance.client(api_key=key)
    wait_until(lambda: works(client), "the new key works")
    with page.expect_navigation():
        page.get_by_role("link", name="I have kept it").click()
    assert key not in page.content()
    officer.shows("application-with-key")
    with page.expect_navigation():
        page.get_by_role("link", name=re.compile("^Revoke")).click()
    officer.shows("revoke-key")
    page.get_by_role("button", name="Revoke the key").click()
    wait_until(lambda: not works(client), "the key is refused")
    expect(page.get_by_role("status")).to_contain_text("is revoked")


def works(client: openai.OpenAI) -> bool:
    try:
        client.models.list()
    except openai.AuthenticationError:
        return False
    return True


def test_a_requests_whole_story_is_on_one_page(officer, appliance):
    request = ask(appliance, "Please write to anna.berg@example.org about the invoice.")
    wait_until(
        lambda: bool(appliance.events(request=request, type="request.completed")),
        "the request has ended",
    )
    page = officer.goes("/console/requests/")
    page.get_by_label("Request id").fill(request)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(request)
    main = page.locator("main")
    for told in (
        "Admitted",
        "Completed",
        "pseudonymise",
        "EMAIL_ADDRESS",
        "home (DE)",
        "Art. 6(1)(f)",
    ):
        expect(main).to_contain_text(told)
    expect(main).to_contain_text("signed by node-1")
    expect(main).to_contain_text("the same as cleared")
    assert "anna.berg" not in page.content()
    officer.shows("story")


def test_a_blocked_requests_story_says_why(officer, appliance):
    request = ask(appliance, "My key is AKIAIOSFODNN7EXAMPLE and it works.")
    page = officer.goes(f"/console/requests/{request}/")
    expect(page.locator("main")).to_contain_text(
        "Passwords, keys and tokens never reach a model"
    )
    assert "AKIA" not in page.content()
    officer.shows("story-blocked")


def test_the_log_is_verified_in_plain_words_at_the_press_of_a_button(officer):
    page = officer.goes("/console/verify/")
    page.get_by_role("button", name=re.compile("^Verify the log")).click()
    expect(page.get_by_role("heading", name="The log is intact.")).to_be_visible()
    officer.shows("verified")


def test_witnesses_are_entered_by_their_keys_and_the_policy_says_who_has_not_signed(officer):
    name = f"w{officer.page.evaluate('innerWidth')}.example/witness"
    page = officer.goes("/console/compliance/witness/add/")
    page.get_by_label("Verifier key").fill("no key")
    page.get_by_role("button", name="Add a witness").click()
    expect(page.locator("main")).to_contain_text("This is not a witness's verifier key")
    seed = hashlib.sha256(name.encode()).digest()
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    key = verifier_key(name, public)
    page.get_by_label("Verifier key").fill(key)
    officer.shows("witness-add")
    page.get_by_role("button", name="Add a witness").click()
    page.get_by_role("region", name="Witnesses").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name="What it has signed")).to_be_visible()
    officer.shows("witness")
    page = officer.goes("/console/compliance/witness/")
    expect(page.locator("main")).to_contain_text("What to give to a witness")
    officer.shows("witnesses")
    page = officer.goes("/console/witness-policy/")
    page.get_by_role("textbox", name="Policy").fill(f"witness w1 {key}\nquorum w1")
    page.get_by_role("button", name="Set this policy").click()
    expect(page.locator("main")).to_contain_text("NOT witnessed by w1")
    officer.shows("witness-policy")
    page.get_by_role("textbox", name="Policy").fill("quorum none")
    page.get_by_role("button", name="Set this policy").click()
    expect(page.locator("main")).to_contain_text("meets the policy")
    officer.goes("/console/compliance/witnessedlog/")
    officer.shows("witnessed-logs")


def test_the_policy_is_shown_in_words_and_every_rule_of_it_is_enforced(officer):
    page = officer.goes("/console/compliance/policyversion/1/change/")
    rules = page.locator(".rules > li")
    row = rules.filter(has=page.get_by_role("heading", name="special-categories"))
    expect(row).to_contain_text("never reach a model")
    expect(rules.filter(has_text="not enforced")).to_have_count(0)
    officer.shows("policy")


def test_the_console_can_be_read_in_the_dark(browser, appliance, officer):
    officer.page.emulate_media(color_scheme="dark")
    officer.goes("/console/")
    officer.shows("overview-dark")


def test_text_and_ground_differ_enough_to_be_read(officer, appliance):
    """WCAG 2.2 AA: 4.5 to 1, on every page here, in both colour schemes."""
    request = appliance.events(type="request.completed")[-1].request
    for scheme in ("light", "dark"):
        officer.page.emulate_media(color_scheme=scheme)
        for address in (
            "/console/",
            "/console/requests/",
            f"/console/requests/{request}/",
            "/console/compliance/policyversion/1/change/",
            "/console/compliance/application/add/",
            "/console/verify/",
        ):
            officer.goes(address)
            assert officer.page.evaluate(FAINT) == [], (scheme, address)


UNNAMED = """() => {
  // What somebody who hears the page could not make out: WCAG 2.2, 1.3.1, 2.4.6 and 4.1.2.
  const found = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  for (const field of all("input:not([type=hidden]), select, textarea")) {
    if (!field.labels.length && !field.ariaLabel) found.push(`no label: ${field.name}`);
  }
  for (const way of all("a, button")) {
    const name = way.ariaLabel || way.textContent.trim();
    if (!name) found.push(`no name: ${way.outerHTML.slice(0, 80)}`);
  }
  const ids = all("[id]").map((element) => element.id);
  found.push(...ids.filter((id, place) => ids.indexOf(id) < place).map((id) => `twice: ${id}`));
  for (const kind of ["aria-labelledby", "aria-describedby"]) {
    for (const element of all(`[${kind}]`)) {
      for (const id of element.getAttribute(kind).split(" ")) {
        if (!ids.includes(id)) found.push(`${kind} of nothing: ${id}`);
      }
    }
  }
  let above = 1;
  for (const heading of all("main :is(h1, h2, h3, h4)")) {
    const level = Number(heading.tagName[1]);
    if (level > above + 1) found.push(`a level left out: ${heading.textContent.trim()}`);
    above = level;
  }
  return found;
}"""

FAINT = """() => {
  const numbers = (colour) => {
    const found = colour.match(/[\\d.]+/g).map(Number);
    return found.length === 3 ? [...found, 1] : found;
  };
  const light = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let here = element; here; here = here.parentElement) {
      const colour = numbers(getComputedStyle(here).backgroundColor);
      if (colour[3] > 0) return colour;
    }
    return [255, 255, 255, 1];
  };
  const faint = [];
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const pair = [light(numbers(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    const words = element.textContent.trim().slice(0, 40);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${words}`);
  }
  return faint;
}"""


def test_a_typed_text_is_tried_by_the_detector_of_the_running_appliance(officer):
    page = officer.goes("/console/playground/")
    page.locator("textarea[name=text]").fill("Write to anna.schmidt@example.org, please.")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("pre.tried")).to_have_text("Write to [EMAIL_ADDRESS_1], please.")
    officer.shows("playground")


def test_a_model_serves_while_its_licence_is_accepted_and_no_longer(officer, appliance):
    page = officer.goes("/console/inference/model/")
    page.get_by_role("link", name=appliance.model).click()
    officer.shows("model")
    page.get_by_role("link", name="Read the licence").click()
    expect(page.get_by_role("region", name="The licence's text")).to_contain_text("Apache")
    officer.shows("licence-accepted")
    page.get_by_role("link", name="Accept it no more").click()
    officer.shows("licence-withdraw")
    page.get_by_role("button", name="Accept it no more").click()
    expect(page.locator("main")).to_contain_text("This field is required")
    page.get_by_label("Reason").fill("We look at it again.")
    page.get_by_role("button", name="Accept it no more").click()
    expect(page.locator("main")).to_contain_text("Nobody has accepted its licence")
    wait_until(lambda: not serves(appliance), "nothing is sent to the model any more")
    page.get_by_role("link", name="Read and accept the licence").click()
    officer.shows("licence-to-accept")
    page.get_by_role("button", name="Accept the licence").click()
    expect(page.locator("main")).to_contain_text("it may serve")
    wait_until(lambda: serves(appliance), "it answers again")


def serves(appliance):
    """Whether the model is offered to applications now."""
    return appliance.model in {one.id for one in appliance.client().models.list()}

"""A request waits for a person, who reads it and lets it pass once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from playwright.sync_api import expect

from tests.compliance.versions.people import PASSWORD
from tests.e2e import test_policies
from tests.e2e.test_policies import as_person, plain
from tests.services.appliance import BASE, Appliance, running
from tests.services.waiting import wait_until

pytestmark = [pytest.mark.appliance, pytest.mark.timeout(900)]

reader = test_policies.reader
TEXT = "Is the machine at 192.0.2.44 reachable? Anna Berg asks."
HOLDS = {
    "id": "addresses-looked-at",
    "description": "Somebody looks at a text that names a machine.",
    "when": {"entities": ["IP_ADDRESS"]},
    "effect": "hold",
}


@pytest.fixture(scope="module")
def appliance(tmp_path_factory) -> Iterator[Appliance]:
    """One of its own: the first two people's keys need nobody's endorsement, and these sign."""
    yield from running(tmp_path_factory.mktemp("held") / "data")


@pytest.fixture(scope="module")
def officer(appliance) -> str:
    """The name of one of the two people who signed a rule that holds."""
    subprocess.run(
        [sys.executable, "-m", "tests.services.signing"],
        cwd=BASE,
        env=appliance.variables,
        input=json.dumps([HOLDS]) + "\n",
        text=True,
        check=True,
        capture_output=True,
    )
    return "olga"


def held(appliance: Appliance) -> str:
    """The id of a request that waits; asked until the version that holds it decides."""
    found: list[str] = []

    def refused() -> bool:
        try:
            sent(appliance)
        except openai.PermissionDeniedError as error:
            found.append(str(error.response.headers["Domicile-Hold"]))
        return bool(found)

    wait_until(refused, "a request is held", every=0.5)
    return found[0]


def sent(appliance: Appliance, **more: Any) -> str:
    answer = appliance.client().chat.completions.create(
        model=appliance.model,
        messages=[{"role": "user", "content": TEXT}],
        max_tokens=8,
        **more,
    )
    return str(answer.choices[0].message.content)


def test_an_officer_reads_what_is_held_and_lets_the_client_repeat_it_once(
    reader, appliance, officer
):
    hold = held(appliance)
    as_person(reader, officer, PASSWORD)
    page = reader.goes("/console/")
    expect(page.get_by_role("region", name="Held requests")).to_contain_text("demo")
    page = reader.goes("/console/compliance/hold/")
    plain(reader, "holds")
    reader.goes(f"/console/compliance/hold/{hold}/change/")
    expect(page.locator("main")).to_contain_text(HOLDS["description"])
    plain(reader, "hold")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".wrong").first).to_contain_text("Say why")
    plain(reader, "hold-no-reason")
    page.get_by_role("button", name="Show the text").click()
    text = page.get_by_role("region", name="The text, as the model would get it")
    expect(text).to_contain_text("Is the machine at [IP_ADDRESS_1] reachable?")
    assert "192.0.2.44" not in page.content()
    plain(reader, "hold-read")
    page.get_by_role("textbox", name="Why").fill("Known machine.")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status")).to_contain_text("The request is approved.")
    plain(reader, "hold-approved")
    assert sent(appliance, extra_headers={"Domicile-Hold": hold})
    page.reload()
    expect(page.locator("h1 + .badge").first).to_have_text("used")
    with pytest.raises(openai.PermissionDeniedError) as again:
        sent(appliance, extra_headers={"Domicile-Hold": hold})
    assert again.value.code == "hold_used"
    expect(page.get_by_role("link", name="What happened to this request")).to_be_visible()
    (read,) = appliance.events(request=hold, type="hold.read")
    assert read.detail["actor"] == officer

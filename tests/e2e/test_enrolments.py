"""A machine becomes a node: a token, its request, and fingerprints that a person compares."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e import test_policies
from tests.e2e.test_policies import as_person, plain
from tests.services.appliance import BASE, Appliance, variables
from tests.services.waiting import PATIENCE, wait_until

pytestmark = [pytest.mark.appliance, pytest.mark.timeout(900)]

reader = test_policies.reader


class Machine:
    """Somebody runs `manage.py enrol` on a machine with a data folder of its own."""

    def __init__(self, folder: Path, appliance: Appliance, token: str) -> None:
        self.output = folder / "output"
        given = {"DOMICILE_NODE": "node-south", "DOMICILE_SITE": "south"}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-u", "manage.py"),
                    *("enrol", token, "--appliance", appliance.url),
                ],
                cwd=BASE,
                env=variables(folder / "data", appliance.port, given),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def says(self, words: str) -> str:
        """What it has said, once `words` are there."""
        wait_until(lambda: re.search(words, self.output.read_text()), f"it says {words}")
        return self.output.read_text()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)


@pytest.fixture
def machines() -> Iterator[list[Machine]]:
    started: list[Machine] = []
    yield started
    for machine in started:
        machine.close()


def test_a_machine_asks_with_a_token_and_is_approved_by_its_fingerprints(
    reader, appliance, machines, tmp_path
):
    welcome = appliance.welcome
    as_person(reader, str(welcome["admin"]), str(welcome["password"]))
    page = reader.goes("/console/inference/nodeenrolment/")
    plain(reader, "enrolments-none")
    reader.goes("/console/compliance/site/add/")
    page.get_by_label("Name").fill("south")
    page.get_by_label("Country").fill("AT")
    page.locator("main form button[type=submit]").first.click()
    expect(page.get_by_role("status").first).to_contain_text("south")
    reader.goes("/console/inference/nodeenrolment/")
    with page.expect_navigation():
        page.get_by_role("link", name="Make a token").click()
    south = page.get_by_role("option", name=re.compile("^south")).get_attribute("value")
    page.get_by_label("Site").select_option(south)
    plain(reader, "enrolment-invite")
    with page.expect_navigation():
        page.get_by_role("button", name="Make the token").click()
    token = page.locator("#plaintext").inner_text()
    plain(reader, "enrolment-token")
    with page.expect_navigation():
        page.get_by_role("link", name="I have copied it").click()
    assert token not in page.content()
    plain(reader, "enrolment-open")
    machines.append(Machine(tmp_path, appliance, token))
    fingerprints = re.findall(r"key: +(\S.*\S)", machines[0].says("waits for approval"))
    assert len(fingerprints) == 2
    page.reload()
    expect(page.get_by_role("status").first).to_contain_text("asks to be a node of south")
    keys = page.get_by_role("region", name="Its keys")
    for fingerprint in fingerprints:
        expect(keys).to_contain_text(fingerprint)
    plain(reader, "enrolment-waiting")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_label("Both fingerprints are the same")).to_be_focused()
    page.get_by_label("Both fingerprints are the same").check()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status").first).to_contain_text("The node is enrolled")
    plain(reader, "enrolment-approved")
    machines[0].says("This machine is the node node-south of the site south")
    assert machines[0].process.wait(PATIENCE) == 0
    reader.goes("/console/inference/node/")
    expect(page.get_by_role("link", name="node-south")).to_be_visible()
    plain(reader, "nodes")

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.services.appliance import Appliance, running
from tests.services.waiting import PATIENCE

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
WIDE, NARROW = (1280, 900), (390, 844)  # pixels
FLAGS = [
    "--no-sandbox",  # the sandbox refuses to run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def appliance(tmp_path_factory) -> Iterator[Appliance]:
    """An appliance that has answered, pseudonymised and blocked."""
    for started in running(tmp_path_factory.mktemp("console") / "data"):
        ask(started, "Say hello.")
        ask(started, "Write to anna.berg@example.org and thank her.")
        ask(started, "My key is AKIAIOSFODNN7EXAMPLE and it works.")
        yield started


def ask(appliance: Appliance, text: str) -> str:
    """One request; its id."""
    completions = appliance.client().chat.completions.with_raw_response
    try:
        answer = completions.create(
            model=appliance.model,
            messages=[{"role": "user", "content": text}],
            max_tokens=8,
        )
    except openai.PermissionDeniedError as error:
        return error.response.headers["Domicile-Request"]
    return answer.headers["Domicile-Request"]


def chromium() -> str:
    """The browser on PATH; with CHROMIUM=required, its absence fails the test."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        if os.environ.get("CHROMIUM") == "required":
            pytest.fail("There is no chromium on PATH; install it (apt-get install chromium).")
        pytest.skip("There is no chromium on PATH; install it (apt-get install chromium).")
    return found


expect.set_options(timeout=PATIENCE * 1000)  # a console on a busy machine answers late


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield launched
        launched.close()


class Reader:
    """A person at the console. `complaints` are what the browser refused or reported."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.complaints: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", self._failed)
        page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the reader went on before it was there
            self.complaints.append(f"{request.url}: {request.failure}")

    def _asked(self, request: Request) -> None:
        address = request.url.removeprefix("blob:")  # what a page made of its own, in memory
        if not address.startswith(self.base):
            self.complaints.append(f"asked for {request.url}")

    def goes(self, path: str) -> Page:
        self.page.goto(self.base + path)
        return self.page

    def logs_in(self, name: str, password: str) -> Page:
        page = self.goes("/console/")
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(password)
        with page.expect_navigation():  # whoever goes on before it has ended is not logged in
            page.get_by_role("button", name="Log in").click()
        return page

    def shows(self, name: str) -> None:
        """Keep a picture, and insist that nothing is wider than the screen."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                width = int(self.page.evaluate("innerWidth"))
                self.page.screenshot(path=SCREENSHOTS / f"{name}-{width}.png", full_page=True)
                overflow = self.page.evaluate("document.documentElement.scrollWidth")
                break
            except Error as error:  # a page that waits for work loads itself anew meanwhile
                if "context was destroyed" not in error.message:
                    raise
                self.page.wait_for_load_state()
        assert overflow <= width, f"{name} is {overflow} pixels wide on a screen of {width}"


@pytest.fixture(params=[WIDE, NARROW], ids=["1280", "390"])
def reader(request, browser, appliance) -> Iterator[Reader]:
    """Somebody at a wide screen, then at a telephone."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(PATIENCE * 1000)
    someone = Reader(context.new_page(), appliance.url)
    yield someone
    context.close()
    assert someone.complaints == []


@pytest.fixture
def officer(reader: Reader, appliance: Appliance) -> Reader:
    """The administrator, logged in."""
    reader.logs_in(str(appliance.welcome["admin"]), str(appliance.welcome["password"]))
    return reader

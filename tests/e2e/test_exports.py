"""An export from the wizard to the file, in a browser, on a wide screen and on a telephone."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from playwright.sync_api import expect

from tests.e2e.test_console import FAINT, UNNAMED

pytestmark = [pytest.mark.appliance, pytest.mark.timeout(300)]


def test_an_officer_counts_starts_downloads_and_deletes_an_export(officer, tmp_path):
    page = officer.goes("/console/compliance/export/")
    page.get_by_role("link", name="New export").click()
    assert page.evaluate(UNNAMED) == []
    officer.shows("export-new")
    page.get_by_label("Part of the log").select_option("period")
    page.get_by_label("From (UTC)").fill("2999-01-01T00:00")
    page.get_by_role("button", name="Count the events").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was started")
    officer.shows("export-wrong")
    page.get_by_label("Part of the log").select_option("all")
    page.get_by_label("Tables and a report").check()
    page.get_by_role("button", name="Count the events").click()
    expect(page.locator("main table")).to_be_visible()
    assert page.evaluate(UNNAMED) == []
    officer.shows("export-counted")
    page.get_by_role("button", name="Start the export").click()
    officer.shows("export-begun")
    expect(page.get_by_role("button", name="Download")).to_be_visible(timeout=60_000)
    assert page.evaluate(UNNAMED) == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(FAINT) == [], scheme
    officer.shows("export-made")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        assert {"report.pdf", "tables/events.csv"} <= set(archive.namelist())
        archive.extractall(tmp_path / "unpacked")
    command = [sys.executable, "-I", "-S", "verify.py"]
    done = subprocess.run(  # noqa: PLW1510 - its code is looked at
        command, cwd=tmp_path / "unpacked", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page.get_by_role("button", name="Delete the file").click()
    expect(page.get_by_role("status").first).to_contain_text("removed")
    officer.goes("/console/compliance/export/")
    expect(page.locator("main table")).to_contain_text("file removed")
    officer.shows("exports")

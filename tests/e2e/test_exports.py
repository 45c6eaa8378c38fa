"""Exports and packs, from form to file, in a browser, on a wide screen and on a telephone."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from playwright.sync_api import expect

from tests.e2e.test_console import FAINT, UNNAMED

pytestmark = [pytest.mark.appliance, pytest.mark.timeout(900)]


def test_an_officer_counts_starts_downloads_and_deletes_an_export(officer, tmp_path):
    page = officer.goes("/console/compliance/export/")
    with page.expect_navigation():
        page.get_by_role("link", name="New export").click()
    assert page.evaluate(UNNAMED) == []
    officer.shows("export-new")
    page.get_by_text("Choose types").click()
    expect(page.get_by_label("request.admitted: checked")).to_be_visible()
    assert page.evaluate(UNNAMED) == []
    officer.shows("export-types")
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
    with page.expect_navigation():
        page.get_by_role("button", name="Start the export").click()
    officer.shows("export-begun")
    expect(page.get_by_role("button", name="Download")).to_be_visible()
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
    page.get_by_role("link", name="verify the downloaded file in the browser").click()
    page.get_by_label("Evidence (ZIP)").set_input_files(path)
    page.get_by_role("button", name="Verify").click()
    expect(page.locator("#verdict")).to_contain_text("SOUND")
    assert "NOT SOUND" not in page.locator("#verdict").inner_text()
    officer.shows("verifier")
    page.go_back()
    page.get_by_role("button", name="Delete the file").click()
    expect(page.get_by_role("status").first).to_contain_text("removed")
    officer.goes("/console/compliance/export/")
    expect(page.locator("main table")).to_contain_text("file removed")
    officer.shows("exports")


def test_packs_are_typed_refused_at_the_field_and_built_at_any_width(officer, tmp_path):
    page = officer.goes("/console/compliance/packanswer/")
    addresses = page.locator("main section h2 a").evaluate_all(
        "links => links.map(link => new URL(link.href).pathname)"
    )
    assert len(addresses) > 6
    officer.shows("packs")
    for address in addresses:
        officer.goes(address)
        assert page.evaluate(UNNAMED) == [], address
        officer.shows(f"pack-{address.rstrip('/').rpartition('/')[2]}")
    officer.goes("/console/compliance/packanswer/dora-register/organisation/")
    page.get_by_role("textbox", name="LEI of the entity").fill("529900T8BM49AURSDO56")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    expect(page.locator(".row.wrong")).to_contain_text("no LEI")
    assert page.evaluate(UNNAMED) == []
    officer.shows("pack-register-wrong")
    page.get_by_role("textbox", name="LEI of the entity").fill("529900T8BM49AURSDO55")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_be_visible()
    officer.goes("/console/compliance/packanswer/serious-incident/")
    page.get_by_role("button", name="Open a case").click()
    page.get_by_role("group", name="Kind of serious incident").get_by_label("Death").check()
    page.get_by_role("textbox", name="Became aware").fill("2999-01-01T09:00+01:00")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Report: death of a person")).to_be_visible()
    assert page.evaluate(UNNAMED) == []
    officer.shows("pack-incident")
    officer.goes("/console/compliance/packanswer/ml-bom/")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Build and download").click()
    path = tmp_path / "pack.zip"
    waiting.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        assert b"machine-learning-model" in archive.read("bom.cdx.json")

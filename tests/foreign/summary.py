"""At the end of a run: which foreign verifiers judged nothing, so that nobody overlooks it."""

from __future__ import annotations

from typing import Any

MARK = "not checked by "


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List the skips of tests/foreign under a headline of their own."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = sorted(
        {
            report.longrepr[2].removeprefix("Skipped: ")
            for report in reports
            if isinstance(report.longrepr, tuple) and MARK in report.longrepr[2]
        }
    )
    if not reasons:
        return
    terminalreporter.write_sep("!", "OUR PROOFS WERE NOT CHECKED BY EVERYBODY", red=True)
    for reason in reasons:
        terminalreporter.write_line(f"  {reason}", red=True)
    terminalreporter.write_line(
        "  `make foreign` installs what is missing and says what fails."
    )

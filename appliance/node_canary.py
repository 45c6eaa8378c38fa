"""What the canary of this machine's node said last, for `doctor`."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from appliance.env import Environment
from appliance.finding import Finding, ok, warning, wrong
from inference.canary_format import Report
from inference.canary_watch import Closing, closing, newest_file

NAME = "canary"
LATE = 3.0  # intervals after which a report is too old to say anything of now
HOW = "See docs/confinement.md."


def said(environment: Environment) -> Iterator[Finding]:
    """Whether the node is closed, and what its newest report says; nothing where none runs."""
    state = environment.data / "state"
    shut = closing(state, environment.node)
    if shut is not None:
        yield wrong(
            NAME, _closed(environment.node, shut), f"Find the way out and shut it. {HOW}"
        )
    if not environment.canary_interval:
        yield warning(
            NAME,
            "it is switched off, so nothing proves that this node is confined",
            f"Set DOMICILE_CANARY_INTERVAL to other than 0. {HOW}",
        )
        return
    path = newest_file(state, environment.node)
    if not path.exists():
        return
    report = _read(path)
    if report is None:
        yield warning(NAME, f"{path} cannot be read", "Start the worker anew; it writes it.")
        return
    age = max(0.0, time.time() - report.time / 1_000_000)
    text = f"{environment.node}, {_ago(age)} ago: {_words(report)}"
    if report.verdict == "escaped":
        yield wrong(NAME, text, f"Find the way out and shut it. {HOW}")
    elif report.verdict == "unconfined":
        yield warning(NAME, text, f"No proof is made. {HOW}")
    elif age > LATE * environment.canary_interval:
        yield warning(NAME, text, "See whether the worker runs; its canary is late.")
    else:
        yield ok(NAME, text)


def _closed(node: str, shut: Closing) -> str:
    moment = dt.datetime.fromtimestamp(shut.closed / 1_000_000, dt.UTC)
    ways = ", ".join(shut.escapes[:5]) or "it is not known by which way"
    return (
        f"{node} closed itself on {moment:%Y-%m-%d at %H:%M} UTC, for it could get out: {ways}"
    )


def _read(path: Path) -> Report | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _words(report: Report) -> str:
    if report.verdict == "unconfined":
        return f"not confined, so nothing was tried ({report.words})"
    reached = [f"{one.how} {one.to}" for one in report.tries if one.outcome == "reached"]
    if reached:
        return f"it got out: {', '.join(reached[:5])}"
    weak = sum(one.outcome == "unanswered" for one in report.tries)
    told = f", {weak} of them without an answer" if weak else ""
    return f"confined ({report.words}); {len(report.tries)} tries{told}, none got out"


def _ago(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004

"""Fails where something that people use is in the code and in no document, or the reverse.

    python -m tests.check_docs

Looked for: environment variables, `make` targets, management commands with their options,
endpoints, metrics, key files; and whether docs/events.md is as the catalogue of events, and the
table in docs/detection.md as those of the identifiers.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests import events_page, identifiers_page

BASE = Path(__file__).resolve().parent.parent
PACKAGES = ("appliance", "compliance", "inference")
INTERNAL = frozenset(
    {"DOMICILE_LISTEN_FD", "DOMICILE_PASSAGES"}
)  # between the keeper and its children
CALLERS = frozenset({"DOMICILE_API_KEY", "DOMICILE_KEY"})  # in examples, the caller's own
VARIABLE = re.compile(r"\bDOMICILE_[A-Z][A-Z_]*[A-Z]\b")
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
OPTION = re.compile(r'add_argument\(\s*"(--[a-z-]+)"')
ENDPOINT = re.compile(r'"(/(?:v1/[a-z/]+[a-z]|livez|readyz|metrics))"')
METRIC = re.compile(r'\b(?:Counter|Gauge|Histogram)\(\s*"([a-z_]+)"')
KEY_FILE = re.compile(r'Kind\(\s*"([^"]+)"')


def sources() -> Iterator[Path]:
    """The Python files of the product."""
    for package in PACKAGES:
        yield from sorted(BASE.joinpath(package).rglob("*.py"))


def documents() -> str:
    """Every document's text."""
    found = [BASE / "README.md", *sorted(BASE.joinpath("docs").rglob("*.md"))]
    return "\n".join(path.read_text() for path in found)


def named(code: Mapping[Path, str], makefile: str) -> dict[str, set[str]]:
    """What the code offers, as the documents must write it, by kind."""
    commands = {path.stem: text for path, text in code.items() if _is_command(path)}
    everything = "\n".join(code.values())
    return {
        "environment variable": set(VARIABLE.findall(everything)) - INTERNAL - CALLERS,
        "make target": {f"make {name}" for name in TARGET.findall(makefile)},
        "management command": {f"manage.py {name}" for name in commands},
        "option": {option for text in commands.values() for option in OPTION.findall(text)},
        "endpoint": set(ENDPOINT.findall(everything)),
        "metric": set(METRIC.findall(everything)),
        "key file": set(KEY_FILE.findall(everything)),
    }


def _is_command(path: Path) -> bool:
    return path.parent.name == "commands" and path.stem != "__init__"


def missing(offered: Mapping[str, set[str]], text: str) -> list[str]:
    """What is offered and not documented, and variables and targets that exist no more."""
    absent = [
        f"{kind} {name} is in no document"
        for kind, names in offered.items()
        for name in sorted(names)
        if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)
    ]
    known = offered["environment variable"] | INTERNAL | CALLERS
    stale = {name.removesuffix("_FILE") for name in VARIABLE.findall(text)} - known
    absent += [f"environment variable {name} is documented only" for name in sorted(stale)]
    return absent


def main() -> int:
    """Print what is wrong; 1 if anything is."""
    code = {path: path.read_text() for path in sources()}
    wrong = missing(named(code, BASE.joinpath("Makefile").read_text()), documents())
    wrong += events_page.wrong(BASE.joinpath("docs", "events.md").read_text())
    wrong += identifiers_page.wrong(identifiers_page.PAGE.read_text())
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

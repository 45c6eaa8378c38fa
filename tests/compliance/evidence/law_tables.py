"""Writes the tables of docs/packs.md from the law's TOML files.

python -m tests.compliance.evidence.law_tables
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import django

from tests.check_docs import BASE

if TYPE_CHECKING:
    from compliance.evidence.packs.law import Law

PAGE = BASE / "docs" / "packs.md"
ORIGINS = {"events": "events", "configuration": "configuration", "officer": "officer"}


def table(law: Law) -> str:
    """A row for each field."""
    rows = ["| field | demanded by | need | filled from | reading |", "|---|---|---|---|---|"]
    for one in law.fields:
        reading = "" if one.sure else "**unsure**: "
        rows.append(
            f"| {one.label} | {one.sources or 'none'} | {one.need} | {ORIGINS[one.origin]} | "
            f"{reading}{one.note} |"
        )
    for clock in law.deadlines:
        reading = "" if clock.sure else "**unsure**: "
        length = f"{clock.amount} {clock.unit}{'s' if clock.amount > 1 else ''}"
        rows.append(
            f"| clock: {clock.label} | {clock.law} | {length} | from *{clock.starts}* | "
            f"{reading}{clock.note} |"
        )
    return "\n".join(rows)


def main() -> None:
    """Put each table in its place."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    django.setup()
    from compliance.evidence.packs.law import laws  # noqa: PLC0415 - needs the settings

    text = PAGE.read_text()
    for law in laws().values():
        begin, end = f"<!-- fields of {law.id} -->\n", "\n<!-- end -->"
        before, _, rest = text.partition(begin)
        text = before + begin + table(law) + end + rest.partition(end)[2]
    PAGE.write_text(text)


if __name__ == "__main__":
    main()

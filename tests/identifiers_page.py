"""The table of identifiers in docs/detection.md, from the tables of the code.

python -m tests.identifiers_page
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from compliance.detection.identifiers import ALL
from compliance.detection.identifiers.identifier import Identifier, Strength
from compliance.policy.countries import phrase

PAGE = Path(__file__).parents[1] / "docs" / "detection.md"
BEGIN = "<!-- identifiers: python -m tests.identifiers_page -->\n"
END = "<!-- end of identifiers -->\n"

_STRENGTH = {
    Strength.CERTAIN: "certain",
    Strength.LIKELY: "likely",
    Strength.FORM: "form",
}


def table() -> str:
    """What stands between the marks."""
    parts = []
    for country, rows in groupby(ALL, key=lambda row: row.country):
        parts += [f"### {_name(country)}", "", *_rows(list(rows)), ""]
    return "\n".join(parts) + "\n"


def _name(country: str) -> str:
    name = phrase(country) if country else "of no country"
    return name[0].upper() + name[1:]


def _rows(rows: list[Identifier]) -> Iterator[str]:
    yield "| entity | kind | called | format | check | counts as | words | source |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        words = ", ".join(row.words) or "none needed"
        check = "yes" if row.holds else "form only"
        cells = (
            *(f"`{row.entity}`", row.kind.value, row.name, row.format, check),
            *(_STRENGTH[row.strength], words, row.source),
        )
        yield "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    """A cell of a table in Markdown: `|` and `*` mean something there."""
    return " ".join(text.split()).replace("|", "\\|").replace("*", "\\*")


def with_table(text: str) -> str:
    """The page with the table as the code has it; raises `ValueError` without the marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("docs/detection.md lacks the marks of the table of identifiers")
    return before + begin + "\n" + table() + end + after


def wrong(text: str) -> list[str]:
    """What is not as the code has it; `text` is the page."""
    if text == with_table(text):
        return []
    return ["the identifiers in docs/detection.md are stale: python -m tests.identifiers_page"]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")

"""Tables as people and Markdown read them."""

from __future__ import annotations

from collections.abc import Sequence

Cell = str | float | int | None


def cell(value: Cell) -> str:
    """A figure with three significant digits; a dash for none."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return "-"
    if isinstance(value, str):
        return value
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A Markdown table under its title."""
    written = [list(heads), *([cell(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in written) for column in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        first, *others = cells
        padded = [first.ljust(widths[0])]
        padded += [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        return f"| {' | '.join(padded)} |"

    rule = f"|{'-' * (widths[0] + 2)}|" + "".join(f"{'-' * (w + 1)}:|" for w in widths[1:])
    return "\n".join([f"**{title}**", "", line(written[0]), rule, *map(line, written[1:]), ""])

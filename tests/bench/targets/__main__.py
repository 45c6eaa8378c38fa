"""`make bench-detection`: the targets of detection, beside stock Presidio in the same run.

`python -m tests.bench.targets [--corpora DIR]`: DIR holds `*.jsonl.gz` with sentences annotated
by others, one `{"lang", "text", "spans": [[start, end, label]]}` a line. Give it what no model
is trained on; what is made here names people whom Faker names.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.table import Cell, table

Figures = Mapping[str, Any]
BEYOND = frozenset({"GB", "CH", "NO", "IS", "LI"})  # covered too, in no sum of the Union
RECALL, PRECISION = 0.99, 0.98  # at least, for a state to count as covered


def measured(which: str, folder: Path | None) -> Figures:
    """The figures of a scanner, each in a process of its own."""
    figures: dict[str, Any] = json.loads(
        _run("measure", which, *([str(folder)] if folder else []))
    )
    return figures | {"memory": float(_run("resident", which))}


def _run(module: str, *arguments: str) -> str:
    command = [sys.executable, "-W", "ignore", "-m", f"tests.bench.targets.{module}"]
    # Faker keeps some of its names in sets: the texts made of them would differ.
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    result = subprocess.run(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env=environment,
    )
    return result.stdout.splitlines()[-1]


def _share(have: float, of: float) -> float:
    return have / of if of else float("nan")


def _f1(right: int, found: int, wanted: int) -> float:
    return _share(2 * right, found + wanted)


def _quality(found: int, valid: int, wrong: int) -> tuple[float, float]:
    """Recall and precision."""
    return _share(found, valid), _share(found, found + wrong)


def _mean(figures: Sequence[float]) -> float:
    return _share(sum(figures), len(figures))


def _states(figures: Figures) -> str:
    covered = {
        country
        for country, (found, valid, wrong) in figures["coverage"].items()
        if _share(found, valid) >= RECALL and _share(found, found + wrong) >= PRECISION
    }
    return f"{len(covered - BEYOND)} of 27 (+{len(covered & BEYOND)})"


def _hidden(figures: Figures) -> str:
    cells = [cell for row in figures["evasions"].values() for cell in row.values()]
    return f"{sum(cells)} of {len(cells)}"


def _leak(figures: Figures) -> float:
    have, of = (sum(pair[n] for pair in figures["leaks"].values()) for n in (0, 1))
    return _share(have, of)


def _wrong(figures: Figures, what: str, of: str) -> float:
    kinds = figures["wrong"].values()
    return 1000 * _share(sum(kind[what] for kind in kinds), sum(kind[of] for kind in kinds))


def _per_megabyte(figures: Figures) -> list[float]:
    """Seconds for a megabyte as each length has it, shortest first."""
    return [ms * 1000 / int(length) for length, ms in figures["growth"].items()]


def _lowest(figures: Figures, what: str) -> tuple[float, float]:
    """Mean and lowest F1 of the languages."""
    each = [_f1(*row) for row in figures[what].values()]
    return _mean(each), min(each)


def summary(ours: Figures, stock: Figures) -> str:
    """The table of targets."""
    rows: list[list[Cell]] = [
        [
            "states, recall >= 0.99 and precision >= 0.98",
            "27 of 27",
            _states(ours),
            _states(stock),
        ]
    ]
    for what, words in (("others", "sentences of others"), ("made", "sentences made here")):
        if what in ours:
            (mean, low), (its_mean, its_low) = _lowest(ours, what), _lowest(stock, what)
            rows.append([f"F1 of names, {words}: mean", ">= 0.75", mean, its_mean])
            rows.append([f"F1 of names, {words}: lowest", ">= 0.55", low, its_low])
    ordinary = _per_megabyte(ours)
    worst = max(ours["adversarial"].values()) / 1000
    rows += [
        ["leak recall", ">= 0.95", _leak(ours), _leak(stock)],
        *(
            [words, target, _wrong(ours, what, of), _wrong(stock, what, of)]
            for words, target, what, of in (
                ("found wrongly in 1,000 tokens", "<= 1", "direct", "tokens"),
                ("the same with what is indirect", None, "all", "tokens"),
                ("found wrongly in 1,000 words", None, "direct", "words"),
            )
        ),
        *(
            [
                f"{tokens} tokens, all, ms CPU",
                target,
                ours["tokens"][tokens],
                stock["tokens"][tokens],
            ]
            for tokens, target in (("50", None), ("500", "<= 10"), ("5000", None))
        ),
        *(
            [
                f"{tokens} tokens, without names, ms CPU",
                target,
                ours["structured"][tokens],
                None,
            ]
            for tokens, target in (("50", None), ("500", "<= 0.6"), ("5000", None))
        ),
        [
            "500 tokens, all: times faster than stock",
            ">= 12",
            _share(stock["tokens"]["500"], ours["tokens"]["500"]),
            1.0,
        ],
        ["1 MB of ordinary text, s CPU", None, ordinary[-1], None],
        [
            "seconds a MB: longest text over shortest",
            "about 1",
            ordinary[-1] / ordinary[0],
            _per_megabyte(stock)[-1] / _per_megabyte(stock)[0],
        ],
        ["worst adversarial MB over ordinary", "<= 2", worst / ordinary[-1], None],
        ["memory of a process, MB", None, ours["memory"], stock["memory"]],
        ["evasions in which nothing stays readable", "all", _hidden(ours), _hidden(stock)],
    ]
    return table("Targets", ["", "target", "Domicile", "stock Presidio"], rows)


def parts(ours: Figures, stock: Figures) -> Iterator[str]:
    """The tables behind the table of targets."""
    heads = ["", "recall", "precision", "values", "stock recall", "stock precision"]
    rows: list[list[Cell]] = []
    for country, (found, valid, wrong) in ours["coverage"].items():
        of_stock = stock["coverage"][country]
        rows.append([country, *_quality(found, valid, wrong), valid, *_quality(*of_stock)])
    yield table("Identifiers by state", heads, rows)
    for what, title in (("others", "sentences of others"), ("made", "sentences made here")):
        if what in ours:
            rows = [
                [language, _f1(*row), _f1(*stock[what][language]), row[2]]
                for language, row in ours[what].items()
            ]
            heads = ["language", "F1", "stock F1", "names"]
            yield table(f"Names by exact place and type, {title}", heads, rows)
    rows = [
        [label, _share(*pair), _share(*stock["leaks"][label]), pair[1]]
        for label, pair in ours["leaks"].items()
    ]
    yield table("Leak recall by type", ["", "share", "stock share", "characters"], rows)
    rows = [[name, ms / 1000] for name, ms in ours["adversarial"].items()]
    yield table("A megabyte made to be slow", ["of", "s CPU"], rows)
    kinds = list(next(iter(ours["evasions"].values())))
    yield table(
        "Evasions: ours/stock, x where something stays readable",
        ["", *kinds],
        [
            [name, *(_mark(row, stock["evasions"][name], kind) for kind in kinds)]
            for name, row in ours["evasions"].items()
        ],
    )


def _mark(ours: Mapping[str, bool], stock: Mapping[str, bool], kind: str) -> str:
    if kind not in ours:
        return "-"
    return "/".join("ok" if row[kind] else "x" for row in (ours, stock))


def main() -> None:
    """Measure both, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.targets")
    parser.add_argument(
        "--corpora", type=Path, help="a folder of annotated sentences of others"
    )
    folder = parser.parse_args().corpora
    ours, stock = measured("ours", folder), measured("stock", folder)
    sys.stdout.write(f"{summary(ours, stock)}\n")
    for part in parts(ours, stock):
        sys.stdout.write(f"{part}\n")


if __name__ == "__main__":
    main()

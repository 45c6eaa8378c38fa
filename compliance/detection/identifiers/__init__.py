"""Identifiers by country: one module a country, one table each.

`identifier` says what a row of a table is; `at`, `be`, … hold the tables of the member states
of the EU, of the United Kingdom, Switzerland, Norway, Iceland and Liechtenstein; `universal`
those that belong to no country. `ALL` is every row of them.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from compliance.detection.identifiers.general import generally
from compliance.detection.identifiers.identifier import Identifier

COUNTRIES: tuple[str, ...] = tuple(
    sorted(module.name for module in iter_modules(__path__) if len(module.name) == 2)
)
"""The modules of countries (ISO 3166-1 alpha-2, lower case)."""


def _rows(module: str) -> tuple[Identifier, ...]:
    rows: tuple[Identifier, ...] = import_module(f"{__name__}.{module}").IDENTIFIERS
    return rows


ALL: tuple[Identifier, ...] = tuple(
    generally(row) for module in (*COUNTRIES, "universal") for row in _rows(module)
)
"""Every row: those of countries in their order, then those of none."""

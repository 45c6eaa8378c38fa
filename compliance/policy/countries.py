"""Countries by their codes (ISO 3166-1 alpha-2), with English names.

The codes and most names are those of `iso3166.tab` in the pinned package tzdata (public
domain), so that a policy is read alike on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

_NAMES: Mapping[str, str] = {
    "AX": "Åland Islands",
    "BS": "Bahamas",
    "CD": "Democratic Republic of the Congo",
    "CG": "Republic of the Congo",
    "CZ": "Czechia",
    "FO": "Faroe Islands",
    "GB": "United Kingdom",
    "GM": "Gambia",
    "IM": "Isle of Man",
    "KP": "North Korea",
    "KR": "South Korea",
    "MM": "Myanmar",
    "NL": "Netherlands",
    "PH": "Philippines",
    "SZ": "Eswatini",
    "TR": "Türkiye",
    "US": "United States",
}
"""Where a reader wants another name than the table's."""

_WITH_ARTICLE = frozenset(_NAMES) - {"CZ", "KP", "KR", "MM", "SZ", "TR"} | {
    "AE", "CF", "CK", "DO", "FK", "KM", "KY", "MH", "MP", "MV", "SB", "SC", "TC", "VG", "VI",
}  # fmt: skip

_MISTAKEN: Mapping[str, str] = {"EL": "GR", "UK": "GB"}
"""Codes that the institutions of the EU write, and that ISO 3166-1 does not have."""


def _read() -> Mapping[str, str]:
    table = resources.files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return MappingProxyType({code: _NAMES.get(code, name) for code, name in rows})


COUNTRIES: Mapping[str, str] = _read()
"""The 249 assigned codes, each with its name."""


def phrase(code: str) -> str:
    """The name as it stands in a sentence; the code itself where it is not assigned."""
    return f"the {COUNTRIES[code]}" if code in _WITH_ARTICLE else COUNTRIES.get(code, code)


def fault(code: str) -> str | None:
    """What is wrong with a country's code, in words; None for an assigned one."""
    if code in COUNTRIES:
        return None
    meant = _MISTAKEN.get(code.upper(), code.upper())
    if meant in COUNTRIES:
        return f"{code!r} is no country's code of ISO 3166-1; write {meant}"
    return f"{code!r} is no country's code of ISO 3166-1 alpha-2, such as DE"

"""Identifiers of the United Kingdom: NHS, National Insurance, UTR, documents and plates.

Sources: NHS Data Dictionary (NHS number), HMRC (NIM39110 National Insurance numbers; UTR; VAT
notice 700), DVLA (INF45 number plates; driver number), HM Passport Office, PRADO.
"""

from __future__ import annotations

import re

from stdnum.gb import nhs, utr, vat

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_NEVER = frozenset({"BG", "GB", "NK", "KN", "NT", "TN", "ZZ"})
"""Prefixes that HMRC gives nobody (NIM39110)."""


def _is_nino(value: str) -> bool:
    return plain(value)[:2] not in _NEVER


def _is_nhs(value: str) -> bool:
    """Modulo 11, and not one digit throughout."""
    return nhs.is_valid(plain(value)) and len(set(plain(value))) > 2


def _is_driver(value: str) -> bool:
    """The surname's first letters, padded with 9, and not all of them padding."""
    return re.match(r"[A-Z]+9*$", plain(value)[:5]) is not None


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="UK_NHS",
        country="GB",
        kind=Kind.HEALTH_INSURANCE,
        name="NHS number, CHI number (Scotland), H&C number (Northern Ireland)",
        format="NNN NNN NNNC, modulo 11",
        pattern=r"\d{3}[ \-.]?\d{3}[ \-.]?\d{4}|\d{6}[ \-.]?\d{4}",
        words=(
            *("nhs", "nhs number", "nhs no", "national health service", "chi", "chi number"),
            *("h&c number", "hcn", "health and care number", "nhs_number", "nhsno", "patient*"),
        ),
        strength=Strength.LIKELY,
        source="NHS Data Dictionary, NHS NUMBER; stdnum.gb.nhs",
        holds=_is_nhs,
    ),
    Identifier(
        entity="UK_NINO",
        country="GB",
        kind=Kind.SOCIAL_SECURITY,
        name="National Insurance number",
        format="LL NN NN NN L, last letter A to D",
        pattern=(
            r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ \-]?\d{2}[ \-]?\d{2}[ \-]?\d{2}[ \-]?[A-D]"
        ),
        words=(
            *("national insurance", "ni number", "nino", "ni no", "nin", "insurance number"),
            *("national insurance number", "ni", "n.i", "ni_number", "yswiriant gwladol"),
            *("social security", "hmrc", "payroll*", "ni num*"),
        ),
        strength=Strength.LIKELY,
        source="HMRC, National Insurance Manual NIM39110",
        holds=_is_nino,
    ),
    Identifier(
        entity="UK_TAX_ID",
        country="GB",
        kind=Kind.TAX_ID,
        name="Unique Taxpayer Reference, UTR",
        format="CNNNNNNNNN, check digit first, modulo 11",
        pattern=r"\d{5}[ ]?\d{5}K?|\d{10}",
        words=(
            *(
                "utr",
                "unique taxpayer reference",
                "taxpayer reference",
                "self assessment",
                "hmrc",
            ),
            *("tax reference", "sa utr", "tax payer reference", "utr number", "tax return"),
        ),
        strength=Strength.LIKELY,
        source="HMRC; OECD, TIN of the United Kingdom; stdnum.gb.utr",
        holds=lambda value: utr.is_valid(plain(value).rstrip("K")),
    ),
    Identifier(
        entity="UK_VAT",
        country="GB",
        kind=Kind.VAT,
        name="VAT registration number",
        format="GB (XI in Northern Ireland) and nine or twelve digits, modulo 97",
        pattern=r"(?:GB|XI)[ \-]?\d{3}[ \-]?\d{4}[ \-]?\d{2}(?:[ \-]?\d{3})?",
        words=("vat", "vat number", "vat no", "vat reg*", "vat registration", "vrn"),
        strength=Strength.CERTAIN,
        source="HMRC, VAT notice 700; stdnum.gb.vat",
        holds=lambda value: vat.is_valid("GB" + plain(value)[2:]),
    ),
    Identifier(
        entity="UK_VAT",
        country="GB",
        kind=Kind.VAT,
        name="VAT registration number without its country",
        format="nine digits, modulo 97",
        pattern=r"\d{3}[ \-]?\d{4}[ \-]?\d{2}",
        words=("vat number", "vat no", "vat reg*", "vat registration", "vrn"),
        strength=Strength.FORM,
        source="HMRC, VAT notice 700; stdnum.gb.vat",
        holds=vat.is_valid,
    ),
    Identifier(
        entity="UK_PASSPORT",
        country="GB",
        kind=Kind.PASSPORT,
        name="passport",
        format="nine digits, or two letters and seven digits",
        pattern=r"\d{3}[ ]?\d{3}[ ]?\d{3}|[A-Z]{2}[ ]?\d{7}",
        words=(
            "british passport",
            "uk passport",
            "passport*",
            "pasbort",
            "passport no",
            "hmpo",
        ),
        strength=Strength.FORM,
        source="HM Passport Office; PRADO, GBR-AO",
        holds=is_one_code,
    ),
    Identifier(
        entity="UK_DRIVING_LICENCE",
        country="GB",
        kind=Kind.DRIVING_LICENCE,
        name="driver number",
        format="five characters of the surname, date of birth, initials, three characters",
        pattern=(
            r"[A-Z9]{5}[ ]?\d(?:0[1-9]|1[0-2]|5[1-9]|6[0-2])(?:0[1-9]|[12]\d|3[01])\d"
            r"[ ]?[A-Z9]{2}[0-9A-Z][ ]?[A-Z]{2}(?:[ ]?\d{2})?"
        ),
        words=(
            *("driving licence", "driver number", "driving license", "dvla", "licence number"),
            *("driver's licence", "driver licence", "licence no", "trwydded yrru", "licence"),
        ),
        strength=Strength.CERTAIN,
        source="DVLA, driver number",
        holds=_is_driver,
    ),
    Identifier(
        entity="UK_VEHICLE_REGISTRATION",
        country="GB",
        kind=Kind.NUMBER_PLATE,
        name="vehicle registration number since 2001",
        format="LLNN LLL",
        pattern=r"[A-HJ-PR-Y]{2}(?:0[1-9]|[1-7]\d)[ \-]?[A-HJ-PR-Z]{3}",
        words=(
            *("number plate", "registration", "reg", "vrm", "vrn", "licence plate", "car"),
            *(
                "vehicle*",
                "license plate",
                "reg number",
                "plate",
                "dvla",
                "motorbike",
                "my van",
            ),
            *("car reg", "reg no", "cofrestru", "lorry", "the van", "plates"),
        ),
        strength=Strength.FORM,
        source="DVLA, INF104 vehicle registration numbers",
        holds=is_one_code,
    ),
    Identifier(
        entity="UK_VEHICLE_REGISTRATION",
        country="GB",
        kind=Kind.NUMBER_PLATE,
        name="vehicle registration number before 2001, or of Northern Ireland",
        format="LNNN LLL, LLL NNNL; LLL NNNN",
        pattern=(
            r"[A-HJ-NPR-TV-Y]\d{1,3}[ \-]?[A-HJ-PR-Y][A-HJ-PR-Z]{2}"
            r"|[A-HJ-PR-Z]{3}[ \-]?\d{1,3}[ \-]?[A-HJ-NPR-TV-Y]|[A-Z]{1,3}Z[ \-]?\d{1,4}"
        ),
        words=(
            *("number plate", "vehicle registration", "registration number", "vrm", "car reg"),
            *("licence plate", "license plate", "reg number", "registration plate", "reg no"),
        ),
        strength=Strength.FORM,
        source="DVLA, INF104 vehicle registration numbers",
        holds=is_one_code,
    ),
)
"""Every identifier of the United Kingdom."""

"""Identifiers of Ireland: PPS number, VAT, medical card, documents and plates.

Sources: Department of Social Protection (PPS number), Revenue Commissioners (VAT), National
Driver Licence Service, PRADO for documents, S.I. No. 318/1992 for plates.
"""

from __future__ import annotations

from stdnum.ie import pps, vat

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code

_COUNTIES = (
    "CE|CN|CW|C|DL|D|G|KE|KK|KY|LD|LH|LK|LM|LS|L|MH|MN|MO|OY|RN|SO|TN|TS|T|WD|WH|WW|WX|W"
)

_VAT_WORDS = (
    *("vat", "vat number", "vat no", "vat reg", "vat registration", "vat id", "vies", "cbl"),
    *("uimhir chláraithe cbl", "cáin bhreisluacha", "tax registration number", "trn"),
)


def _pps(value: str) -> bool:
    """As stdnum has it; letters apart are capitals: "2000000 a year" is of no person."""
    return is_one_code(value) and pps.is_valid(value)


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="IE_NATIONAL_ID",
        country="IE",
        kind=Kind.NATIONAL_ID,
        name="Uimhir Phearsanta Seirbhíse Poiblí (PPS number)",
        format="NNNNNNNC, a second letter from 2013 on, check letter modulo 23",
        pattern=r"\d{7}[ -]?[A-W][ -]?[ABHTWX]?",
        words=(
            *("pps", "ppsn", "pps no", "pps number", "personal public service number", "upsp"),
            *("uimhir pps", "uimhir phearsanta", "seirbhíse poiblí", "tax reference number"),
            *("uimhir psp", "psp", "national id", "social security number"),
        ),
        strength=Strength.LIKELY,
        source="Social Welfare Consolidation Act 2005, section 262; stdnum.ie.pps",
        holds=_pps,
    ),
    Identifier(
        entity="IE_VAT",
        country="IE",
        kind=Kind.VAT,
        name="VAT registration number",
        format="IE NNNNNNNC, IE NNNNNNNCA or IE NANNNNNC, check letter modulo 23",
        pattern=r"IE[ -]?\d[0-9A-Z+*]\d{5}[A-W][A-I]?",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Council Directive 2006/112/EC, Article 215; stdnum.ie.vat",
        holds=vat.is_valid,
    ),
    Identifier(
        entity="IE_VAT",
        country="IE",
        kind=Kind.VAT,
        name="VAT registration number, without its country",
        format="NNNNNNNC or NANNNNNC, a second letter from 2013 on, check letter modulo 23",
        pattern=r"\d[0-9A-Z+*]\d{5}[A-W][A-I]?",
        words=_VAT_WORDS,
        strength=Strength.FORM,
        source="Revenue Commissioners; stdnum.ie.vat",
        holds=vat.is_valid,
    ),
    Identifier(
        entity="IE_HEALTH_INSURANCE",
        country="IE",
        kind=Kind.HEALTH_INSURANCE,
        name="Medical card and GP visit card number (GMS number)",
        format="a letter or digit, six digits and a letter",
        pattern=r"[0-9A-Z]\d{6}[A-Z]",
        words=(
            *("medical card", "medical card number", "gms number", "gms no", "gp visit card"),
            *("cárta leighis", "drugs payment scheme", "dps card", "hse card", "gms"),
            "medical card no",
        ),
        strength=Strength.FORM,
        source="Health Service Executive, Primary Care Reimbursement Service",
    ),
    Identifier(
        entity="IE_PASSPORT",
        country="IE",
        kind=Kind.PASSPORT,
        name="Pas (passport or passport card number)",
        format="AANNNNNNN; older ones ANNNNNN to ANNNNNNNN",
        pattern=r"[A-Z]{2}[ ]?\d{7}|[A-Z][ ]?\d{6,8}",
        words=(
            *("passport", "passport number", "passport no", "irish passport", "passport card"),
            *("uimhir phas", "pas éireannach", "cárta pas"),
        ),
        strength=Strength.FORM,
        source="Department of Foreign Affairs; PRADO, IRL passports",
        holds=is_one_code,
    ),
    Identifier(
        entity="IE_DRIVING_LICENCE",
        country="IE",
        kind=Kind.DRIVING_LICENCE,
        name="Ceadúnas tiomána (driver number, driving licence number)",
        format="NNNNNNNNN, or six digits and up to four letters",
        pattern=r"\d{3}[ -]?\d{3}[ -]?\d{3}|\d{6}[A-Z]{2,4}|\d{7}[A-Z]{2}",
        words=(
            *("driving licence", "driving license", "driver licence", "driver number"),
            *("driver's licence", "driver's license", "driver no", "learner permit"),
            *("ceadúnas tiomána", "ceadúnais tiomána", "uimhir thiománaí", "ndls"),
        ),
        strength=Strength.FORM,
        source="National Driver Licence Service; PRADO, IRL driving licences",
        holds=is_one_code,
    ),
    Identifier(
        entity="IE_NUMBER_PLATE",
        country="IE",
        kind=Kind.NUMBER_PLATE,
        name="Uimhir chláraithe feithicle (vehicle registration)",
        format="YY-C-NNNNNN or, from 2013, YYH-C-NNNNNN; C: the county",
        pattern=rf"(?:[89]\d|[01]\d|[1-4]\d[12])[ -]?(?:{_COUNTIES})[ -]?[1-9]\d{{0,5}}",
        words=(
            *("registration number", "vehicle registration", "car registration", "reg plate"),
            *("number plate", "licence plate", "license plate", "reg no", "vehicle"),
            *("uimhir chláraithe", "uimhirphláta*", "reg", "vehicle reg", "car"),
        ),
        strength=Strength.FORM,
        source="S.I. No. 318/1992 and S.I. No. 542/2012, Vehicle Registration and Taxation",
        holds=is_one_code,
    ),
)

"""Identifiers of Italy: codice fiscale, partita IVA, documents and plates.

Sources: Agenzia delle Entrate (codice fiscale: Ministerial Decree of 23 December 1976; partita
IVA), Ministry of the Interior (CIE), Ministry of Infrastructure (licences and plates), PRADO.
"""

from __future__ import annotations

from stdnum.it import codicefiscale, iva

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code


def _vat(value: str) -> bool:
    return iva.is_valid(value) and iva.compact(value) != "00000000000"


_FISCAL_WORDS = (
    *("codice fiscale", "cod. fiscale", "cod. fisc", "cod fisc", "cf", "c.f", "codicefiscale"),
    *("codici fiscali", "tax code", "fiscal code", "tessera sanitaria", "italian tax code"),
    "steuernummer",
)
_VAT_WORDS = (
    *("partita iva", "p.iva", "p. iva", "piva", "part. iva", "iva", "partite iva"),
    *("codice iva", "vat", "vat number", "vat id", "vies", "mwst-nummer", "partita i.v.a"),
)

IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="IT_FISCAL_CODE",
        country="IT",
        kind=Kind.TAX_ID,
        name="Codice fiscale (tax code, personal identity number)",
        format="AAAAAA YYMDD XNNN C; letters may stand for digits; check letter modulo 26",
        pattern=(
            r"[A-Z]{3}[ -]?[A-Z]{3}[ -]?[0-9LMNP-V]{2}[ -]?[A-EHLMPR-T][ -]?[0-9LMNP-V]{2}"
            r"[ -]?[A-Z][ -]?[0-9LMNP-V]{3}[ -]?[A-Z]"
        ),
        words=_FISCAL_WORDS,
        strength=Strength.CERTAIN,
        source="Ministerial Decree of 23 December 1976; stdnum.it.codicefiscale",
        holds=codicefiscale.is_valid,
    ),
    Identifier(
        entity="IT_FISCAL_CODE",
        country="IT",
        kind=Kind.TAX_ID,
        name="Codice fiscale provvisorio o di persona giuridica (numeric tax code)",
        format="NNNNNNNNNNC, check digit by Luhn's rule",
        pattern=r"\d{11}",
        words=_FISCAL_WORDS,
        strength=Strength.FORM,
        source="Ministerial Decree of 23 December 1976; stdnum.it.codicefiscale",
        holds=_vat,
    ),
    Identifier(
        entity="IT_VAT_CODE",
        country="IT",
        kind=Kind.VAT,
        name="Partita IVA (VAT number)",
        format="IT NNNNNNN PPP C: number, province, check digit by Luhn's rule",
        pattern=r"IT[ -]?\d{3}[ .]?\d{4}[ .]?\d{4}",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Council Directive 2006/112/EC, Article 215; stdnum.it.iva",
        holds=_vat,
    ),
    Identifier(
        entity="IT_VAT_CODE",
        country="IT",
        kind=Kind.VAT,
        name="Partita IVA, without its country",
        format="NNNNNNN PPP C: number, province, check digit by Luhn's rule",
        pattern=r"\d{3}[ .]?\d{4}[ .]?\d{4}",
        words=_VAT_WORDS,
        strength=Strength.LIKELY,
        source="Presidential Decree 633/1972, Article 35; stdnum.it.iva",
        holds=_vat,
    ),
    Identifier(
        entity="IT_IDENTITY_CARD",
        country="IT",
        kind=Kind.IDENTITY_CARD,
        name="Carta d'identità (identity card number)",
        format="CANNNNNAA (CIE 3.0), NNNNNNNAA (CIE 2.0), AANNNNNNN (paper)",
        pattern=(
            r"[A-Z]{2}\d{5}[A-Z]{2}|\d{7}[ ]?[A-Z]{2}|[A-Z]{2}\d{7}"
            r"|(?-i:[A-Z]{2}) \d{7}|(?-i:[A-Z]{2}) \d{5} (?-i:[A-Z]{2})"
        ),
        words=(
            *("carta d'identità", "carta d’identità", "carta di identità", "carte d'identità"),
            *("cie", "carta identita", "documento d'identità", "documento di identità"),
            *("documento di riconoscimento", "n. documento", "identity card", "id card", "c.i"),
            "identitätskarte",
        ),
        strength=Strength.FORM,
        source="Ministry of the Interior; PRADO, ITA identity cards",
        holds=is_one_code,
    ),
    Identifier(
        entity="IT_PASSPORT",
        country="IT",
        kind=Kind.PASSPORT,
        name="Passaporto (passport number)",
        format="AANNNNNNN",
        pattern=r"[A-Z]{2}[ ]?\d{7}",
        words=(
            *("passaporto", "passaporti", "n. passaporto", "numero passaporto"),
            *("passaporto italiano", "passaporto elettronico", "passport", "passport number"),
            *("passport no", "italian passport"),
        ),
        strength=Strength.FORM,
        source="Polizia di Stato; PRADO, ITA passports",
        holds=is_one_code,
    ),
    Identifier(
        entity="IT_DRIVER_LICENSE",
        country="IT",
        kind=Kind.DRIVING_LICENCE,
        name="Patente di guida (driving licence number)",
        format="AANNNNNNNA, or U1 with seven characters and a letter",
        pattern=r"[A-Z]{2}[ ]?\d{7}[ ]?[A-Z]|U1[0-9A-Z]{7}[A-Z]",
        words=(
            *("patente", "patente di guida", "patenti", "licenza di guida", "n. patente"),
            *("numero patente", "driving licence", "driving license", "driver's license"),
            *("driver's licence", "driver license"),
        ),
        strength=Strength.FORM,
        source="Ministry of Infrastructure and Transport; PRADO, ITA driving licences",
        holds=is_one_code,
    ),
    Identifier(
        entity="IT_NUMBER_PLATE",
        country="IT",
        kind=Kind.NUMBER_PLATE,
        name="Targa (vehicle registration)",
        format="AA NNN AA",
        pattern=r"[A-Z]{2}[ -]?\d{3}[ -]?[A-Z]{2}",
        words=(
            *("targa", "targhe", "targata", "targato", "n. targa", "veicolo", "veicoli"),
            *("autovettura", "automobile", "number plate", "licence plate", "license plate"),
        ),
        strength=Strength.FORM,
        source="Legislative Decree 285/1992 (Codice della Strada), Article 100",
        holds=is_one_code,
    ),
)

"""Identifiers of Latvia: personas kods, PVN, documents and plates.

Sources: Office of Citizenship and Migration Affairs (personas kods, documents), State Revenue
Service (PVN), Road Traffic Safety Directorate (licences, plates), PRADO.
"""

from __future__ import annotations

from stdnum.lv import pvn

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code

_VAT_WORDS = (
    *("pvn", "pvn numurs", "pvn nr", "pvn reģ", "pievienotās vērtības nodok*"),
    *("reģistrācijas numurs", "reģ. nr", "reg. nr", "reģistrācijas nr", "vat", "vat number"),
    "vat id",
)

IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="LV_NATIONAL_ID",
        country="LV",
        kind=Kind.NATIONAL_ID,
        name="Personas kods (personal code, tax and social security number)",
        format="DDMMYY-CNNNC, or 32NNNN-NNNNC from 2017 on; check digit modulo 11",
        pattern=(
            r"(?:(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}[ -]?[0-2]|32\d{4}[ -]?\d)\d{4}"
        ),
        words=(
            *("personas kods", "personas kod*", "pers. kods", "pk", "p.k", "personaskods"),
            *("personas kodi", "nodokļu maksātāja kods", "personal code", "latvian id"),
            *("personal identification number", "national id"),
        ),
        strength=Strength.CERTAIN,
        source="Law on the Register of Natural Persons; stdnum.lv.pvn",
        holds=pvn.is_valid,
    ),
    Identifier(
        entity="LV_VAT",
        country="LV",
        kind=Kind.VAT,
        name="PVN reģistrācijas numurs (VAT number)",
        format="LV and eleven digits, modulo 11",
        pattern=r"LV[ -]?\d{4}[ -]?\d{4}[ -]?\d{3}|LV[ -]?\d{6}[ -]\d{5}",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Council Directive 2006/112/EC, Article 215; stdnum.lv.pvn",
        holds=pvn.is_valid,
    ),
    Identifier(
        entity="LV_VAT",
        country="LV",
        kind=Kind.VAT,
        name="PVN reģistrācijas numurs, without its country",
        format="eleven digits, the first from 4 to 9, modulo 11",
        pattern=r"[4-9]\d{3}[ -]?\d{4}[ -]?\d{3}",
        words=_VAT_WORDS,
        strength=Strength.LIKELY,
        source="State Revenue Service (VID); stdnum.lv.pvn",
        holds=pvn.is_valid,
    ),
    Identifier(
        entity="LV_ID_CARD",
        country="LV",
        kind=Kind.IDENTITY_CARD,
        name="Personas apliecība, eID (identity card number)",
        format="AANNNNNNN",
        pattern=r"[A-Z]{2}[ ]?\d{7}",
        words=(
            *("personas apliecība", "personas apliecīb*", "eid karte", "eid", "id karte"),
            *("id kart*", "apliecības numurs", "personu apliecinoš*", "identity card"),
            "id card",
        ),
        strength=Strength.FORM,
        source="Law on Personal Identification Documents; PRADO, LVA identity cards",
        holds=is_one_code,
    ),
    Identifier(
        entity="LV_PASSPORT",
        country="LV",
        kind=Kind.PASSPORT,
        name="Pase (passport number)",
        format="AANNNNNNN",
        pattern=r"[A-Z]{2}[ ]?\d{7}",
        words=(
            *("pase", "pases numurs", "pases nr", "pasi", "pases", "pasē", "passport"),
            *("passport number", "passport no", "latvian passport"),
        ),
        strength=Strength.FORM,
        source="Law on Personal Identification Documents; PRADO, LVA passports",
        holds=is_one_code,
    ),
    Identifier(
        entity="LV_DRIVING_LICENCE",
        country="LV",
        kind=Kind.DRIVING_LICENCE,
        name="Vadītāja apliecība (driving licence number)",
        format="AANNNNNN or AAANNNNNN",
        pattern=r"[A-Z]{2,3}[ ]?\d{6}",
        words=(
            *("vadītāja apliecība", "vadītāja apliecīb*", "autovadītāja apliecīb*", "tiesības"),
            *("vadītāja apliecības numurs", "autovadītāja tiesīb*", "driving licence"),
            *("driving license", "driver's license", "driver's licence", "driver license"),
        ),
        strength=Strength.FORM,
        source="Road Traffic Safety Directorate (CSDD); PRADO, LVA driving licences",
        holds=is_one_code,
    ),
    Identifier(
        entity="LV_NUMBER_PLATE",
        country="LV",
        kind=Kind.NUMBER_PLATE,
        name="Valsts reģistrācijas numurs (vehicle registration)",
        format="AA-N to AA-NNNN",
        pattern=r"[A-Z]{2}[ -]\d{1,4}|[A-Z]{2}\d{2,4}",
        words=(
            *("valsts reģistrācijas numurs", "valsts numurs", "numurzīme", "numurzīm*"),
            *("valsts numura zīme", "auto numurs", "number plate", "licence plate"),
            *("license plate", "valsts numur*", "reģistrācijas numurs", "reģ. nr"),
        ),
        strength=Strength.FORM,
        source="Cabinet Regulation on the registration of vehicles; LVS 20",
        holds=is_one_code,
    ),
)

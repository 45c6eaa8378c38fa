"""Finland: identifiers and their sources.

The personal identity code ends with a remainder of 31 (`stdnum.fi.hetu`); it is also the number
of tax, of social and health insurance, and of the driving licence.
"""

from __future__ import annotations

from stdnum.fi import alv, hetu

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_CODE_WORDS = (
    *("hetu", "henkilötunnus*", "henkilötunnukse*", "henkilötunnist*", "sosiaaliturvatunnus*"),
    *("sotu", "hlötunnus", "personbeteckning*", "personsignum", "födelsetid"),
    *(
        "personal identity code",
        "personal identification code",
        "social security",
        "national id",
    ),
)
_TAX_WORDS = (
    *("veronumero*", "veronumeroni", "skattenummer*", "skattenumret", "tax number"),
    "individual tax number",
)
_BUSINESS_WORDS = (
    *("y-tunnus*", "ytunnus", "y tunnukse*", "alv", "alv numero*", "arvonlisävero*"),
    *("fo-nummer*", "fo nummer", "momsnummer*", "mervärdesskatt*", "business id", "vat"),
    "vat number",
)
_CARD_WORDS = (
    *("henkilökortti", "henkilökortin", "henkilökortilla", "henkilökorttini"),
    *("identitetskort*", "id kort*", "identity card", "id card"),
)
_PASSPORT_WORDS = (
    *("passi", "passin", "passin numero", "passinumero*", "passini", "passnummer*", "passets"),
    *("pass nr", "passport*"),
)
_LICENCE_WORDS = (
    *(
        "ajokortti",
        "ajokortin",
        "ajokortin numero",
        "ajokorttini",
        "körkort*",
        "körkortsnummer",
    ),
    *("driving licence", "driving license", "driver's license"),
)
_PLATE_WORDS = (
    *("rekisteritunnus*", "rekisteritunnukse*", "rekisterinumero*", "rekisterikil*", "rek nro"),
    *(
        "rekkari*",
        "kilvissä",
        "kilvessä",
        "registernummer*",
        "registreringsnummer*",
        "registerskylt*",
    ),
    *("registerbeteckning*", "number plate", "licence plate", "license plate"),
    "registration number",
)

IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="FI_PERSONAL_IDENTITY_CODE",
        country="FI",
        kind=Kind.NATIONAL_ID,
        name="Henkilötunnus, personbeteckning (personal identity code)",
        format="DDMMYY-NNNC; sign of the century, remainder of 31",
        pattern=r"[0-3][0-9][01][0-9]{3}[+a-fu-y-][0-9]{3}[0-9a-y]",
        words=_CODE_WORDS,
        strength=Strength.CERTAIN,
        source="Laki väestötietojärjestelmästä 661/2009 § 11; stdnum.fi.hetu",
        holds=lambda value: hetu.is_valid(value, allow_temporary=True),
    ),
    Identifier(
        entity="FI_PERSONAL_IDENTITY_CODE",
        country="FI",
        kind=Kind.NATIONAL_ID,
        name="Henkilötunnus, personbeteckning (personal identity code), spaced",
        format="DDMMYY - NNNC; sign of the century, remainder of 31",
        pattern=r"[0-3][0-9][ .]?[01][0-9][ .]?[0-9]{2}[ ]?[+a-fu-y-][ ]?[0-9]{3}[ ]?[0-9a-y]",
        words=_CODE_WORDS,
        strength=Strength.LIKELY,
        source="Laki väestötietojärjestelmästä 661/2009 § 11; stdnum.fi.hetu",
        holds=lambda value: hetu.is_valid(
            value.replace(" ", "").replace(".", ""), allow_temporary=True
        ),
    ),
    Identifier(
        entity="FI_TAX_ID",
        country="FI",
        kind=Kind.TAX_ID,
        name="Veronumero, skattenummer (individual tax number)",
        format="NNNNNNNNNNNN",
        pattern=r"[0-9]{4}[ ]?[0-9]{4}[ ]?[0-9]{4}",
        words=_TAX_WORDS,
        strength=Strength.FORM,
        source="Verohallinto; stdnum.fi.veronumero",
    ),
    Identifier(
        entity="FI_ID_CARD",
        country="FI",
        kind=Kind.IDENTITY_CARD,
        name="Henkilökortin numero (identity card number)",
        format="AANNNNNNN, formerly NNNNNNNNA",
        pattern=r"(?:[a-z]{2}[ ]?[0-9]{7}|[0-9]{8}[0-9a-z])",
        words=_CARD_WORDS,
        strength=Strength.FORM,
        source="Henkilökorttilaki 663/2016; PRADO (Council of the EU)",
        holds=is_one_code,
    ),
    Identifier(
        entity="FI_PASSPORT",
        country="FI",
        kind=Kind.PASSPORT,
        name="Passin numero (passport number)",
        format="AANNNNNNN",
        pattern=r"[a-z]{2}[ ]?[0-9]{7}",
        words=_PASSPORT_WORDS,
        strength=Strength.FORM,
        source="Passilaki 671/2006; PRADO (Council of the EU)",
        holds=is_one_code,
    ),
    Identifier(
        entity="FI_DRIVING_LICENCE",
        country="FI",
        kind=Kind.DRIVING_LICENCE,
        name="Ajokortin numero (driving licence number)",
        format="NNNNNN-NNNA, or 8 to 10 digits",
        pattern=r"(?:[0-9]{6}-[0-9]{3}[0-9a-y]|[0-9]{8,10})",
        words=_LICENCE_WORDS,
        strength=Strength.FORM,
        source="Ajokorttilaki 386/2011; Directive 2006/126/EC, field 5",
    ),
    Identifier(
        entity="FI_VAT",
        country="FI",
        kind=Kind.VAT,
        name="Arvonlisäverotunniste (VAT number)",
        format="FINNNNNNNC; check digit modulo 11",
        pattern=r"FI[ -]?[0-9]{7}-?[0-9]",
        words=_BUSINESS_WORDS,
        strength=Strength.CERTAIN,
        source="Arvonlisäverolaki 1501/1993; stdnum.fi.alv",
        holds=lambda value: alv.is_valid(plain(value)),
    ),
    Identifier(
        entity="FI_VAT",
        country="FI",
        kind=Kind.VAT,
        name="Y-tunnus, FO-nummer (business identity code, also of one person)",
        format="NNNNNNN-C; check digit modulo 11",
        pattern=r"[0-9]{7}[ ]?-[ ]?[0-9]",
        words=_BUSINESS_WORDS,
        strength=Strength.LIKELY,
        source="Yritys- ja yhteisötietolaki 244/2001; stdnum.fi.ytunnus",
        holds=lambda value: alv.is_valid(plain(value)),
    ),
    Identifier(
        entity="FI_NUMBER_PLATE",
        country="FI",
        kind=Kind.NUMBER_PLATE,
        name="Rekisteritunnus, registernummer (vehicle registration)",
        format="AAA-NNN",
        pattern=r"(?:[a-zåäö]{2,3}[ ]?-[ ]?[0-9]{1,3}|[a-zåäö]{3}[ ]?[0-9]{3})",
        words=_PLATE_WORDS,
        strength=Strength.FORM,
        source="Ajoneuvolaki 82/2021; Traficom",
        holds=is_one_code,
    ),
)

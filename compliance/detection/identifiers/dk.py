"""Denmark: identifiers and their sources.

The civil number begins with the date of birth; most have a remainder of 11 of 0, those given
out since 2007 need not (`stdnum.dk.cpr`). There is no identity card of the state.
"""

from __future__ import annotations

from stdnum.dk import cpr, cvr

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_CIVIL_WORDS = (
    *("cpr", "cpr nummer*", "cprnummer*", "cpr nr", "cprnr", "personnummer*"),
    *("personnr", "cpr registeret", "sundhedskort*", "sygesikring*", "født"),
    *("civil registration number", "personal identification number", "national id"),
    *("social security", "health insurance"),
)
_PASSPORT_WORDS = (
    *("pasnummer*", "pas nr", "pasnr", "pas nummer", "danske pas", "dansk pas", "passet"),
    *("rejsepas", "passport*"),
)
_LICENCE_WORDS = (
    *("kørekort*", "kørekortnummer*", "kørekort nr", "koerekort", "driving licence"),
    *("driving license", "driver's license"),
)
_VAT_WORDS = (
    *("cvr", "cvr nummer*", "cvrnummer", "cvr nr", "se nummer", "se nr", "moms"),
    *("momsnummer*", "momsregistreringsnummer", "virksomhedsnummer", "vat", "vat number"),
)
_PLATE_WORDS = (
    *("nummerplade*", "registreringsnummer*", "reg nr", "regnr", "indregistrerings*"),
    *("indregistreret", "number plate", "licence plate", "license plate"),
)


def _is_civil(value: str) -> bool:
    return cpr.is_valid(plain(value))


def _is_checked_civil(value: str) -> bool:
    return _is_civil(value) and cpr.checksum(plain(value)) == 0


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="DK_NATIONAL_ID",
        country="DK",
        kind=Kind.NATIONAL_ID,
        name="CPR-nummer, personnummer (civil number, also of tax, social security and health)",
        format="DDMMYY-NNNC; remainder of 11",
        pattern=r"[0-3][0-9][01][0-9]{3}[ ]?[ -]?[ ]?[0-9]{4}",
        words=_CIVIL_WORDS,
        strength=Strength.CERTAIN,
        source="CPR-loven; CPR-kontoret; stdnum.dk.cpr",
        holds=_is_checked_civil,
    ),
    Identifier(
        entity="DK_NATIONAL_ID",
        country="DK",
        kind=Kind.NATIONAL_ID,
        name="CPR-nummer without check digit (civil number, since 2007)",
        format="DDMMYY-NNNN",
        pattern=r"[0-3][0-9][01][0-9]{3}[ ]?[ -][ ]?[0-9]{4}",
        words=_CIVIL_WORDS,
        strength=Strength.LIKELY,
        source="CPR-kontoret, Personnumre uden kontrolciffer; stdnum.dk.cpr",
        holds=_is_civil,
    ),
    Identifier(
        entity="DK_NATIONAL_ID",
        country="DK",
        kind=Kind.NATIONAL_ID,
        name="CPR-nummer without check digit or separator (civil number, since 2007)",
        format="DDMMYYNNNN",
        pattern=r"[0-3][0-9][01][0-9]{7}",
        words=_CIVIL_WORDS,
        strength=Strength.FORM,
        source="CPR-kontoret, Personnumre uden kontrolciffer; stdnum.dk.cpr",
        holds=_is_civil,
    ),
    Identifier(
        entity="DK_PASSPORT",
        country="DK",
        kind=Kind.PASSPORT,
        name="Pasnummer (passport number)",
        format="NNNNNNNNN",
        pattern=r"[0-9]{9}",
        words=_PASSPORT_WORDS,
        strength=Strength.FORM,
        source="Pasbekendtgørelsen; PRADO (Council of the EU)",
    ),
    Identifier(
        entity="DK_DRIVING_LICENCE",
        country="DK",
        kind=Kind.DRIVING_LICENCE,
        name="Kørekortnummer (driving licence number)",
        format="NNNNNNNN",
        pattern=r"[0-9]{8}",
        words=_LICENCE_WORDS,
        strength=Strength.FORM,
        source="Kørekortbekendtgørelsen; Directive 2006/126/EC, field 5",
    ),
    Identifier(
        entity="DK_VAT",
        country="DK",
        kind=Kind.VAT,
        name="Momsregistreringsnummer (VAT number)",
        format="DKNNNNNNNC; remainder of 11",
        pattern=r"DK[ -]?[0-9]{2}[ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?[0-9]{2}",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Momsloven § 47; stdnum.dk.cvr",
        holds=lambda value: cvr.is_valid(plain(value)),
    ),
    Identifier(
        entity="DK_VAT",
        country="DK",
        kind=Kind.VAT,
        name="CVR-nummer (number of a business, also of one person)",
        format="NNNNNNNC; remainder of 11",
        pattern=r"[0-9]{2}[ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?[0-9]{2}",
        words=_VAT_WORDS,
        strength=Strength.FORM,
        source="CVR-loven; stdnum.dk.cvr",
        holds=lambda value: cvr.is_valid(plain(value)),
    ),
    Identifier(
        entity="DK_NUMBER_PLATE",
        country="DK",
        kind=Kind.NUMBER_PLATE,
        name="Registreringsnummer (vehicle registration)",
        format="AA NN NNN",
        pattern=r"[a-z]{2}[ -]?[0-9]{2}[ .]?[0-9]{3}",
        words=_PLATE_WORDS,
        strength=Strength.FORM,
        source="Registreringsbekendtgørelsen, Motorstyrelsen",
        holds=is_one_code,
    ),
)

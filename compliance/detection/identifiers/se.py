"""Identifiers of Sweden: personnummer, documents, VAT and plates.

Sources: Skatteverket (SKV 704 Personnummer, SKV 707 Samordningsnummer, moms), Polismyndigheten
and PRADO (pass, nationellt id-kort), Transportstyrelsen (körkort, registrering).
"""

from __future__ import annotations

from stdnum import luhn
from stdnum.se import orgnr, vat

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import (
    is_one_code,
    is_past,
    is_past_in_some_century,
    plain,
)

_PERSON = r"(?:(?:18|19|20)[ ]?)?\d{2}[ ]?[01]\d[ ]?[0-9]\d[ ]?[\-+–]?[ ]?\d{4}"


def _is_personnummer(value: str) -> bool:
    """Luhn over the last ten digits; 60 is added to the day of a coordination number."""
    digits = plain(value)
    year, month, day = int(digits[:-8]), int(digits[-8:-6]), int(digits[-6:-4])
    if not luhn.is_valid(digits[-10:]):
        return False
    day = day - 60 if day > 60 else day
    if len(digits) == 12:
        return is_past(year, month, day)
    return is_past_in_some_century(year, month, day)


_MONEY = frozenset({"SEK", "EUR", "USD", "NOK", "DKK", "GBP", "CHF", "ISO", "PLN"})


def _is_plate(value: str) -> bool:
    """Not an amount of money."""
    return is_one_code(value) and plain(value)[:3] not in _MONEY


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="SE_PERSONNUMMER",
        country="SE",
        kind=Kind.NATIONAL_ID,
        name="Personnummer, samordningsnummer (personal and coordination number)",
        format="[YY]YYMMDD-NNNC, Luhn; + for those above 100; day + 60 for coordination",
        pattern=_PERSON,
        words=(
            *(
                "personnummer*",
                "person nummer",
                "personnr",
                "pnr",
                "p.nr",
                "samordningsnummer*",
            ),
            *("samordningsnr", "personal identity number", "swedish id", "social security"),
            *("person-nr", "id-nummer", "personbeteckning*", "personal number", "national id"),
            *("födelsenummer", "födelsenr", "skattenummer", "tin", "ssn"),
        ),
        strength=Strength.CERTAIN,
        source="Skatteverket, SKV 704 and SKV 707",
        holds=_is_personnummer,
    ),
    Identifier(
        entity="SE_VAT",
        country="SE",
        kind=Kind.VAT,
        name="Momsregistreringsnummer (VAT number)",
        format="SE, ten digits with Luhn, 01",
        pattern=r"SE[ \-]?\d{6}[ \-]?\d{4}[ \-]?01",
        words=(
            "moms*",
            "momsreg*",
            "vat",
            "vat-nummer",
            "momsnr",
            "vat number",
            "mervärdesskatt*",
        ),
        strength=Strength.CERTAIN,
        source="Skatteverket, momsregistreringsnummer; stdnum.se.vat",
        holds=vat.is_valid,
    ),
    Identifier(
        entity="SE_TAX_ID",
        country="SE",
        kind=Kind.TAX_ID,
        name="Organisationsnummer (registration and tax number of a company)",
        format="NNNNNN-NNNC, third digit 2 or more, Luhn",
        pattern=r"[1-9]\d[2-9]\d{3}[ ]?[\-–]?[ ]?\d{4}",
        words=(
            *("organisationsnummer*", "org.nr", "orgnr", "org nr", "org-nr", "orgnummer"),
            *("företag*", "bolag*", "f-skatt*", "organisation number", "company number"),
        ),
        strength=Strength.LIKELY,
        source="Skatteverket, SKV 709; stdnum.se.orgnr",
        holds=lambda value: orgnr.is_valid(plain(value)),
    ),
    Identifier(
        entity="SE_PASSPORT",
        country="SE",
        kind=Kind.PASSPORT,
        name="Pass (passport)",
        format="eight digits, or two letters and six digits",
        pattern=r"\d{8}|[A-Z]{2}[ ]?\d{6}",
        words=(
            "passnummer*",
            "passnr",
            "pass nr",
            "svenskt pass",
            "passport*",
            "pass-nr",
        ),
        strength=Strength.FORM,
        source="PRADO, SWE-AO",
        holds=is_one_code,
    ),
    Identifier(
        entity="SE_ID_CARD",
        country="SE",
        kind=Kind.IDENTITY_CARD,
        name="Nationellt identitetskort (national identity card)",
        format="eight digits, or two letters and six digits",
        pattern=r"\d{8}|[A-Z]{2}[ ]?\d{6}",
        words=(
            *("id-kort*", "idkort*", "identitetskort*", "legitimation*"),
            *("id-handling*", "identity card", "id card", "nationellt id-kort"),
        ),
        strength=Strength.FORM,
        source="PRADO, SWE-BO",
        holds=is_one_code,
    ),
    Identifier(
        entity="SE_DRIVING_LICENCE",
        country="SE",
        kind=Kind.DRIVING_LICENCE,
        name="Körkort (driving licence)",
        format="the holder's personnummer",
        pattern=_PERSON,
        words=(
            "körkort*",
            "körkortsnummer",
            "körkortsnr",
            "driving licence",
            "driver's license",
        ),
        strength=Strength.FORM,
        source="Transportstyrelsen, körkort field 4d and 5; PRADO, SWE-FO",
        holds=_is_personnummer,
    ),
    Identifier(
        entity="SE_NUMBER_PLATE",
        country="SE",
        kind=Kind.NUMBER_PLATE,
        name="Registreringsnummer (vehicle registration)",
        format="LLL NNN or LLL NNL",
        pattern=r"[A-HJ-PR-UW-Z]{3}[ \-]?\d{2}[0-9A-HJ-NPR-UW-Z]",
        words=(
            *(
                "registreringsnummer*",
                "regnr",
                "reg.nr",
                "reg nr",
                "registreringsskylt*",
                "bil",
            ),
            *(
                "bilen",
                "fordon*",
                "number plate",
                "license plate",
                "nummerplåt*",
                "registration",
            ),
            *("regnummer", "reg-nr", "licence plate", "vehicle", "car"),
        ),
        strength=Strength.FORM,
        source="Transportstyrelsen, registreringsskyltar",
        holds=_is_plate,
    ),
)
"""Every identifier of Sweden."""

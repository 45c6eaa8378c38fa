"""Identifiers of Norway: fødselsnummer, D-nummer, MVA, documents and plates.

Sources: Skatteetaten (fødselsnummer, D-nummer), Norsk helsenett (H-nummer, FH-nummer),
Brønnøysundregistrene (organisasjonsnummer, MVA), Politiet, Statens vegvesen, PRADO.
"""

from __future__ import annotations

import datetime as dt

from stdnum.no import fodselsnummer, mva, orgnr

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain


def _is_fodselsnummer(value: str) -> bool:
    """Two check digits; months above 40 and 80 mark numbers of hospitals and of tests."""
    digits = plain(value)
    if fodselsnummer.is_valid(digits):
        return True
    if (
        fodselsnummer.calc_check_digit1(digits) != digits[9]
        or fodselsnummer.calc_check_digit2(digits) != digits[10]
    ):
        return False
    day, month = int(digits[:2]) % 40, int(digits[2:4]) % 40
    try:
        dt.date(2000, month, day)
    except ValueError:
        return False
    return True


def _is_mva(value: str) -> bool:
    return mva.is_valid(plain(value).removeprefix("NO"))


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="NO_NATIONAL_ID",
        country="NO",
        kind=Kind.NATIONAL_ID,
        name="Fødselsnummer, D-nummer (birth number)",
        format="DDMMYY NNNCC, two check digits modulo 11; day + 40 in a D-number",
        pattern=r"[0-7]\d[ .]?\d{2}[ .]?\d{2}[ \-]?\d{3}[ ]?\d{2}",
        words=(
            *("fødselsnummer*", "fødselsnr", "personnummer*", "fnr", "f.nr", "d-nummer", "dnr"),
            *(
                "fodselsnummer",
                "personnr",
                "fødsels- og personnummer",
                "national identity number",
            ),
            *("fødselsnummeret", "national id", "fødselstal", "social security"),
        ),
        strength=Strength.CERTAIN,
        source="Skatteetaten, fødselsnummer; stdnum.no.fodselsnummer",
        holds=_is_fodselsnummer,
    ),
    Identifier(
        entity="NO_VAT",
        country="NO",
        kind=Kind.VAT,
        name="Merverdiavgift, MVA (VAT number)",
        format="nine digits modulo 11, MVA",
        pattern=r"(?:NO[ \-]?)?\d{3}[ ]?\d{3}[ ]?\d{3}[ ]?MVA",
        words=("mva", "merverdiavgift*", "vat", "org.nr", "orgnr", "moms"),
        strength=Strength.CERTAIN,
        source="Brønnøysundregistrene; stdnum.no.mva",
        holds=_is_mva,
    ),
    Identifier(
        entity="NO_TAX_ID",
        country="NO",
        kind=Kind.TAX_ID,
        name="Organisasjonsnummer (number of an enterprise, also of one person)",
        format="nine digits beginning with 8 or 9, modulo 11",
        pattern=r"[89]\d{2}[ ]?\d{3}[ ]?\d{3}",
        words=(
            *("organisasjonsnummer*", "org.nr", "orgnr", "org nr", "orgnummer", "foretak*"),
            *("enkeltpersonforetak*", "organisation number", "bedrift*", "org-nr"),
        ),
        strength=Strength.LIKELY,
        source="Brønnøysundregistrene; stdnum.no.orgnr",
        holds=lambda value: orgnr.is_valid(plain(value)),
    ),
    Identifier(
        entity="NO_PASSPORT",
        country="NO",
        kind=Kind.PASSPORT,
        name="Pass (passport)",
        format="eight digits, or three letters and six digits",
        pattern=r"\d{8}|[A-Z]{2,3}[ ]?\d{6}",
        words=("passnummer*", "passnr", "pass nr", "norsk pass", "passport*"),
        strength=Strength.FORM,
        source="PRADO, NOR-AO",
        holds=is_one_code,
    ),
    Identifier(
        entity="NO_ID_CARD",
        country="NO",
        kind=Kind.IDENTITY_CARD,
        name="Nasjonalt ID-kort (national identity card)",
        format="eight digits, or three letters and six digits",
        pattern=r"\d{8}|[A-Z]{2,3}[ ]?\d{6}",
        words=(
            "id-kort*",
            "idkort*",
            "nasjonalt id-kort",
            "legitimasjon*",
            "identitetskort*",
            "id card",
        ),
        strength=Strength.FORM,
        source="PRADO, NOR-BO",
        holds=is_one_code,
    ),
    Identifier(
        entity="NO_DRIVING_LICENCE",
        country="NO",
        kind=Kind.DRIVING_LICENCE,
        name="Førerkort (driving licence)",
        format="NN NN NNNNNN N",
        pattern=r"\d{2}[ ]?\d{2}[ ]?\d{6}[ ]?\d",
        words=(
            "førerkort*",
            "førerkortnummer",
            "driving licence",
            "forerkort",
        ),
        strength=Strength.FORM,
        source="Statens vegvesen; PRADO, NOR-FO",
    ),
    Identifier(
        entity="NO_NUMBER_PLATE",
        country="NO",
        kind=Kind.NUMBER_PLATE,
        name="Registreringsnummer (vehicle registration)",
        format="two letters and five digits; four for motorcycles",
        pattern=r"[A-HJ-NPR-Z]{2}[ \-]?\d{4,5}",
        words=(
            *("registreringsnummer*", "regnr", "reg.nr", "bilnummer", "skilt*", "bil", "bilen"),
            *(
                "kjøretøy*",
                "number plate",
                "license plate",
                "kjennemerke*",
                "bilskilt",
                "køyretøy*",
            ),
        ),
        strength=Strength.FORM,
        source="Statens vegvesen, kjennemerker",
        holds=is_one_code,
    ),
)
"""Every identifier of Norway."""

"""Belgium: identifiers and their sources.

The register number (of residents and, as BIS number, of others), the card number and the
enterprise number carry a remainder of 97 (`stdnum.be`).
"""

from __future__ import annotations

from stdnum.be import eid, ssn, vat

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_REGISTER_WORDS = (
    *("rijksregisternummer*", "rijksregister*", "rijksregisternr", "nationaal nummer"),
    *("insz", "bis nummer", "identificatienummer van de sociale zekerheid"),
    *("numéro national", "numéro de registre national", "registre national", "niss", "rrn"),
    *("numéro bis", "n° national", "numéro d'identification de la sécurité sociale"),
    *("nationalregister*", "nationalregisternummer", "erkennungsnummer"),
    *("national number", "national register", "national registration", "social security"),
)
_CARD_WORDS = (
    *("identiteitskaart*", "kaartnummer*", "eid", "identiteitskaartnummer", "verblijfstitel"),
    *("carte d'identité", "numéro de carte", "numéro de la carte", "titre de séjour"),
    *("personalausweis*", "identity card", "id card", "residence card"),
)
_PASSPORT_WORDS = (
    *("paspoort*", "paspoortnummer*", "reispas", "passeport*", "reisepass*", "passport*"),
    "pasnummer",
)
_LICENCE_WORDS = (
    *("rijbewijs*", "rijbewijsnummer*", "permis de conduire", "numéro de permis"),
    *("führerschein*", "driving licence", "driving license", "driver's license"),
)
_VAT_WORDS = (
    *("btw", "btw nummer", "btwnummer", "ondernemingsnummer*", "kbo", "kbo nummer"),
    *("tva", "numéro de tva", "numéro d'entreprise", "n° d'entreprise", "bce"),
    *("mwst", "unternehmensnummer*", "zdu", "vat", "enterprise number", "company number"),
)
_PLATE_WORDS = (
    *("nummerplaat", "nummerplaten", "kentekenplaat", "kenteken", "inschrijvingsnummer"),
    *(
        "plaque d'immatriculation",
        "plaque",
        "plaques",
        "immatriculation",
        "immatriculé*",
        "numéro de plaque",
    ),
    *("plaque minéralogique", "nummernschild*", "kennzeichen", "number plate"),
    *("licence plate", "license plate"),
)


def _is_vat(value: str) -> bool:
    number = plain(value).removeprefix("BE")
    return vat.is_valid(number.zfill(10)) and number.zfill(10)[0] in "01"


def _is_register_number(value: str) -> bool:
    """A number whose month (20 or 40 higher in a BIS number) and day can be, or are unknown."""
    number = plain(value)
    month, day = int(number[2:4]), int(number[4:6])
    return ssn.is_valid(number) and month <= 52 and month % 20 <= 12 and day <= 31


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="BE_NATIONAL_ID",
        country="BE",
        kind=Kind.NATIONAL_ID,
        name=(
            "Rijksregisternummer, numéro national, INSZ, NISS (national register number, also "
            "that of social security, health insurance and tax)"
        ),
        format="YY.MM.DD-NNN.CC; CC from the remainder of 97",
        pattern=(
            r"[0-9]{2}[ ./-]?[0-9]{2}[ ./-]?[0-9]{2}[ ]?[ ./-]?[ ]?[0-9]{3}[ ./-]?[0-9]{2}"
        ),
        words=_REGISTER_WORDS,
        strength=Strength.CERTAIN,
        source="Koninklijk besluit of 3 April 1984; stdnum.be.nn, stdnum.be.bis",
        holds=_is_register_number,
    ),
    Identifier(
        entity="BE_ID_CARD",
        country="BE",
        kind=Kind.IDENTITY_CARD,
        name="Kaartnummer, numéro de carte (number of an electronic identity card)",
        format="NNN-NNNNNNN-CC; CC is the remainder of 97",
        pattern=r"[0-9]{3}[ .-]?[0-9]{7}[ .-]?[0-9]{2}",
        words=_CARD_WORDS,
        strength=Strength.CERTAIN,
        source="ibz, Algemene Directie Instellingen en Bevolking; stdnum.be.eid",
        holds=lambda value: eid.is_valid(plain(value)),
    ),
    Identifier(
        entity="BE_ID_CARD",
        country="BE",
        kind=Kind.IDENTITY_CARD,
        name="Kaartnummer, numéro de carte (number of a residence card)",
        format="B NNNNNNN NN",
        pattern=r"B[ ]?[0-9]{7}[ ]?[0-9]{2}",
        words=_CARD_WORDS,
        strength=Strength.FORM,
        source="PRADO (Council of the EU)",
        holds=is_one_code,
    ),
    Identifier(
        entity="BE_PASSPORT",
        country="BE",
        kind=Kind.PASSPORT,
        name="Paspoortnummer, numéro de passeport (passport number)",
        format="AA NNNNNN",
        pattern=r"[a-z]{2}[ ]?[0-9]{6}",
        words=_PASSPORT_WORDS,
        strength=Strength.FORM,
        source="PRADO (Council of the EU)",
        holds=is_one_code,
    ),
    Identifier(
        entity="BE_DRIVING_LICENCE",
        country="BE",
        kind=Kind.DRIVING_LICENCE,
        name="Rijbewijsnummer, numéro de permis de conduire (driving licence number)",
        format="NNNNNNNNNN",
        pattern=r"[0-9]{4}[ ]?[0-9]{2,3}[ ]?[0-9]{3,4}",
        words=_LICENCE_WORDS,
        strength=Strength.FORM,
        source="Directive 2006/126/EC, field 5; FOD Mobiliteit",
        holds=lambda value: len(plain(value)) == 10,
    ),
    Identifier(
        entity="BE_VAT",
        country="BE",
        kind=Kind.VAT,
        name="Btw-nummer, numéro de TVA (VAT number)",
        format="BE NNNN.NNN.NCC; CC from the remainder of 97",
        pattern=r"BE[ .-]?[01]?[0-9]{3}[ .-]?[0-9]{3}[ .-]?[0-9]{3}",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Btw-Wetboek art. 50; stdnum.be.vat",
        holds=_is_vat,
    ),
    Identifier(
        entity="BE_VAT",
        country="BE",
        kind=Kind.VAT,
        name="Ondernemingsnummer, numéro d'entreprise (enterprise number)",
        format="NNNN.NNN.NCC; CC from the remainder of 97",
        pattern=r"[01][0-9]{3}\.[0-9]{3}\.[0-9]{3}",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Kruispuntbank van Ondernemingen; stdnum.be.vat",
        holds=_is_vat,
    ),
    Identifier(
        entity="BE_VAT",
        country="BE",
        kind=Kind.VAT,
        name="Ondernemingsnummer, numéro d'entreprise, otherwise separated",
        format="NNNNNNNNCC; CC from the remainder of 97",
        pattern=r"[01][0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}",
        words=_VAT_WORDS,
        strength=Strength.FORM,
        source="Kruispuntbank van Ondernemingen; stdnum.be.vat",
        holds=_is_vat,
    ),
    Identifier(
        entity="BE_NUMBER_PLATE",
        country="BE",
        kind=Kind.NUMBER_PLATE,
        name="Nummerplaat, plaque d'immatriculation (vehicle registration)",
        format="N-AAA-NNN, formerly AAA-NNN",
        pattern=r"(?:[1-9][ -]?)?(?:[a-z]{3}[ -]?[0-9]{3}|[0-9]{3}[ -]?[a-z]{3})",
        words=_PLATE_WORDS,
        strength=Strength.FORM,
        source="Koninklijk besluit of 20 July 2001; FOD Mobiliteit",
        holds=is_one_code,
    ),
)

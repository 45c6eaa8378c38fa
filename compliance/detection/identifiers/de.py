"""Germany: identifiers and their sources.

The tax number of a person is `stdnum.de.idnr`; the check digits of pension and health insurance
and of a doctor's number are those of Presidio's recognisers, whose names the entities keep.
"""

from __future__ import annotations

from presidio_analyzer import predefined_recognizers as stock
from stdnum.de import idnr, stnr, vat
from stdnum.iso7064 import mod_11_10

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_TAX_ID_WORDS = (
    *("steueridentifikationsnummer*", "steuer identifikationsnummer*", "steuer id", "steuerid"),
    *("steuer idnr", "steueridnr", "steuer id nr", "steuer ident nr", "steuer ident nummer"),
    *("steuerliche identifikation*", "persönliche identifikationsnummer"),
    *("identifikationsnummer*", "idnr", "id nr", "bzst", "tin", "tax id", "tax number"),
    "tax identification number",
)
_TAX_NUMBER_WORDS = (
    *("steuernummer*", "steuer nummer", "steuer nr", "steuernr", "st nr", "stnr", "finanzamt"),
    *("finanzamts", "steuerbescheid*", "einkommensteuer*", "umsatzsteuer*", "elster"),
    "tax number",
)
_PENSION_WORDS = (
    *("rentenversicherungsnummer*", "sozialversicherungsnummer*", "versicherungsnummer*"),
    *(
        "rvnr",
        "svnr",
        "vers nr",
        "versicherungs nr",
        "sv nummer",
        "sv nr",
        "rv nummer",
        "vsnr",
        "rentenversicherung*",
    ),
    *("sozialversicherung*", "sozialversicherungsausweis*", "drv", "pension insurance"),
    "social security",
)
_HEALTH_WORDS = (
    *("krankenversichertennummer*", "krankenversicherungsnummer*", "versichertennummer*"),
    *("versicherten nr", "versichertennr", "versicherten id", "kvnr", "kv nr", "kv nummer"),
    *("krankenversicherten nr", "krankenkasse*", "gesundheitskarte*", "egk", "versicherte*"),
    *("krankenversicherung*", "versichertenkarte*", "versicherungsnummer*", "health insurance"),
)
_CARD_WORDS = (
    *("personalausweis*", "ausweisnummer*", "ausweis nr", "ausweisnr", "ausweis", "perso"),
    *("ausweisdokument*", "dokumentennummer*", "dokumentnummer*", "npa", "aufenthaltstitel*"),
    *("personalausweisnummer", "identity card", "id card", "national id"),
)
_PASSPORT_WORDS = (
    *("reisepass*", "reisepaß", "passnummer*", "pass nr", "passnr", "pass nummer", "pass"),
    *("paß", "reisedokument*", "dokumentennummer*", "ausweisdokument*", "mrz", "passport*"),
)
_LICENCE_WORDS = (
    *("führerschein*", "fuehrerschein*", "führerscheinnummer", "fahrerlaubnis*", "lappen"),
    *("driving licence", "driving license", "driver's license", "driver license"),
)
_VAT_WORDS = (
    *("umsatzsteuer identifikationsnummer*", "umsatzsteueridentifikationsnummer*", "ust idnr"),
    *("ust id", "ustid", "ustidnr", "ust id nr", "umsatzsteuer id", "mehrwertsteuer*", "vat"),
    *("vat id", "vat number", "umsatzsteuer"),
)
_PLATE_WORDS = (
    *("kennzeichen", "kfz kennzeichen", "autokennzeichen", "fahrzeugkennzeichen"),
    *("kraftfahrzeugkennzeichen", "amtliches kennzeichen", "amtlichen kennzeichen"),
    *("wunschkennzeichen", "nummernschild*", "autonummer*", "fahrzeugschein*"),
    *("fahrzeugbrief*", "zulassungsbescheinigung*", "fahrzeughalter*", "kfz", "pkw", "lkw"),
    *("number plate", "licence plate", "license plate", "registration number"),
)
_DOCTOR_WORDS = (
    *("lanr", "arztnummer*", "lebenslange arztnummer", "arzt nr", "arztnr", "arzt nummer"),
    *("vertragsarzt*", "doctor number"),
)

_PENSION = stock.DeSocialSecurityRecognizer()
_HEALTH = stock.DeHealthInsuranceRecognizer()
_DOCTOR = stock.DeLanrRecognizer()

_ICAO = "[0-9cfghjklmnprtvwxyz]"
_WEIGHTS = (7, 3, 1) * 3


def _is_document(value: str) -> bool:
    """Nine characters, one of them a digit at least."""
    return any(map(str.isdigit, value)) and is_one_code(value)


def _is_checked_document(value: str) -> bool:
    """Nine characters and their check digit (ICAO Doc 9303 part 3, which no library has)."""
    number = plain(value)
    total = sum(w * int(c, 36) for w, c in zip(_WEIGHTS, number[:9], strict=True))
    return _is_document(number[:9]) and total % 10 == int(number[9])


def _is_mixed_document(value: str) -> bool:
    """One that is not a letter with figures behind, as many another number is."""
    return sum(map(str.isalpha, value[:9])) > 1 and _is_checked_document(value)


def _is_document_beside_a_word(value: str) -> bool:
    return _is_checked_document(value) if len(plain(value)) > 9 else _is_document(value)


def _is_checked_number(value: str) -> bool:
    number = plain(value)
    total = sum(w * int(c) for w, c in zip(_WEIGHTS, number[:9], strict=True))
    return total % 10 == int(number[9])


def _is_tax_id_of_any_digits(value: str) -> bool:
    return mod_11_10.is_valid(plain(value)) and len(set(plain(value))) > 3


def _is_licence(value: str) -> bool:
    return not value.isdigit() and not value.isalpha()


_MAKES = frozenset({"AMG", "BMW", "BYD", "KIA", "KTM", "VW"})


def _is_plate(value: str) -> bool:
    """The digits have no leading zero; words or makes with a number behind are no plates."""
    digits = "".join(filter(str.isdigit, value))
    district = value.replace("-", " ").split(maxsplit=1)[0].upper()
    return not digits.startswith("0") and is_one_code(value) and district not in _MAKES


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="DE_TAX_ID",
        country="DE",
        kind=Kind.TAX_ID,
        name="Steuerliche Identifikationsnummer, IdNr. (tax identification number)",
        format="NN NNN NNN NNC; one digit twice or thrice, check digit ISO 7064 modulo 11, 10",
        pattern=r"[1-9][0-9][ ./-]?[0-9]{3}[ ./-]?[0-9]{3}[ ./-]?[0-9]{3}",
        words=_TAX_ID_WORDS,
        strength=Strength.CERTAIN,
        source="Abgabenordnung § 139b; Bundeszentralamt für Steuern; stdnum.de.idnr",
        holds=lambda value: idnr.is_valid(plain(value)),
    ),
    Identifier(
        entity="DE_TAX_ID",
        country="DE",
        kind=Kind.TAX_ID,
        name="Steuerliche Identifikationsnummer, IdNr., of any digits, as forms take it",
        format="NN NNN NNN NNC; check digit ISO 7064 modulo 11, 10",
        pattern=r"[1-9][0-9][ ./-]?[0-9]{3}[ ./-]?[0-9]{3}[ ./-]?[0-9]{3}",
        words=_TAX_ID_WORDS,
        strength=Strength.FORM,
        source="Abgabenordnung § 139b; presidio-analyzer DeTaxIdRecognizer",
        holds=_is_tax_id_of_any_digits,
    ),
    Identifier(
        entity="DE_TAX_NUMBER",
        country="DE",
        kind=Kind.TAX_ID,
        name="Steuernummer (number at a tax office)",
        format="10 or 11 digits, as FF/BBB/UUUUP, FFF/BBB/UUUUP or FFF/BBBB/UUUP; or 13",
        pattern=(
            r"(?:[0-9]{2,3}[ ]?[/ -]?[ ]?[0-9]{3,4}[ ]?[/ -]?[ ]?[0-9]{4,5}|[1-9][0-9]{12})"
        ),
        words=_TAX_NUMBER_WORDS,
        strength=Strength.FORM,
        source="Abgabenordnung § 139a; stdnum.de.stnr",
        holds=lambda value: stnr.is_valid(plain(value)),
    ),
    Identifier(
        entity="DE_SOCIAL_SECURITY",
        country="DE",
        kind=Kind.SOCIAL_SECURITY,
        name="Rentenversicherungsnummer, Sozialversicherungsnummer (pension insurance number)",
        format="BB DDMMYY A NN C; check digit modulo 10",
        pattern=(
            r"[0-9]{2}[ ./-]?[0-9]{2}[ ./-]?[01][0-9][ ./-]?[0-9]{2}[ ./-]?[a-z][ ./-]?[0-9]{2}"
            r"[ ./-]?[0-9]"
        ),
        words=_PENSION_WORDS,
        strength=Strength.CERTAIN,
        source="SGB VI § 147; VKVV § 2; presidio-analyzer DeSocialSecurityRecognizer",
        holds=lambda value: _PENSION.validate_result(plain(value)) is True,
    ),
    Identifier(
        entity="DE_HEALTH_INSURANCE",
        country="DE",
        kind=Kind.HEALTH_INSURANCE,
        name="Krankenversichertennummer, KVNR (health insurance number)",
        format="ANNNNNNNNC; check digit modulo 10",
        pattern=r"[a-z][ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}",
        words=_HEALTH_WORDS,
        strength=Strength.LIKELY,
        source="SGB V § 290; presidio-analyzer DeHealthInsuranceRecognizer",
        holds=lambda value: _HEALTH.validate_result(plain(value)) is True,
    ),
    Identifier(
        entity="DE_ID_CARD",
        country="DE",
        kind=Kind.IDENTITY_CARD,
        name="Seriennummer des Personalausweises with check digit (identity card number)",
        format="nine digits and consonants, check digit of ICAO Doc 9303",
        pattern=r"[lmnprtvwxy]" + _ICAO + r"{8}[ ]?[0-9]D?",
        words=_CARD_WORDS,
        strength=Strength.LIKELY,
        source="Personalausweisverordnung; ICAO Doc 9303 part 3",
        holds=_is_mixed_document,
    ),
    Identifier(
        entity="DE_ID_CARD",
        country="DE",
        kind=Kind.IDENTITY_CARD,
        name="Seriennummer des Personalausweises (identity card number)",
        format="nine digits and consonants, a letter first; or T and 8 digits",
        pattern=r"[cfghjklmnprtvwxyz]" + _ICAO + r"{8}(?:[ ]?[0-9]D?)?",
        words=_CARD_WORDS,
        strength=Strength.FORM,
        source="Personalausweisverordnung; ICAO Doc 9303",
        holds=_is_document_beside_a_word,
    ),
    Identifier(
        entity="DE_ID_CARD",
        country="DE",
        kind=Kind.IDENTITY_CARD,
        name="Nummer des Personalausweises until 2010 (identity card number)",
        format="NNNNNNNNNC, D behind it on the card",
        pattern=r"[0-9]{9}[ ]?[0-9]D?",
        words=_CARD_WORDS,
        strength=Strength.FORM,
        source="Personalausweisgesetz of 1986; ICAO Doc 9303 part 3",
        holds=_is_checked_number,
    ),
    Identifier(
        entity="DE_PASSPORT",
        country="DE",
        kind=Kind.PASSPORT,
        name="Passnummer with check digit (passport number)",
        format="nine digits and consonants, check digit of ICAO Doc 9303",
        pattern=r"[cfghjk]" + _ICAO + r"{8}[ ]?[0-9]D?",
        words=_PASSPORT_WORDS,
        strength=Strength.LIKELY,
        source="Passverordnung; ICAO Doc 9303 part 3",
        holds=_is_mixed_document,
    ),
    Identifier(
        entity="DE_PASSPORT",
        country="DE",
        kind=Kind.PASSPORT,
        name="Passnummer (passport number)",
        format="nine digits and consonants, a letter first; provisional: A or E and 7 digits",
        pattern=r"(?:[cfghjklmnprtvwxyz]" + _ICAO + r"{8}(?:[ ]?[0-9]D?)?|[ae][ ]?[0-9]{7})",
        words=_PASSPORT_WORDS,
        strength=Strength.FORM,
        source="Passverordnung; ICAO Doc 9303",
        holds=_is_document_beside_a_word,
    ),
    Identifier(
        entity="DE_FUEHRERSCHEIN",
        country="DE",
        kind=Kind.DRIVING_LICENCE,
        name="Führerscheinnummer (driving licence number)",
        format="authority ANNN, five digits or letters, check digit, issue; or AA NNNNNNNN A",
        pattern=(
            r"(?:[0-9a-z][0-9]{2}[0-9a-z][0-9a-z]{5}[0-9x][0-9a-z]|[a-z]{2}[0-9]{8}[0-9a-z])"
        ),
        words=_LICENCE_WORDS,
        strength=Strength.FORM,
        source="Fahrerlaubnis-Verordnung, Anlage 8; Presidio, DeFuehrerscheinRecognizer",
        holds=_is_licence,
    ),
    Identifier(
        entity="DE_VAT_ID",
        country="DE",
        kind=Kind.VAT,
        name="Umsatzsteuer-Identifikationsnummer, USt-IdNr. (VAT number)",
        format="DENNNNNNNNC; check digit ISO 7064 modulo 11, 10",
        pattern=r"DE[ .-]?[1-9][0-9]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{3}",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="UStG § 27a; stdnum.de.vat",
        holds=lambda value: vat.is_valid(plain(value)),
    ),
    Identifier(
        entity="DE_KFZ",
        country="DE",
        kind=Kind.NUMBER_PLATE,
        name="Kfz-Kennzeichen (vehicle registration)",
        format="district, one or two letters, up to four digits, E or H: M-AB 1234",
        pattern=r"[a-zäöü]{1,3}[ ]?[- ][ ]?[a-z]{1,2}[ -]?[0-9]{1,4}[ ]?[eh]?",
        words=_PLATE_WORDS,
        strength=Strength.FORM,
        source="Fahrzeug-Zulassungsverordnung § 9",
        holds=_is_plate,
    ),
    Identifier(
        entity="DE_LANR",
        country="DE",
        kind=Kind.OTHER,
        name="Lebenslange Arztnummer, LANR (number of a doctor)",
        format="NNNNNNCGG; check digit modulo 10, group GG",
        pattern=r"[0-9]{6}[ ]?[0-9][ ]?[0-9]{2}",
        words=_DOCTOR_WORDS,
        strength=Strength.FORM,
        source="SGB V § 75; presidio-analyzer DeLanrRecognizer",
        holds=lambda value: _DOCTOR.validate_result(plain(value)) is True,
    ),
)

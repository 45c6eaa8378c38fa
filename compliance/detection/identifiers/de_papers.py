"""Germany: identity cards, passports, driving licences and number plates.

The serial numbers of cards and passports have letters that are no vowels and not mistaken for
figures, and a check digit of ICAO Doc 9303 that is often left out.
"""

from __future__ import annotations

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_CARD_WORDS = (
    *(
        "personalausweis*",
        "ausweisnummer*",
        "ausweis nr",
        "ausweisnr",
        "ausweis",
        "perso",
        "pa nr",
    ),
    *("ausweisdokument*", "dokumentennummer*", "dokumentnummer*", "npa", "aufenthaltstitel*"),
    *("personalausweisnummer", "identity card", "id card", "national id"),
)
_PASSPORT_WORDS = (
    *("reisepass*", "reisepaß", "passnummer*", "pass nr", "passnr", "pass nummer", "pass"),
    *("paß", "reisedokument*", "dokumentennummer*", "ausweisdokument*", "mrz", "passport*"),
)
_LICENCE_WORDS = (
    *(
        "führerschein*",
        "fuehrerschein*",
        "führerscheinnummer",
        "fahrerlaubnis*",
        "fs nr",
        "lappen",
    ),
    *("driving licence", "driving license", "driver's license", "driver license"),
)
_PLATE_WORDS = (
    *(
        "kennzeichen",
        "kfz kennzeichen",
        "kfz kennz",
        "kfz kz",
        "autokennzeichen",
        "fahrzeugkennzeichen",
    ),
    *("kraftfahrzeugkennzeichen", "amtliches kennzeichen", "amtlichen kennzeichen"),
    *("wunschkennzeichen", "nummernschild*", "autonummer*", "fahrzeugschein*"),
    *("fahrzeugbrief*", "zulassungsbescheinigung*", "fahrzeughalter*", "kfz", "pkw", "lkw"),
    *("number plate", "licence plate", "license plate", "registration number"),
)

_ICAO = "[0-9cfghjklmnprtvwxyz]"
_WEIGHTS = (7, 3, 1) * 3


def _is_document(value: str) -> bool:
    """Nine characters, one of them a digit at least."""
    return any(map(str.isdigit, value)) and is_one_code(value)


def _is_checked_document(value: str) -> bool:
    """Nine characters and their check digit (ICAO Doc 9303 part 3, which no library has)."""
    number = plain(value)
    if not number.isascii():
        return False
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


def _is_licence(value: str) -> bool:
    return not value.isdigit() and not value.isalpha()


_MAKES = frozenset({"AMG", "BMW", "BYD", "KIA", "KTM", "VW"})


def _is_plate(value: str) -> bool:
    """The digits have no leading zero; words or makes with a number behind are no plates."""
    digits = "".join(filter(str.isdigit, value))
    district = value.replace("-", " ").split(maxsplit=1)[0].upper()
    return not digits.startswith("0") and is_one_code(value) and district not in _MAKES


PAPERS: tuple[Identifier, ...] = (
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
        entity="DE_KFZ",
        country="DE",
        kind=Kind.NUMBER_PLATE,
        name="Kfz-Kennzeichen (vehicle registration)",
        format="district, one or two letters, up to four digits, E or H: M-AB 1234",
        pattern=r"[a-zäöü]{1,3}[ ]?[- ][ ]?[a-z]{1,2}[ -]?[0-9]{1,4}(?:[ ]?[eh])?",
        words=_PLATE_WORDS,
        strength=Strength.FORM,
        source="Fahrzeug-Zulassungsverordnung § 9",
        holds=_is_plate,
    ),
)

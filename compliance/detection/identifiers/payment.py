"""Payment: account numbers, bank codes and cards."""

from __future__ import annotations

import re

from stdnum import bic, iban, luhn

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength

# --- Accounts (ISO 13616) -----------------------------------------------------------------

_ACCOUNTS = {
    "10n 11c 2n": "FR MC",
    "11n": "NO",
    "12n": "BE",
    "14n": "DK FI FO GL SD",
    "14n 15c": "RU",
    "15n": "SI",
    "16n": "AT BA EE LT MN XK",
    "17n": "HR",
    "18n": "CR DE ME RS VA",
    "19n": "AE IL SO TL",
    "1a 10n 12c": "IT SM",
    "20c": "MD",
    "20n": "CZ ES SE SK TN",
    "21n": "LY PT ST",
    "22n": "IS",
    "23n": "BI DJ MR",
    "23n 1a 1c": "BR",
    "24c": "GT",
    "24n": "HU PL",
    "25n": "EG",
    "2a 12n": "FK",
    "2a 16n": "GE",
    "2n 18c": "SA",
    "3n 10c 2n": "MK",
    "3n 13c": "KZ LU",
    "3n 16c": "OM",
    "4a 10n": "NL",
    "4a 13c": "LV",
    "4a 14c": "BH",
    "4a 14n": "GB IE",
    "4a 15c": "GI",
    "4a 15n": "IQ",
    "4a 16c": "PK RO",
    "4a 16n": "VG",
    "4a 19n 3a": "MU",
    "4a 20c": "AZ",
    "4a 20n": "HN NI SV",
    "4a 20n 3a": "SC",
    "4a 21c": "PS QA",
    "4a 22c": "KW",
    "4a 24c": "LC",
    "4a 4n 18c": "JO YE",
    "4a 5n 18c": "MT",
    "4a 6n 8c": "BG",
    "4c 20n": "DO",
    "4c 4n 16c": "BY",
    "4n 20c": "LB",
    "5n 12c": "CH LI",
    "6n 16c": "TR",
    "6n 19c": "UA",
    "7n 16c": "GR",
    "8n 12c": "AD",
    "8n 16c": "AL CY",
}
"""The countries of each structure of an account number (SWIFT IBAN registry, release 101):
so many digits (n), letters (a) or either (c)."""

_CHARACTERS = {"n": r"\d", "a": "[a-z]", "c": "[a-z0-9]"}
_BETWEEN = r"[ .\-]?"


def _account(structure: str, countries: str) -> str:
    parts = (
        f"(?:{_BETWEEN}{_CHARACTERS[part[-1]]}){{{part[:-1]}}}" for part in structure.split()
    )
    return f"(?:{countries.replace(' ', '|')})" + _BETWEEN + r"\d{2}" + "".join(parts)


IBAN = "|".join(_account(structure, countries) for structure, countries in _ACCOUNTS.items())
"""Every account number in the length and with the characters of its country."""
_BEGINS = "|".join(_ACCOUNTS.values()).replace(" ", "|")


def _is_iban(value: str) -> bool:
    return iban.is_valid(value, check_country=False)


# --- Banks (ISO 9362) ---------------------------------------------------------------------


def _is_bic(value: str) -> bool:
    """Written in capitals, as banks do: many a word has the form."""
    return value.isupper() and bic.is_valid(value)


# --- Cards (ISO/IEC 7812) -----------------------------------------------------------------

_SIXTEEN = re.compile(
    r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|6011|64[4-9]|65|62|35(?:2[89]|[3-8])"
)
_FIFTEEN = re.compile(r"3[47]")
_FOURTEEN = re.compile(r"3(?:0[0-5]|09|[689])")
_OTHER = re.compile(r"4|5[0678]|6[0-9]|81|220[0-4]|3(?:0[0-5]|09|[689])")


def _digits(value: str) -> str:
    return "".join(filter(str.isdigit, value))


def _is_card(value: str) -> bool:
    """Issuer's prefix, its length and the check digit."""
    digits = _digits(value)
    prefix = {16: _SIXTEEN, 15: _FIFTEEN, 14: _FOURTEEN}.get(len(digits))
    return prefix is not None and prefix.match(digits) is not None and luhn.is_valid(digits)


def _is_other_card(value: str) -> bool:
    """Lengths that an issuer's numbers have seldom (Maestro 12 to 19, Visa 13 and 19)."""
    digits = _digits(value)
    return (
        12 <= len(digits) <= 19
        and _OTHER.match(digits) is not None
        and len(set(digits)) > 2
        and luhn.is_valid(digits)
    )


_CARD_WORDS = (
    *("card*", "credit card", "debit card", "visa", "mastercard", "maestro", "amex", "diners"),
    *("american express", "discover", "jcb", "unionpay", "pan", "cc number", "ccnum", "cvv"),
    *("cvc", "kreditkarte*", "karte", "kartennummer", "bankkarte", "carte", "carte bancaire"),
    *("carte bleue", "tarjeta*", "carta di credito", "carta", "creditcard", "kaart*", "kort*"),
    *("kreditkort*", "betalkort", "cartão", "cartões", "karta", "karty", "kartą", "kartę"),
    *("kártya*", "bankkártya*", "kartica*", "kartico", "kartice", "kartu", "kortel*"),
    *("luottokort*", "maksukort*", "krediitkaar*", "kredītkart*", "κάρτα*", "κάρτας", "карта*"),
    *("cárta", "card de credit", "platobn*", "platebn*", "numéro de carte"),
)

IDENTIFIERS = (
    Identifier(
        entity="IBAN_CODE",
        country="",
        kind=Kind.OTHER,
        name="IBAN (International Bank Account Number)",
        format="country, two check digits, as many letters and digits as the country has",
        pattern=IBAN,
        words=("iban", "account", "konto*", "compte", "cuenta", "conto", "rekening*", "bank*"),
        strength=Strength.CERTAIN,
        source="ISO 13616; SWIFT IBAN registry, release 101",
        holds=_is_iban,
        trigger=rf"(?:{_BEGINS}){_BETWEEN}[0-9]{{2}}{_BETWEEN}[0-9a-z]",
        begins=True,
    ),
    Identifier(
        entity="BIC",
        country="",
        kind=Kind.OTHER,
        name="BIC (Business Identifier Code, SWIFT code)",
        format="four letters, country, two and at times three letters or digits; capitals",
        pattern=r"[a-z]{4}[a-z]{2}[a-z0-9]{2}(?:[a-z0-9]{3})?",
        words=("bic", "swift", "bic code", "swift code", "bic/swift", "swift-bic", "bankcode"),
        strength=Strength.FORM,
        source="ISO 9362",
        holds=_is_bic,
    ),
    Identifier(
        entity="CREDIT_CARD",
        country="",
        kind=Kind.OTHER,
        name="payment card number",
        format="14, 15 or 16 digits in the groups of the issuer, Luhn",
        pattern=(
            r"\d{4}(?:[ .\-]{0,3}\d{4}){3}|3[47]\d{2}[ .\-]{0,3}\d{6}[ .\-]{0,3}\d{5}"
            r"|3[0689]\d{2}[ .\-]{1,3}\d{6}[ .\-]{1,3}\d{4}"
        ),
        words=_CARD_WORDS,
        strength=Strength.CERTAIN,
        source="ISO/IEC 7812-1; the issuers' ranges",
        holds=_is_card,
    ),
    Identifier(
        entity="CREDIT_CARD",
        country="",
        kind=Kind.OTHER,
        name="payment card number of an unusual length",
        format="12 to 19 digits in groups of any size, Luhn",
        pattern=r"[3-8]\d{3}(?:[ .\-]?\d){8,15}",
        words=_CARD_WORDS,
        strength=Strength.FORM,
        source="ISO/IEC 7812-1; the issuers' ranges",
        holds=_is_other_card,
    ),
)

"""Germany: identifiers and their sources; those of papers and number plates are in `de_papers`.

The tax number of a person is `stdnum.de.idnr`; the check digits of pension and health insurance
and of a doctor's number are those of Presidio's recognisers, whose names the entities keep.
"""

from __future__ import annotations

from presidio_analyzer import predefined_recognizers as stock
from stdnum.de import idnr, stnr, vat
from stdnum.iso7064 import mod_11_10

from compliance.detection.identifiers.de_papers import PAPERS
from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import plain

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
    *(
        "versicherten nr",
        "versichertennr",
        "versicherten id",
        "vers nr",
        "kvnr",
        "kv nr",
        "kv nummer",
    ),
    *("krankenversicherten nr", "krankenkasse*", "gesundheitskarte*", "egk", "versicherte*"),
    *("krankenversicherung*", "versichertenkarte*", "versicherungsnummer*", "health insurance"),
)
_VAT_WORDS = (
    *("umsatzsteuer identifikationsnummer*", "umsatzsteueridentifikationsnummer*", "ust idnr"),
    *("ust id", "ustid", "ustidnr", "ust id nr", "umsatzsteuer id", "mehrwertsteuer*", "vat"),
    *("vat id", "vat number", "umsatzsteuer"),
)
_DOCTOR_WORDS = (
    *("lanr", "arztnummer*", "lebenslange arztnummer", "arzt nr", "arztnr", "arzt nummer"),
    *("vertragsarzt*", "doctor number"),
)

_PENSION = stock.DeSocialSecurityRecognizer()
_HEALTH = stock.DeHealthInsuranceRecognizer()
_DOCTOR = stock.DeLanrRecognizer()


def _is_tax_id_of_any_digits(value: str) -> bool:
    return mod_11_10.is_valid(plain(value)) and len(set(plain(value))) > 3


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
    *PAPERS,
)

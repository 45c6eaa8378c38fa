"""Identifiers of Greece: ΑΦΜ, ΑΜΚΑ, personal number, documents and plates.

Sources: Ministry of Digital Governance (Προσωπικός Αριθμός), ΗΔΙΚΑ (ΑΜΚΑ), Independent
Authority for Public Revenue (ΑΑΔΕ; ΑΦΜ), PRADO, the Council's register of documents.
"""

from __future__ import annotations

from stdnum.gr import amka, vat

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code

_PLATE_LETTER = "[ABEHIKMNOPTXYZΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβεζηικμνορτυχ]"
"""Letters that the Greek and the Latin alphabet both have, in either's code points."""


def _personal_number(value: str) -> bool:
    """Three characters and a tax number that holds; what the third is made of is not public."""
    plain = value.replace(" ", "").replace("-", "")
    return len(plain) == 12 and plain[3] != "9" and vat.is_valid(plain[3:])


def _tax_number(value: str) -> bool:
    return vat.is_valid(value) and vat.compact(value) != "000000000"


def _social_security(value: str) -> bool:
    return amka.is_valid("".join(character for character in value if character.isdigit()))


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="GR_SOCIAL_SECURITY",
        country="GR",
        kind=Kind.SOCIAL_SECURITY,
        name="Αριθμός Μητρώου Κοινωνικής Ασφάλισης, ΑΜΚΑ (social security number)",
        format="DDMMYYNNNNC, check digit by Luhn's rule",
        pattern=r"(?:0[1-9]|[12]\d|3[01])[ ./-]?(?:0[1-9]|1[0-2])[ ./-]?\d{2}[ -]?\d{4}[ -]?\d",
        words=(
            *("αμκα", "α.μ.κ.α", "amka", "αριθμός μητρώου κοινωνικής ασφάλισης"),
            *("αρ. μητρώου κοινωνικής ασφάλισης", "κοινωνικής ασφάλισης", "ασφαλισμέν*"),
            *("arithmos mitroou koinonikis asfalisis", "greek social security"),
            *("social security", "α.μ"),
        ),
        strength=Strength.CERTAIN,
        source="ΗΔΙΚΑ, amka.gr; stdnum.gr.amka",
        holds=_social_security,
    ),
    Identifier(
        entity="GR_TAX_ID",
        country="GR",
        kind=Kind.TAX_ID,
        name="Αριθμός Φορολογικού Μητρώου, ΑΦΜ (tax identification number)",
        format="NNNNNNNNC, check digit modulo 11",
        pattern=r"\d{3}[ .-]?\d{3}[ .-]?\d{3}",
        words=(
            *("αφμ", "α.φ.μ", "afm", "αριθμός φορολογικού μητρώου", "φορολογικού μητρώου"),
            *("φορολογικό μητρώο", "φορολογούμεν*", "φορολογικός αριθμός"),
            *("tax identification number", "greek tax", "tin", "tax id", "tax number"),
            "φορολογικού",
        ),
        strength=Strength.LIKELY,
        source="Independent Authority for Public Revenue (ΑΑΔΕ); stdnum.gr.vat",
        holds=_tax_number,
    ),
    Identifier(
        entity="GR_VAT",
        country="GR",
        kind=Kind.VAT,
        name="ΑΦΜ/ΦΠΑ (VAT number)",
        format="EL and the nine digits of the ΑΦΜ",
        pattern=r"(?:EL|GR)[ -]?\d{3}[ .-]?\d{3}[ .-]?\d{3}",
        words=(
            *("αφμ", "α.φ.μ", "φπα", "φ.π.α", "αριθμός μητρώου φπα", "vies", "vat"),
            *("vat number", "vat id", "tax number", "fpa"),
        ),
        strength=Strength.CERTAIN,
        source="Council Directive 2006/112/EC, Article 215; stdnum.gr.vat",
        holds=_tax_number,
    ),
    Identifier(
        entity="GR_NATIONAL_ID",
        country="GR",
        kind=Kind.NATIONAL_ID,
        name="Προσωπικός Αριθμός, Π.Α. (personal number)",
        format="three characters and the nine digits of the ΑΦΜ",
        pattern=r"[0-9A-ZΑ-Ωα-ω]{3}[ -]?\d{9}",
        words=(
            *("προσωπικός αριθμός", "προσωπικού αριθμού", "προσωπικό αριθμό", "αριθμός πολίτη"),
            *("π.α", "prosopikos arithmos", "personal number", "personal citizen number"),
        ),
        strength=Strength.FORM,
        source="Law 4727/2020, Article 11 (Προσωπικός Αριθμός)",
        holds=_personal_number,
    ),
    Identifier(
        entity="GR_ID_CARD",
        country="GR",
        kind=Kind.IDENTITY_CARD,
        name="Δελτίο Ταυτότητας, ΑΔΤ (identity card number)",
        format="A NNNNNN, AA NNNNNN, or A NNNNNNNN on the card from 2023",
        pattern=r"[A-ZΑ-Ωα-ω]{1,2}[ -]?\d{6,8}",
        words=(
            *("ταυτότητα", "ταυτότητας", "αδτ", "α.δ.τ", "δελτίο ταυτότητας", "α.τ"),
            *("αριθμός ταυτότητας", "adt", "taftotita*", "identity card", "id card", "ταυτ"),
            *("αριθμός δελτίου", "αστυνομική ταυτότητα"),
        ),
        strength=Strength.FORM,
        source="Hellenic Police; PRADO, GRC identity cards",
        holds=is_one_code,
    ),
    Identifier(
        entity="GR_PASSPORT",
        country="GR",
        kind=Kind.PASSPORT,
        name="Διαβατήριο (passport number)",
        format="AANNNNNNN",
        pattern=r"[A-ZΑ-Ωα-ω]{2}[ -]?\d{7}",
        words=(
            *("διαβατήριο", "διαβατηρίου", "διαβατηρι*", "αριθμός διαβατηρίου", "diavatirio"),
            *("diavatiriou", "passport", "passport number", "passport no", "greek passport"),
        ),
        strength=Strength.FORM,
        source="Hellenic Police, National Passport Centre; PRADO, GRC passports",
        holds=is_one_code,
    ),
    Identifier(
        entity="GR_DRIVING_LICENCE",
        country="GR",
        kind=Kind.DRIVING_LICENCE,
        name="Άδεια Οδήγησης (driving licence number)",
        format="NNNNNNNNN",
        pattern=r"\d{9}",
        words=(
            *("άδεια οδήγησης", "άδειας οδήγησης", "αριθμός άδειας οδήγησης"),
            *("δίπλωμα οδήγησης", "διπλώματος οδήγησης", "adeia odigisis", "driving licence"),
            *("driving license", "driver's license", "driver's licence", "driver license"),
        ),
        strength=Strength.FORM,
        source="Ministry of Infrastructure and Transport; PRADO, GRC driving licences",
    ),
    Identifier(
        entity="GR_NUMBER_PLATE",
        country="GR",
        kind=Kind.NUMBER_PLATE,
        name="Αριθμός κυκλοφορίας (vehicle registration)",
        format="AAA-NNNN of the fourteen letters that both alphabets have",
        pattern=_PLATE_LETTER + r"{3}[ -]?\d{4}",
        words=(
            *("πινακίδα", "πινακίδας", "πινακίδες", "αριθμός κυκλοφορίας", "αρ. κυκλοφορίας"),
            *("αριθμού κυκλοφορίας", "όχημα", "οχήματος", "αυτοκινήτου", "number plate"),
            *("licence plate", "license plate", "κυκλοφορίας", "ι.χ"),
        ),
        strength=Strength.FORM,
        source="Ministry of Infrastructure and Transport, Law 2696/1999, Article 36",
        holds=is_one_code,
    ),
)

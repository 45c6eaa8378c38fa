"""Cyprus: identifiers and their sources.

The tax and VAT numbers end with a check letter (`stdnum.cy.vat`); other numbers have none.
"""

from __future__ import annotations

from stdnum.cy import vat

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_CARD_WORDS = (
    *("αριθμός ταυτότητας", "αριθμό ταυτότητας", "αριθμού ταυτότητας", "αρ. ταυτότητας"),
    *(
        "δελτίο ταυτότητας",
        "δελτίου ταυτότητας",
        "αδτ",
        "adt",
        "πολιτική ταυτότητα",
        "ταυτότητα*",
    ),
    *("kimlik numarası", "kimlik kartı", "kimlik no", "identity card", "id card"),
    *("arc number", "alien registration", "civil registry number"),
)
_TAX_WORDS = (
    *("αφτ", "αριθμός φορολογικού μητρώου", "αφμ", "φορολογικός αριθμός", "φορολογικό*"),
    *("αριθμός φορολογικής ταυτότητας", "tic", "tax identification code", "tax id"),
    *("tax number", "tin", "vergi numarası", "vergi kimlik"),
)
_SOCIAL_WORDS = (
    *("κοινωνικών ασφαλίσεων", "αριθμός κοινωνικών ασφαλίσεων", "ακα", "κοιν. ασφαλίσεων"),
    *("κοινωνικές ασφαλίσεις", "sosyal sigorta", "social insurance", "social security number"),
)
_HEALTH_WORDS = (
    *("γεσυ", "γεσύ", "αριθμός δικαιούχου", "δικαιούχος γεσυ", "gesy", "ghs"),
    "beneficiary number",
)
_PASSPORT_WORDS = (
    *(
        "διαβατήριο*",
        "διαβατηρίου",
        "αριθμός διαβατηρίου",
        "αρ. διαβατηρίου",
        "αρ. διαβ",
        "pasaport*",
    ),
    "passport*",
)
_LICENCE_WORDS = (
    *("άδεια οδήγησης", "άδειας οδήγησης", "αριθμός άδειας οδήγησης", "δίπλωμα οδήγησης"),
    *("sürücü belgesi", "ehliyet*", "driving licence", "driving license", "driver's license"),
)
_VAT_WORDS = (
    *("φπα", "φ.π.α", "αριθμός φπα", "αριθμός εγγραφής φπα", "μητρώου φπα", "kdv", "vat"),
    "vat number",
)
_PLATE_WORDS = (
    *(
        "αριθμός εγγραφής",
        "αριθμό εγγραφής",
        "αριθμούς εγγραφής",
        "αριθμός κυκλοφορίας",
        "πινακίδα*",
        "πινακίδες",
    ),
    *("αρ. εγγραφής", "αριθμού εγγραφής οχήματος", "plaka*", "number plate"),
    *("licence plate", "license plate", "registration number"),
)

IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="CY_ID_CARD",
        country="CY",
        kind=Kind.IDENTITY_CARD,
        name="Αριθμός ταυτότητας (identity card or alien registration number)",
        format="6 to 8 digits, or 10",
        pattern=r"(?:[0-9]{6,8}|[0-9]{10})",
        words=_CARD_WORDS,
        strength=Strength.FORM,
        source="Civil Registry and Migration Department; PRADO (Council of the EU)",
    ),
    Identifier(
        entity="CY_TAX_ID",
        country="CY",
        kind=Kind.TAX_ID,
        name="Αριθμός Φορολογικής Ταυτότητας, ΑΦΤ (tax identification code)",
        format="NNNNNNNNC; check letter modulo 26",
        pattern=r"[0-9]{8}[ -]?[a-z]",
        words=_TAX_WORDS,
        strength=Strength.LIKELY,
        source="Tax Department, Ministry of Finance; stdnum.cy.vat",
        holds=lambda value: vat.is_valid(plain(value)),
    ),
    Identifier(
        entity="CY_SOCIAL_SECURITY",
        country="CY",
        kind=Kind.SOCIAL_SECURITY,
        name="Αριθμός Κοινωνικών Ασφαλίσεων (social insurance number)",
        format="6 to 8 digits",
        pattern=r"[0-9]{6,8}",
        words=_SOCIAL_WORDS,
        strength=Strength.FORM,
        source="Social Insurance Services, Deputy Ministry of Social Welfare",
    ),
    Identifier(
        entity="CY_HEALTH_INSURANCE",
        country="CY",
        kind=Kind.HEALTH_INSURANCE,
        name="Αριθμός δικαιούχου ΓεΣΥ (beneficiary of the general health system)",
        format="7 to 9 digits",
        pattern=r"[0-9]{7,9}",
        words=_HEALTH_WORDS,
        strength=Strength.FORM,
        source="Health Insurance Organisation",
    ),
    Identifier(
        entity="CY_PASSPORT",
        country="CY",
        kind=Kind.PASSPORT,
        name="Αριθμός διαβατηρίου (passport number)",
        format="A and 6 to 8 digits",
        pattern=r"[a-zα-ω][ ]?[0-9]{6,8}",
        words=_PASSPORT_WORDS,
        strength=Strength.FORM,
        source="Civil Registry and Migration Department; PRADO (Council of the EU)",
        holds=is_one_code,
    ),
    Identifier(
        entity="CY_DRIVING_LICENCE",
        country="CY",
        kind=Kind.DRIVING_LICENCE,
        name="Αριθμός άδειας οδήγησης (driving licence number)",
        format="6 to 12 digits",
        pattern=r"[0-9]{6,12}",
        words=_LICENCE_WORDS,
        strength=Strength.FORM,
        source="Road Transport Department; Directive 2006/126/EC, field 5",
    ),
    Identifier(
        entity="CY_VAT",
        country="CY",
        kind=Kind.VAT,
        name="Αριθμός Εγγραφής ΦΠΑ (VAT number)",
        format="CYNNNNNNNNC; check letter modulo 26",
        pattern=r"CY[ -]?[0-9]{8}[ -]?[a-z]",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Tax Department, Ministry of Finance; stdnum.cy.vat",
        holds=lambda value: vat.is_valid(plain(value)),
    ),
    Identifier(
        entity="CY_NUMBER_PLATE",
        country="CY",
        kind=Kind.NUMBER_PLATE,
        name="Αριθμός εγγραφής οχήματος (vehicle registration)",
        format="AAA NNN, formerly AA NNN",
        pattern=r"[a-z]{2,3}[ -]?[0-9]{3}",
        words=_PLATE_WORDS,
        strength=Strength.FORM,
        source="Road Transport Department",
        holds=is_one_code,
    ),
)

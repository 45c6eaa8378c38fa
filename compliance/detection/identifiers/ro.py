"""Identifiers of Romania: CNP, CUI, health card, documents and plates.

Sources: Ordonanța de urgență 97/2005 (CNP, carte de identitate), Codul fiscal (Legea 227/2015),
Casa Națională de Asigurări de Sănătate (card), DRPCIV (permis, înmatriculare), PRADO.
"""

from __future__ import annotations

from stdnum.ro import cnp, cui

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_COUNTIES = (
    "AB|AR|AG|BC|BH|BN|BT|BV|BR|BZ|CS|CL|CJ|CT|CV|DB|DJ|GL|GR|GJ|HR|HD|IL|IS|IF|MM|MH|MS|NT|OT"
    "|PH|SM|SJ|SB|SV|TR|TM|TL|VS|VL|VN"
)
_SERIES = (
    "AR|AS|AX|AZ|BH|BN|BT|BV|BX|BZ|CJ|CS|CT|CV|DB|DD|DG|DP|DR|DT|DX|DZ|EP|GG|GL|GM|GZ|HD|HR|IF"
    "|IS|IT|IZ|KL|KS|KT|KV|KX|KZ|LX|MG|MH|MM|MS|MV|MX|MZ|NT|NZ|OT|OZ|PH|PX|RC|RD|RK|RM|RN|RP|RR"
    "|RS|RT|RV|RX|RZ|SB|SD|SM|SP|SR|ST|SV|SX|SZ|TC|TM|TR|TT|TV|TX|TZ|UX|VN|VR|VS|VX|XB|XC|XH|XM"
    "|XR|XT|XV|XZ|ZH|ZL|ZS|ZV|ZC"
)
"""Series of identity cards: two letters for the county and the run."""


def _is_cnp(value: str) -> bool:
    return cnp.is_valid(plain(value))


def _is_cui(value: str) -> bool:
    digits = plain(value).removeprefix("RO")
    return len(digits) >= 5 and cui.is_valid(digits)


_LICENCE_WORDS = (
    *("permis de conducere", "permisul de conducere", "carnet de conducere", "permis auto"),
    *("driving licence", "permis conducere", "permisului de conducere", "driver's license"),
)


def _is_series(value: str) -> bool:
    """Two capitals; or what is written without a space, unlike the word in `is 200870`."""
    return value[:2].isupper() or value[2:3].isdigit()


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="RO_NATIONAL_ID",
        country="RO",
        kind=Kind.NATIONAL_ID,
        name="Cod Numeric Personal, CNP (personal numerical code)",
        format="S YYMMDD CC NNN C: sex and century, birth, county, number, modulo 11",
        pattern=r"[1-9][ \-]?\d{6}[ \-]?\d{2}[ \-]?\d{3}[ \-]?\d",
        words=(
            *("cnp", "c.n.p", "cod numeric personal", "codul numeric personal", "cod personal"),
            *(
                "codului numeric personal",
                "personal numeric code",
                "cod_numeric",
                "identificare",
            ),
            *("personal identification", "national id", "nif", "social security"),
        ),
        strength=Strength.CERTAIN,
        source="Ordonanța de urgență 97/2005; stdnum.ro.cnp",
        holds=_is_cnp,
    ),
    Identifier(
        entity="RO_VAT",
        country="RO",
        kind=Kind.VAT,
        name="Cod de înregistrare în scopuri de TVA (VAT number)",
        format="RO and 2 to 10 digits, the last a check digit",
        pattern=r"RO[ \-]?\d{5,10}",
        words=(
            "tva",
            "cod tva",
            "cif",
            "cui",
            "vat",
            "cod fiscal",
            "vat number",
            "c.u.i",
            "c.i.f",
        ),
        strength=Strength.CERTAIN,
        source="Codul fiscal (Legea 227/2015), art. 316; stdnum.ro.cui",
        holds=_is_cui,
    ),
    Identifier(
        entity="RO_TAX_ID",
        country="RO",
        kind=Kind.TAX_ID,
        name="Cod de identificare fiscală, CIF/CUI (tax identification code)",
        format="5 to 10 digits, the last a check digit",
        pattern=r"\d{5,10}",
        words=(
            *("cui", "cif", "c.u.i", "c.i.f", "cod fiscal", "cod de identificare fiscală"),
            *("cod unic de înregistrare", "codul fiscal", "identificare fiscal*", "tax code"),
            *("înregistrare fiscal*", "cod de înregistrare fiscală"),
        ),
        strength=Strength.FORM,
        source="Codul fiscal (Legea 227/2015), art. 82; stdnum.ro.cui",
        holds=_is_cui,
    ),
    Identifier(
        entity="RO_HEALTH_INSURANCE",
        country="RO",
        kind=Kind.HEALTH_INSURANCE,
        name="Cod unic de identificare în sistemul asigurărilor de sănătate, CID (health card)",
        format="20 digits",
        pattern=r"\d{20}|\d{4}(?:[ \-]\d{4}){4}",
        words=(
            *(
                "card de sănătate",
                "cardul de sănătate",
                "cid",
                "cod de asigurat",
                "cod asigurat",
            ),
            *("asigurări de sănătate", "card național", "cardul național", "cnas", "asigurat*"),
            *("health card", "health insurance"),
        ),
        strength=Strength.FORM,
        source="Casa Națională de Asigurări de Sănătate, cardul național de asigurări",
    ),
    Identifier(
        entity="RO_PASSPORT",
        country="RO",
        kind=Kind.PASSPORT,
        name="Pașaport (passport)",
        format="eight or nine digits",
        pattern=r"\d{8,9}",
        words=(
            "pașaport*",
            "paşaport*",
            "pasaport*",
            "passport*",
            "pașapoart*",
            "nr. pașaport",
        ),
        strength=Strength.FORM,
        source="PRADO, ROU-AO",
    ),
    Identifier(
        entity="RO_ID_CARD",
        country="RO",
        kind=Kind.IDENTITY_CARD,
        name="Carte de identitate (identity card)",
        format="series of two letters, six digits; seven since 2021",
        pattern=rf"(?:{_SERIES})[ ,.]{{0,2}}(?:n(?:r|um[aă]r(?:ul)?)[.:]?[ ]?)?\d{{6,7}}",
        words=(
            *(
                "seria",
                "serie",
                "carte de identitate",
                "cartea de identitate",
                "c.i. seria",
                "ci seria",
            ),
            *(
                "buletin*",
                "carte identitate",
                "act de identitate",
                "identity card",
                "b.i. seria",
            ),
            *("cărții de identitate", "id card", "cartii de identitate", "actul de identitate"),
        ),
        strength=Strength.FORM,
        source="Ordonanța de urgență 97/2005; PRADO, ROU-BO",
        holds=_is_series,
    ),
    Identifier(
        entity="RO_DRIVING_LICENCE",
        country="RO",
        kind=Kind.DRIVING_LICENCE,
        name="Permis de conducere (driving licence)",
        format="county letters, eight digits and a letter",
        pattern=r"[A-Z]{1,2}[ ]?\d{8}[ ]?[A-Z]|[A-Z]\d{7,8}",
        words=_LICENCE_WORDS,
        strength=Strength.FORM,
        source="DRPCIV; PRADO, ROU-FO",
        holds=is_one_code,
    ),
    Identifier(
        entity="RO_NUMBER_PLATE",
        country="RO",
        kind=Kind.NUMBER_PLATE,
        name="Număr de înmatriculare (vehicle registration)",
        format="county, two digits (Bucharest also three), three letters",
        pattern=rf"(?:(?:{_COUNTIES})[ \-]?\d{{2}}|B[ \-]?\d{{2,3}})[ \-]?[A-Z]{{3}}",
        words=(
            *(
                "înmatriculare",
                "inmatriculare",
                "înmatriculat*",
                "număr auto",
                "mașin*",
                "auto",
            ),
            *("autoturism*", "vehicul*", "plăcuț*", "license plate", "number plate", "numărul"),
            *("masina", "autovehicul*", "inmatriculat*"),
        ),
        strength=Strength.FORM,
        source="DRPCIV, numere de înmatriculare",
        holds=is_one_code,
    ),
)
"""Every identifier of Romania."""

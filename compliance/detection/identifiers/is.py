# ruff: noqa: N999 -- the country's code is a keyword, which import_module does not mind
"""Identifiers of Iceland: kennitala, VSK, documents and plates.

Sources: Þjóðskrá Íslands (kennitala, vegabréf, nafnskírteini), Skatturinn (VSK-númer),
Samgöngustofa (skráningarnúmer), PRADO.
"""

from __future__ import annotations

from stdnum.is_ import kennitala

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain


def _is_kennitala(value: str) -> bool:
    return kennitala.is_valid(plain(value))


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="IS_NATIONAL_ID",
        country="IS",
        kind=Kind.NATIONAL_ID,
        name="Kennitala (identity number)",
        format="DDMMYY-NNCX, check digit modulo 11, X the century",
        pattern=r"[0-7]\d[01]\d{3}[ ]?[\-–]?[ ]?\d{3}[09]",
        words=(
            *(
                "kennitala*",
                "kennitölu*",
                "kt",
                "kennit",
                "kennitalan",
                "kennitölur",
                "icelandic id",
            ),
            *("national id", "identity number", "kennitalur", "social security"),
        ),
        strength=Strength.CERTAIN,
        source="Þjóðskrá Íslands, kennitala; stdnum.is_.kennitala",
        holds=_is_kennitala,
    ),
    Identifier(
        entity="IS_VAT",
        country="IS",
        kind=Kind.VAT,
        name="Virðisaukaskattsnúmer, VSK (VAT number)",
        format="five or six digits",
        pattern=r"(?:IS[ \-]?)?\d{5,6}",
        words=(
            *("vsk-númer*", "vsk.nr", "vsknr", "vsk númer", "vsk nr", "virðisaukaskattsnúmer*"),
            *("vat number", "icelandic vat"),
        ),
        strength=Strength.FORM,
        source="Skatturinn, VSK-númer; stdnum.is_.vsk",
        holds=is_one_code,
    ),
    Identifier(
        entity="IS_PASSPORT",
        country="IS",
        kind=Kind.PASSPORT,
        name="Vegabréf (passport)",
        format="A and seven digits",
        pattern=r"[A-Z]{1,2}[ ]?\d{7}",
        words=("vegabréf*", "vegabréfsnúmer", "vegabref*", "passport*", "vegabréfs"),
        strength=Strength.FORM,
        source="PRADO, ISL-AO",
        holds=is_one_code,
    ),
    Identifier(
        entity="IS_ID_CARD",
        country="IS",
        kind=Kind.IDENTITY_CARD,
        name="Nafnskírteini (identity card)",
        format="one or two letters and six or seven digits",
        pattern=r"[A-Z]{1,2}[ ]?\d{6,7}",
        words=("nafnskírteini*", "skilríki*", "identity card", "persónuskilríki*", "id card"),
        strength=Strength.FORM,
        source="Þjóðskrá Íslands, nafnskírteini; PRADO, ISL-BO",
        holds=is_one_code,
    ),
    Identifier(
        entity="IS_DRIVING_LICENCE",
        country="IS",
        kind=Kind.DRIVING_LICENCE,
        name="Ökuskírteini (driving licence)",
        format="eight or nine digits",
        pattern=r"\d{8,9}",
        words=("ökuskírteini*", "ökuskirteini*", "ökuréttind*", "driving licence", "bílpróf*"),
        strength=Strength.FORM,
        source="PRADO, ISL-FO",
    ),
    Identifier(
        entity="IS_NUMBER_PLATE",
        country="IS",
        kind=Kind.NUMBER_PLATE,
        name="Skráningarnúmer ökutækis (vehicle registration)",
        format="LL NNN or LL LNN",
        pattern=r"[A-Z]{2}[ \-]?[A-Z0-9]\d{2}",
        words=(
            *(
                "bílnúmer*",
                "skráningarnúmer*",
                "bíll*",
                "bíl",
                "bílinn",
                "ökutæk*",
                "númeraplat*",
            ),
            *("number plate", "license plate", "fastanúmer*", "bifreið*", "númeraplöt*"),
        ),
        strength=Strength.FORM,
        source="Samgöngustofa, skráningarmerki",
        holds=is_one_code,
    ),
)
"""Every identifier of Iceland."""

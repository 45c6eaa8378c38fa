"""Identifiers of the Netherlands: BSN, RSIN, btw-id, documents and plates.

Sources: Rijksdienst voor Identiteitsgegevens (BSN, documents), Belastingdienst (RSIN, btw-id),
RDW (licences, plates), PRADO.
"""

from __future__ import annotations

from stdnum.nl import bsn, btw, identiteitskaartnummer

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code


def _bsn(value: str) -> bool:
    return bool(value.strip("0 .-")) and bsn.is_valid(value)


def _rsin(value: str) -> bool:
    return _bsn(value.upper().split("L")[0])


def _document(value: str) -> bool:
    """As stdnum has it, with two digits at least: a word has none, nor before a figure one."""
    enough = sum(map(str.isdigit, value)) >= 2
    return enough and is_one_code(value) and identiteitskaartnummer.is_valid(value)


def _plate_form(value: str) -> bool:
    """One way of parting throughout: "op 12-03" is a date; with spaces, capitals only."""
    return is_one_code(value) and value.count("-") in (0, 2) and value.count(" ") in (0, 2)


def _plate(*parts: str) -> str:
    """Joined, parted by hyphens, or capitals parted by spaces."""
    return f"{'-?'.join(parts)}|(?-i:{' '.join(parts)})"


_AA, _AAA, _A = "[A-Z]{2}", "[A-Z]{3}", "[A-Z]"
_99, _999, _9 = r"\d{2}", r"\d{3}", r"\d"

_PLATES = (
    *(_plate(_AA, _99, _99), _plate(_99, _99, _AA), _plate(_99, _AA, _99)),
    *(_plate(_AA, _99, _AA), _plate(_AA, _AA, _99), _plate(_99, _AA, _AA)),
    *(_plate(_99, _AAA, _9), _plate(_9, _AAA, _99), _plate(_AA, _999, _A)),
    *(_plate(_A, _999, _AA), _plate(_AAA, _99, _A), _plate(_A, _99, _AAA)),
    *(_plate(_9, _AA, _999), _plate(_999, _AA, _9)),
)
"""The RDW's sidecodes 1 to 14."""

_DOCUMENT = r"[A-Z]{2}[ ]?[A-Z0-9]{4}[ ]?[A-Z0-9]{2}[ ]?\d"

IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="NL_NATIONAL_ID",
        country="NL",
        kind=Kind.NATIONAL_ID,
        name="Burgerservicenummer, BSN (citizen service number)",
        format="NNNNNNNNC, weights 9 to 2 and -1 modulo 11",
        pattern=(
            r"\d{3}[ .-]?\d[ .-]?\d{2}[ .-]?\d{3}"
            r"|\d{2}[ .-]?\d{2}[ .-]?\d{2}[ .-]?\d{3}|\d{8}"
        ),
        words=(
            *("bsn", "burgerservicenummer", "burger service nummer", "sofinummer"),
            *("sofi-nummer", "sofi", "bsn-nummer", "bsnnummer", "citizen service number"),
            *("persoonsnummer", "dutch social security", "national id"),
            *("social security number", "bsnr"),
        ),
        strength=Strength.LIKELY,
        source="Wet algemene bepalingen burgerservicenummer; stdnum.nl.bsn",
        holds=_bsn,
    ),
    Identifier(
        entity="NL_TAX_ID",
        country="NL",
        kind=Kind.TAX_ID,
        name="RSIN, fiscaal nummer (tax number of undertakings)",
        format="NNNNNNNNC, of the same rule as the BSN; payroll tax adds LNN",
        pattern=r"\d{3}[ .]?\d{3}[ .]?\d{3}(?:[ .]?L[ .]?\d{2})?|\d{4}[.]\d{2}[.]\d{3}",
        words=(
            *("rsin", "fiscaal nummer", "fiscale nummer", "fiscaalnummer"),
            *("loonheffingennummer", "loonbelastingnummer", "belastingnummer"),
            *("aangiftenummer", "fi-nummer", "tax identification number", "tin", "fiscaal nr"),
            *("tax id", "tax number"),
        ),
        strength=Strength.FORM,
        source="Belastingdienst; stdnum.nl.bsn",
        holds=_rsin,
    ),
    Identifier(
        entity="NL_VAT",
        country="NL",
        kind=Kind.VAT,
        name="Btw-identificatienummer, btw-id, omzetbelastingnummer (VAT number)",
        format="NL NNNNNNNNN B NN, modulo 97, or the BSN's rule in its first nine digits",
        pattern=r"(?:NL[ -]?)?\d{4}[ .]?\d{2}[ .]?\d{3}[ .]?B[ .]?\d{2}"
        r"|(?:NL[ -]?)?\d{3}[ .]?\d{3}[ .]?\d{3}[ .]?B[ .]?\d{2}",
        words=(
            *("btw", "btw-nummer", "btw-id", "btw nummer", "btw-identificatienummer"),
            *("omzetbelastingnummer", "ob-nummer", "vat", "vat number", "vat id"),
        ),
        strength=Strength.CERTAIN,
        source="Council Directive 2006/112/EC, Article 215; Belastingdienst; stdnum.nl.btw",
        holds=btw.is_valid,
    ),
    Identifier(
        entity="NL_ID_CARD",
        country="NL",
        kind=Kind.IDENTITY_CARD,
        name="Identiteitskaart (identity card number)",
        format="two letters, six letters or digits, a digit; no O",
        pattern=_DOCUMENT,
        words=(
            *("identiteitskaart", "identiteitskaart*", "id-kaart", "idkaart", "id kaart"),
            *("identiteitsbewijs", "identiteitsbewijs*", "legitimatiebewijs", "documentnummer"),
            *("identity card", "id card", "id-bewijs", "nik", "legitimatie"),
        ),
        strength=Strength.FORM,
        source="Rijksdienst voor Identiteitsgegevens; stdnum.nl.identiteitskaartnummer",
        holds=_document,
    ),
    Identifier(
        entity="NL_PASSPORT",
        country="NL",
        kind=Kind.PASSPORT,
        name="Paspoort (passport number)",
        format="two letters, six letters or digits, a digit; no O",
        pattern=_DOCUMENT,
        words=(
            *("paspoort", "paspoort*", "paspoortnummer", "paspoortnr", "reisdocument"),
            *("passport", "passport number", "passport no", "dutch passport"),
        ),
        strength=Strength.FORM,
        source="Rijksdienst voor Identiteitsgegevens; stdnum.nl.identiteitskaartnummer",
        holds=_document,
    ),
    Identifier(
        entity="NL_DRIVING_LICENCE",
        country="NL",
        kind=Kind.DRIVING_LICENCE,
        name="Rijbewijs (driving licence number)",
        format="NNNNNNNNNN",
        pattern=r"\d{10}",
        words=(
            *("rijbewijs", "rijbewijsnummer", "rijbewijs*", "rijbewijsnr", "driving licence"),
            *("driving license", "driver's license", "driver's licence", "driver license"),
        ),
        strength=Strength.FORM,
        source="RDW; PRADO, NLD driving licences",
    ),
    Identifier(
        entity="NL_NUMBER_PLATE",
        country="NL",
        kind=Kind.NUMBER_PLATE,
        name="Kenteken (vehicle registration)",
        format="six letters and digits in three groups, of fourteen forms",
        pattern="|".join(_PLATES),
        words=(
            *("kenteken", "kentekens", "kentekenplaat", "kentekennummer", "kenteken*"),
            *("nummerplaat", "voertuig", "number plate", "licence plate", "license plate"),
            "gekentekend",
        ),
        strength=Strength.FORM,
        source="RDW, sidecodes of registration marks",
        holds=_plate_form,
    ),
)

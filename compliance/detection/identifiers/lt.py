"""Identifiers of Lithuania: asmens kodas, PVM, social insurance, documents and plates.

Sources: Centre of Registers (asmens kodas), State Tax Inspectorate (PVM), SoDra (social
insurance), Migration Department (documents), Regitra (licences, plates), PRADO.
"""

from __future__ import annotations

from stdnum.ee import ik
from stdnum.lt import asmens, pvm

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, is_past, plain

_VAT_WORDS = (
    *("pvm", "pvm kodas", "pvm mokėtojo kodas", "pvm mokėtojo kod*", "pvm kod*"),
    *("pvm mokėtoj*", "pridėtinės vertės mokes*", "vat", "vat number", "vat id", "vat code"),
)


def _vat(value: str) -> bool:
    return len(set(pvm.compact(value))) > 1 and pvm.is_valid(value)


def _personal_code(value: str) -> bool:
    """Of somebody who may be alive: its first digit can say a century long gone."""
    number = plain(value)
    if not asmens.is_valid(number):
        return False
    born = ik.get_birth_date(number)
    return is_past(born.year, born.month, born.day)


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="LT_NATIONAL_ID",
        country="LT",
        kind=Kind.NATIONAL_ID,
        name="Asmens kodas (personal code, tax and health insurance number)",
        format="GYYMMDDNNNC, check digit modulo 11",
        pattern=r"[1-6]\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[ -]?\d{3}[ -]?\d",
        words=(
            *("asmens kodas", "asmens kod*", "asmenskodas", "a.k", "asm. kodas", "ak"),
            *("mokesčių mokėtojo kodas", "gyventojo kodas", "asmens tapatybės kodas"),
            *("personal code", "lithuanian id", "personal identification number"),
            "national id",
        ),
        strength=Strength.CERTAIN,
        source="Law on the Population Register; stdnum.lt.asmens",
        holds=_personal_code,
    ),
    Identifier(
        entity="LT_VAT",
        country="LT",
        kind=Kind.VAT,
        name="PVM mokėtojo kodas (VAT number)",
        format="LT and nine or twelve digits, check digit modulo 11",
        pattern=r"LT[ -]?\d{9}|LT[ -]?\d{12}",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Council Directive 2006/112/EC, Article 215; stdnum.lt.pvm",
        holds=_vat,
    ),
    Identifier(
        entity="LT_VAT",
        country="LT",
        kind=Kind.VAT,
        name="PVM mokėtojo kodas, without its country",
        format="nine digits, the eighth of them 1, or twelve, the eleventh 1; modulo 11",
        pattern=r"\d{7}1\d|\d{10}1\d",
        words=_VAT_WORDS,
        strength=Strength.LIKELY,
        source="State Tax Inspectorate (VMI); stdnum.lt.pvm",
        holds=_vat,
    ),
    Identifier(
        entity="LT_SOCIAL_SECURITY",
        country="LT",
        kind=Kind.SOCIAL_SECURITY,
        name="Socialinio draudimo numeris (social insurance number)",
        format="SD NNNNNNN",
        pattern=r"(?:SD[ -]?)?\d{7}|[A-Z]{2}[ ]?\d{7}",
        words=(
            *("socialinio draudimo", "socialinio draudimo numeris", "socialinio draudimo nr"),
            *("sd numeris", "sd nr", "sodra", "sodros", "valstybinio socialinio draudimo"),
            *("social insurance number", "social security number", "soc. draudimo"),
            "draudimo nr",
        ),
        strength=Strength.FORM,
        source="State Social Insurance Fund Board (SoDra), state social insurance certificate",
        holds=is_one_code,
    ),
    Identifier(
        entity="LT_ID_CARD",
        country="LT",
        kind=Kind.IDENTITY_CARD,
        name="Asmens tapatybės kortelė (identity card number)",
        format="NNNNNNNN",
        pattern=r"\d{8}|[A-Z]{2}\d{6}",
        words=(
            *("asmens tapatybės kortelė", "tapatybės kortel*", "asmens tapatybės kortel*"),
            *("atk", "kortelės numeris", "tapatybės dokument*", "asmens dokument*"),
            *("identity card", "id card", "id kortel*"),
        ),
        strength=Strength.FORM,
        source="Law on Identity Cards and Passports; PRADO, LTU identity cards",
    ),
    Identifier(
        entity="LT_PASSPORT",
        country="LT",
        kind=Kind.PASSPORT,
        name="Pasas (passport number)",
        format="NNNNNNNN",
        pattern=r"\d{8}|[A-Z]{2}\d{6}",
        words=(
            *("pasas", "paso numeris", "paso nr", "pasą", "passport"),
            *("passport number", "passport no", "lithuanian passport"),
        ),
        strength=Strength.FORM,
        source="Law on Identity Cards and Passports; PRADO, LTU passports",
    ),
    Identifier(
        entity="LT_DRIVING_LICENCE",
        country="LT",
        kind=Kind.DRIVING_LICENCE,
        name="Vairuotojo pažymėjimas (driving licence number)",
        format="NNNNNNNN",
        pattern=r"\d{8}",
        words=(
            *("vairuotojo pažymėjimas", "vairuotojo pažymėjim*", "vairuotojo teisės"),
            *("vairavimo teis*", "vairuotojo teis*", "driving licence", "driving license"),
            *("driver's license", "driver's licence", "driver license"),
        ),
        strength=Strength.FORM,
        source="Regitra; PRADO, LTU driving licences",
    ),
    Identifier(
        entity="LT_NUMBER_PLATE",
        country="LT",
        kind=Kind.NUMBER_PLATE,
        name="Valstybinis numeris (vehicle registration)",
        format="AAA NNN, AANNNN for electric vehicles",
        pattern=r"[A-Z]{3}[ -]?\d{3}|[A-Z]{2}[ -]?\d{4}",
        words=(
            *("valstybinis numeris", "valstybinis nr", "valstybinio numerio"),
            *("valstybinį numerį", "valst. nr", "valstybiniai numeriai", "numerio ženkl*"),
            *("number plate", "licence plate", "license plate"),
        ),
        strength=Strength.FORM,
        source="Regitra, rules on registration plates",
        holds=is_one_code,
    ),
)

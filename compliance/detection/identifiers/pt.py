"""Identifiers of Portugal: NIF, NISS, cartão de cidadão, número de utente, documents, plates.

Sources: Autoridade Tributária e Aduaneira (NIF), Segurança Social (NISS), Instituto dos
Registos e do Notariado (cartão de cidadão), Serviços Partilhados do Ministério da Saúde
(utente), Instituto da Mobilidade e dos Transportes, PRADO.
"""

from __future__ import annotations

from stdnum.pt import cc, nif

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_NISS_WEIGHTS = (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)


def _nif(value: str) -> bool:
    digits = plain(value).removeprefix("PT")
    return nif.is_valid(digits) and (digits[0] not in "04" or digits.startswith("45"))


def _niss(value: str) -> bool:
    """Nine less the sum of the first ten digits by the first ten primes, downwards, modulo 10.

    No library has it; the rule is that of the Segurança Social's forms.
    """
    digits = [int(character) for character in plain(value)]
    weighted = sum(w * d for w, d in zip(_NISS_WEIGHTS, digits, strict=False))
    return len(digits) == 11 and 9 - weighted % 10 == digits[10]


def _cc(value: str) -> bool:
    return value.isascii() and cc.is_valid(plain(value))


def _cc_of_nic(value: str) -> bool:
    """`_cc` of a civil number whose own check digit, modulo 11 with 0 for 10, holds too.

    No library has that one; the rule is that of the former bilhete de identidade.
    """
    digits = [int(character) for character in plain(value)[:9]]
    weighted = sum(w * d for w, d in zip(range(9, 1, -1), digits, strict=False))
    return digits[8] == (11 - weighted % 11) % 11 % 10 and _cc(value)


def _plate_form(value: str) -> bool:
    """One way of parting throughout: "1250 kg" is a weight; with spaces, capitals only."""
    return is_one_code(value) and value.count("-") in (0, 2) and value.count(" ") in (0, 2)


_CARD_WORDS = (
    *("cartão de cidadão", "cartao de cidadao", "cartões de cidadão", "cartão do cidadão"),
    *("cc", "número de documento", "nº documento", "documento de identificação"),
    *("citizen card", "identity card", "id card"),
)

IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="PT_TAX_ID",
        country="PT",
        kind=Kind.TAX_ID,
        name="Número de Identificação Fiscal, NIF (tax identification number)",
        format="NNN NNN NNC, check digit modulo 11",
        pattern=r"[1-9]\d{2}[ .]?\d{3}[ .]?\d{3}",
        words=(
            *("nif", "contribuinte", "contribuintes", "identificação fiscal", "n.i.f", "nipc"),
            *("número fiscal", "número de contribuinte", "nº contribuinte", "pessoa coletiva"),
            *("tax identification number", "tax number", "tax id"),
            "número de identificação fiscal",
        ),
        strength=Strength.LIKELY,
        source="Decree-Law 14/2013; Autoridade Tributária e Aduaneira; stdnum.pt.nif",
        holds=_nif,
    ),
    Identifier(
        entity="PT_VAT",
        country="PT",
        kind=Kind.VAT,
        name="NIF para efeitos de IVA (VAT number)",
        format="PT and the nine digits of the NIF",
        pattern=r"PT[ -]?[1-9]\d{2}[ .]?\d{3}[ .]?\d{3}",
        words=(
            *("iva", "nif", "nipc", "número de iva", "n.º iva", "contribuinte", "vat"),
            *("vat number", "vat id", "vies", "tax number"),
        ),
        strength=Strength.CERTAIN,
        source="Council Directive 2006/112/EC, Article 215; stdnum.pt.nif",
        holds=_nif,
    ),
    Identifier(
        entity="PT_SOCIAL_SECURITY",
        country="PT",
        kind=Kind.SOCIAL_SECURITY,
        name="Número de Identificação de Segurança Social, NISS (social security number)",
        format="NNNNNNNNNNC, the first 1 or 2, weighted by primes modulo 10",
        pattern=r"[12]\d{2}[ .]?\d[ .]?\d{2}[ .]?\d{2}[ .]?\d[ .]?\d{2}",
        words=(
            *("niss", "segurança social", "seguranca social", "seg. social", "beneficiário"),
            *("número de segurança social", "nº segurança social", "n.i.s.s"),
            *("social security number", "social security", "inscrição na segurança social"),
        ),
        strength=Strength.LIKELY,
        source="Instituto da Segurança Social, NISS",
        holds=_niss,
    ),
    Identifier(
        entity="PT_ID_CARD",
        country="PT",
        kind=Kind.IDENTITY_CARD,
        name="Número de documento do Cartão de Cidadão (citizen card document number)",
        format="NNNNNNNN N AAC: civil number, its check digit, version, check digit modulo 10",
        pattern=r"\d{8}[ -]?\d[ -]?[A-Z][A-Z0-9][ -]?\d",
        words=_CARD_WORDS,
        strength=Strength.CERTAIN,
        source="Law 7/2007 (Cartão de Cidadão); stdnum.pt.cc",
        holds=_cc_of_nic,
    ),
    Identifier(
        entity="PT_ID_CARD",
        country="PT",
        kind=Kind.IDENTITY_CARD,
        name="Número de documento do Cartão de Cidadão whatever its civil number",
        format="NNNNNNNN N AAC, check digit modulo 10",
        pattern=r"\d{8}[ -]?\d[ -]?[A-Z][A-Z0-9][ -]?\d",
        words=_CARD_WORDS,
        strength=Strength.LIKELY,
        source="Law 7/2007 (Cartão de Cidadão); stdnum.pt.cc",
        holds=_cc,
    ),
    Identifier(
        entity="PT_NATIONAL_ID",
        country="PT",
        kind=Kind.NATIONAL_ID,
        name="Número de Identificação Civil, NIC (civil identification number)",
        format="NNNNNNNN, with its check digit NNNNNNNN-N",
        pattern=r"\d{8}(?:[ -]?\d)?|\d{1,2}[.]\d{3}[.]\d{3}|\d{7}(?:[ -]\d)?",
        words=(
            *("bilhete de identidade", "identificação civil", "número de identificação civil"),
            *("nic", "b.i", "bi n", "nº bi", "cartão de cidadão", "cartao de cidadao"),
            *("número de identidade", "civil identification number", "citizen card"),
        ),
        strength=Strength.FORM,
        source="Law 33/99 (identificação civil); Instituto dos Registos e do Notariado",
    ),
    Identifier(
        entity="PT_HEALTH_INSURANCE",
        country="PT",
        kind=Kind.HEALTH_INSURANCE,
        name="Número de utente do SNS (national health service user number)",
        format="NNNNNNNNN",
        pattern=r"\d{3}[ .]?\d{3}[ .]?\d{3}",
        words=(
            *("utente", "número de utente", "nº utente", "utente sns", "nº de utente", "nus"),
            *("n.º de utente", "cartão de utente", "serviço nacional de saúde", "sns"),
            *("health service number", "health user number"),
        ),
        strength=Strength.FORM,
        source="Serviços Partilhados do Ministério da Saúde, Registo Nacional de Utentes",
    ),
    Identifier(
        entity="PT_PASSPORT",
        country="PT",
        kind=Kind.PASSPORT,
        name="Passaporte (passport number)",
        format="ANNNNNN or AANNNNNN",
        pattern=r"[A-Z]{1,2}[ ]?\d{6}",
        words=(
            *("passaporte", "passaportes", "nº passaporte", "número de passaporte"),
            *("passaporte português", "passport", "passport number", "passport no"),
            "portuguese passport",
        ),
        strength=Strength.FORM,
        source="Decree-Law 83/2000 (passaporte eletrónico); PRADO, PRT passports",
        holds=is_one_code,
    ),
    Identifier(
        entity="PT_DRIVING_LICENCE",
        country="PT",
        kind=Kind.DRIVING_LICENCE,
        name="Carta de condução (driving licence number)",
        format="A-NNNNNN N or AA-NNNNNN N: district, number, check digit",
        pattern=r"[A-Z]{1,2}[ -]?\d{5,8}(?:[ -]\d)?",
        words=(
            *("carta de condução", "carta de conducao", "cartas de condução"),
            *("título de condução", "licença de condução", "nº da carta", "driving licence"),
            *("driving license", "driver's license", "driver's licence", "driver license"),
        ),
        strength=Strength.FORM,
        source="Instituto da Mobilidade e dos Transportes; PRADO, PRT driving licences",
        holds=is_one_code,
    ),
    Identifier(
        entity="PT_NUMBER_PLATE",
        country="PT",
        kind=Kind.NUMBER_PLATE,
        name="Matrícula (vehicle registration)",
        format="AA-NN-AA from 2020, NN-AA-NN, NN-NN-AA, AA-NN-NN",
        pattern=(
            r"[A-Z]{2}-?\d{2}-?[A-Z]{2}|\d{2}-?[A-Z]{2}-?\d{2}"
            r"|\d{2}-\d{2}-[A-Z]{2}|[A-Z]{2}-\d{2}-\d{2}"
            r"|(?-i:[A-Z]{2} \d{2} [A-Z]{2}|\d{2} [A-Z]{2} \d{2})"
            r"|(?-i:\d{2} \d{2} [A-Z]{2}|[A-Z]{2} \d{2} \d{2})"
        ),
        words=(
            *("matrícula", "matrículas", "matricula", "viatura", "viaturas", "veículo"),
            *("automóvel", "chapa de matrícula", "number plate", "licence plate"),
            *("license plate", "carro"),
        ),
        strength=Strength.FORM,
        source="Decree-Law 2/2020 (matrículas); Instituto da Mobilidade e dos Transportes",
        holds=_plate_form,
    ),
)

"""Identifiers of Spain: DNI, NIE, social security, health cards, documents and plates.

Sources: Ministerio del Interior (letra de control del NIF y NIE), Agencia Tributaria (NIF),
Tesorería General de la Seguridad Social (número de afiliación), Real Decreto 183/2004 (tarjeta
sanitaria individual), Dirección General de Tráfico (Reglamento General de Vehículos), PRADO.
"""

from __future__ import annotations

from stdnum.es import cif, dni, nie, nif

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_PERSON = r"\d{1,2}[. ]?\d{3}[. ]?\d{3}[ .\-/]{0,3}[A-HJ-NP-TV-Z]"
_FOREIGNER = r"[XYZ][ .\-]?\d{1}[. ]?\d{3}[. ]?\d{3}[ .\-/]{0,3}[A-HJ-NP-TV-Z]"


def _is_dni(value: str) -> bool:
    return dni.is_valid(plain(value).zfill(9)) and plain(value)[:-1].strip("0") != ""


def _is_nif(value: str) -> bool:
    """The DNI, or K, L, M for those who have none yet."""
    return _is_dni(value) if value[0].isdigit() else nif.is_valid(plain(value))


def _is_nie(value: str) -> bool:
    return nie.is_valid(plain(value))


def _is_cif(value: str) -> bool:
    return cif.is_valid(plain(value))


def _is_vat(value: str) -> bool:
    return nif.is_valid(plain(value))


def _is_licence(value: str) -> bool:
    """A driving licence has the number of its holder's DNI or NIE."""
    return _is_nie(value) if value[0].isalpha() else _is_dni(value)


def _is_affiliation(value: str) -> bool:
    """The last two digits are the rest modulo 97 of province and number; no library has it."""
    digits = plain(value)
    if len(digits) != 12 or not 1 <= int(digits[:2]) <= 66:
        return False
    number = digits[3:10] if digits[2] == "0" else digits[2:10]
    return int(digits[:2] + number) % 97 == int(digits[10:])


_DNI_WORDS = (
    *(
        "dni",
        "d.n.i",
        "nif",
        "n.i.f",
        "documento nacional de identidad",
        "documento de identidad",
    ),
    *(
        "número de identificación fiscal",
        "carnet de identidad",
        "document nacional d'identitat",
    ),
    *("document d'identitat", "nan", "nortasun agiri*", "spanish id", "identidad", "cédula"),
    *(
        "national id",
        "número de documento",
        "nº documento",
        "num_documento",
        "nif/nie",
        "dni/nie",
    ),
    *("identity card", "tax id", "nortasun agiria", "documento nacional"),
)

_CARS = frozenset({"BMW", "GTD", "GPL", "GLP", "CDR", "PVP"})


def _is_plate(value: str) -> bool:
    """Not the year and make of a car."""
    return is_one_code(value) and plain(value)[4:] not in _CARS


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="ES_NIF",
        country="ES",
        kind=Kind.NATIONAL_ID,
        name="Documento Nacional de Identidad, DNI/NIF (national identity and tax number)",
        format="NNNNNNNNL, the letter from the number modulo 23; K, L, M and seven digits",
        pattern=rf"{_PERSON}|[KLM][ .\-]?\d{{7}}[ .\-]?[A-HJ-NP-TV-Z]",
        words=_DNI_WORDS,
        strength=Strength.CERTAIN,
        source="Ministerio del Interior, cálculo del dígito de control del NIF/NIE",
        holds=_is_nif,
    ),
    Identifier(
        entity="ES_NIE",
        country="ES",
        kind=Kind.NATIONAL_ID,
        name="Número de Identidad de Extranjero, NIE (number of a foreigner)",
        format="X, Y or Z, seven digits and a letter modulo 23",
        pattern=_FOREIGNER,
        words=(
            *("nie", "n.i.e", "número de identidad de extranjero", "extranjer*", "tie"),
            *("número de identificación de extranjero", "tarjeta de residencia", "residencia"),
            *(
                "foreigner id*",
                "número d'identitat d'estranger",
                "dni/nie",
                "nif",
                "estranger*",
            ),
        ),
        strength=Strength.CERTAIN,
        source="Ministerio del Interior, cálculo del dígito de control del NIF/NIE",
        holds=_is_nie,
    ),
    Identifier(
        entity="ES_VAT",
        country="ES",
        kind=Kind.VAT,
        name="NIF-IVA (VAT number)",
        format="ES and the NIF, NIE or CIF",
        pattern=r"ES[ \-]?[A-Z0-9][ \-]?\d{7}[ \-]?[A-Z0-9]",
        words=(
            "nif-iva",
            "iva",
            "vat",
            "nif iva",
            "nif",
            "cif",
            "vat number",
            "intracomunitario",
        ),
        strength=Strength.CERTAIN,
        source="Agencia Tributaria, NIF-IVA; stdnum.es.nif",
        holds=_is_vat,
    ),
    Identifier(
        entity="ES_VAT",
        country="ES",
        kind=Kind.VAT,
        name="Código de Identificación Fiscal, CIF (tax number of a company)",
        format="letter, seven digits, check digit or letter",
        pattern=r"[ABCDEFGHJNPQRSUVW][ \-]?\d{2}[. ]?\d{3}[. ]?\d{2}[ \-]?[0-9A-J]",
        words=(
            "cif",
            "c.i.f",
            "nif",
            "código de identificación fiscal",
            "razón social",
            "empresa",
        ),
        strength=Strength.LIKELY,
        source="Orden EHA/451/2008; stdnum.es.cif",
        holds=_is_cif,
    ),
    Identifier(
        entity="ES_SOCIAL_SECURITY",
        country="ES",
        kind=Kind.SOCIAL_SECURITY,
        name="Número de afiliación a la Seguridad Social, NUSS/NAF (social security number)",
        format="PP NNNNNNNN CC, check modulo 97",
        pattern=r"\d{2}[ /\-.]?\d{7,8}[ /\-.]?\d{2}",
        words=(
            *("seguridad social", "nuss", "naf", "n.a.f", "número de afiliación", "afiliación"),
            *("nº s.s", "nss", "n.s.s", "seguretat social", "gizarte segurantza*", "ss"),
            *("social security", "seguridade social", "número de seguridad social", "afiliad*"),
        ),
        strength=Strength.CERTAIN,
        source="Tesorería General de la Seguridad Social, número de afiliación",
        holds=_is_affiliation,
    ),
    Identifier(
        entity="ES_HEALTH_INSURANCE",
        country="ES",
        kind=Kind.HEALTH_INSURANCE,
        name="Código de Identificación Personal, CIP (health card)",
        format="four letters and ten digits, or BBBBBBBB, two letters and six digits",
        pattern=r"[A-Z]{4}[ ]?[0-9][ ]?\d{6}[ ]?\d{3}|BBBBBBBB[A-Z]{2}\d{6}|[A-Z]{4}\d{12}",
        words=(
            *(
                "cip",
                "tarjeta sanitaria",
                "tsi",
                "código de identificación personal",
                "cip-sns",
            ),
            *("targeta sanitària", "tarjeta sanitaria individual", "osasun txartel*", "cipa"),
            *("tarxeta sanitaria", "health card", "cip_sns", "código sns", "historia clínica"),
        ),
        strength=Strength.FORM,
        source="Real Decreto 183/2004; CatSalut, codi d'identificació personal",
        holds=is_one_code,
    ),
    Identifier(
        entity="ES_PASSPORT",
        country="ES",
        kind=Kind.PASSPORT,
        name="Pasaporte (passport)",
        format="two or three letters and six digits",
        pattern=r"[A-Z]{2,3}[ \-]?\d{6}",
        words=(
            "pasaporte*",
            "passaport*",
            "passport*",
            "pasaportea",
            "nº pasaporte",
            "pasaporte nº",
        ),
        strength=Strength.FORM,
        source="PRADO, ESP-AO",
        holds=is_one_code,
    ),
    Identifier(
        entity="ES_ID_CARD",
        country="ES",
        kind=Kind.IDENTITY_CARD,
        name="Número de soporte del DNI o de la tarjeta de extranjero (number of the card)",
        format="three letters and six digits, or E and eight digits",
        pattern=r"[A-Z]{3}[ \-]?\d{6}|E[ \-]?\d{8}",
        words=(
            "soporte",
            "número de soporte",
            "num soporte",
            "idesp",
            "suport",
            "nº soporte",
            "soport",
        ),
        strength=Strength.FORM,
        source="PRADO, ESP-BO",
        holds=is_one_code,
    ),
    Identifier(
        entity="ES_DRIVING_LICENCE",
        country="ES",
        kind=Kind.DRIVING_LICENCE,
        name="Permiso de conducción (driving licence)",
        format="the holder's DNI or NIE",
        pattern=rf"{_PERSON}|{_FOREIGNER}",
        words=(
            *("permiso de conducir", "permiso de conducción", "carnet de conducir", "licencia"),
            *("carné de conducir", "permís de conduir", "carnet de conduir", "gidabaimen*"),
            *("driving licence", "driver's license", "permiso de condución", "driver license"),
        ),
        strength=Strength.FORM,
        source="Reglamento General de Conductores (Real Decreto 818/2009)",
        holds=_is_licence,
    ),
    Identifier(
        entity="ES_NUMBER_PLATE",
        country="ES",
        kind=Kind.NUMBER_PLATE,
        name="Matrícula (vehicle registration)",
        format="NNNN LLL without vowels, or province, four digits, one or two letters",
        pattern=r"\d{4}[ \-]?[BCDFGHJKLMNPRSTVWXYZ]{3}|[A-Z]{1,2}[ \-]\d{4}[ \-][A-Z]{1,2}",
        words=(
            *(
                "matrícula*",
                "matricula*",
                "matriculad*",
                "coche",
                "vehículo*",
                "placa",
                "cotxe",
            ),
            *("number plate", "license plate", "licence plate", "registration", "moto", "auto"),
            *("furgoneta", "vehicle", "vehicle*", "turismo", "camión"),
        ),
        strength=Strength.FORM,
        source="Reglamento General de Vehículos (Real Decreto 2822/1998), anexo XVIII",
        holds=_is_plate,
    ),
)
"""Every identifier of Spain."""

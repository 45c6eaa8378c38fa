"""France: identifiers and their sources.

The registration number of social security ends with a key of 97 (`stdnum.fr.nir`), the tax
number with a remainder of 511 (`stdnum.fr.nif`).
"""

from __future__ import annotations

from stdnum.fr import nif, nir, tva

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_NIR_WORDS = (
    *("numéro de sécurité sociale", "n° de sécurité sociale", "sécurité sociale"),
    *("numéro de sécu", "n° de sécu", "sécu", "nir", "nirpp", "numéro insee", "n° insee"),
    *("nss", "carte vitale", "n° ss", "numéro ss", "numéro d'assuré", "assuré social"),
    *("numéro d'inscription au répertoire", "assurance maladie", "social security"),
    "immatriculation sociale",
)
_HEALTH_WORDS = (
    *("carte vitale", "numéro de carte vitale", "carte d'assuré", "carte d'assurance maladie"),
    *("assurance maladie", "health insurance"),
)
_TAX_WORDS = (
    *("numéro fiscal", "n° fiscal", "numéro fiscal de référence", "spi", "identifiant fiscal"),
    *("nif", "référence fiscale", "numéro d'identification fiscale", "impôts", "avis d'impôt"),
    *("tax number", "tax id", "tin"),
)
_CARD_WORDS = (
    *("carte nationale d'identité", "carte d'identité", "cni", "cnie", "numéro de carte"),
    *("pièce d'identité", "n° de carte d'identité", "identity card", "id card"),
)
_PASSPORT_WORDS = ("passeport*", "numéro de passeport", "n° de passeport", "passport*")
_LICENCE_WORDS = (
    *("permis de conduire", "numéro de permis", "n° de permis", "permis n°", "neph"),
    *("permis", "driving licence", "driving license", "driver's license"),
)
_VAT_WORDS = (
    *("tva", "tva intracommunautaire", "numéro de tva", "n° tva", "taxe sur la valeur ajoutée"),
    *("vat", "vat number"),
)
_PLATE_WORDS = (
    *(
        "immatriculation",
        "immat",
        "immatriculé*",
        "plaque d'immatriculation",
        "plaque",
        "plaques",
    ),
    *("carte grise", "certificat d'immatriculation", "numéro d'immatriculation"),
    *("number plate", "licence plate", "license plate", "registration number"),
)
_SIV = "[a-hj-np-tv-z]"
_CONSONANT_FIRST = "[b-df-hj-np-tv-z][0-9b-df-hj-np-tv-z]{7}[0-9]"


def _is_nir(value: str) -> bool:
    """A number with its key, of a month, of none (20) or of scant papers (30 to 42)."""
    number = plain(value)
    month = int(number[3:5])
    return nir.is_valid(number) and (1 <= month <= 12 or month == 20 or 30 <= month <= 42)


def _is_nir_beside_a_word(value: str) -> bool:
    """A number with its key, of any month; without it of a month and a serial that can be."""
    number = plain(value)
    if len(number) == 15:
        return nir.is_valid(number)
    return 1 <= int(number[3:5]) <= 12 and number[10:] != "000"


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="FR_SOCIAL_SECURITY",
        country="FR",
        kind=Kind.SOCIAL_SECURITY,
        name="Numéro de sécurité sociale, NIR (social security and health insurance number)",
        format="S YY MM DD CCC NNN KK; key from the remainder of 97",
        pattern=(
            r"[1-478][ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?(?:[0-9]{2}|2[ab])[ .-]?[0-9]{3}[ .-]?"
            r"[0-9]{3}[ ]?[ ./|-]?[ ]?[0-9]{2}"
        ),
        words=_NIR_WORDS,
        strength=Strength.CERTAIN,
        source="Code de la sécurité sociale R161-1; Insee; stdnum.fr.nir",
        holds=_is_nir,
    ),
    Identifier(
        entity="FR_SOCIAL_SECURITY",
        country="FR",
        kind=Kind.SOCIAL_SECURITY,
        name="Numéro de sécurité sociale, NIR, without its key or of any month",
        format="S YY MM DD CCC NNN, also with a key",
        pattern=(
            r"[1-478][ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?(?:[0-9]{2}|2[ab])[ .-]?[0-9]{3}[ .-]?"
            r"[0-9]{3}(?:[ ]?[ ./|-]?[ ]?[0-9]{2})?"
        ),
        words=_NIR_WORDS,
        strength=Strength.FORM,
        source="Code de la sécurité sociale R161-1; Insee",
        holds=_is_nir_beside_a_word,
    ),
    Identifier(
        entity="FR_HEALTH_INSURANCE",
        country="FR",
        kind=Kind.HEALTH_INSURANCE,
        name="Numéro de la carte Vitale (number of a health insurance card)",
        format="21 digits",
        pattern=r"[0-9]{10}[ ]?[0-9]{10}[ ]?[0-9]",
        words=_HEALTH_WORDS,
        strength=Strength.FORM,
        source="GIE SESAM-Vitale",
    ),
    Identifier(
        entity="FR_TAX_ID",
        country="FR",
        kind=Kind.TAX_ID,
        name="Numéro fiscal de référence, SPI (tax number)",
        format="NN NN NNN NNN CCC; remainder of 511",
        pattern=r"[0-3][0-9][ .]?[0-9]{2}[ .]?[0-9]{3}[ .]?[0-9]{3}[ .]?[0-9]{3}",
        words=_TAX_WORDS,
        strength=Strength.CERTAIN,
        source="Direction générale des Finances publiques; stdnum.fr.nif",
        holds=lambda value: nif.is_valid(plain(value)),
    ),
    Identifier(
        entity="FR_ID_CARD",
        country="FR",
        kind=Kind.IDENTITY_CARD,
        name="Numéro de carte nationale d'identité (identity card number)",
        format="12 digits, since 2021 9 digits and consonants",
        pattern=r"(?:[0-9]{4}[ ]?[0-9]{3}[ ]?[0-9]{5}|" + _CONSONANT_FIRST + ")",
        words=_CARD_WORDS,
        strength=Strength.FORM,
        source="Décret n° 55-1397; PRADO (Council of the EU)",
    ),
    Identifier(
        entity="FR_PASSPORT",
        country="FR",
        kind=Kind.PASSPORT,
        name="Numéro de passeport (passport number)",
        format="NN AA NNNNN",
        pattern=r"[0-9]{2}[ ]?[a-z]{2}[ ]?[0-9]{5}",
        words=_PASSPORT_WORDS,
        strength=Strength.FORM,
        source="Décret n° 2005-1726; PRADO (Council of the EU)",
        holds=is_one_code,
    ),
    Identifier(
        entity="FR_DRIVING_LICENCE",
        country="FR",
        kind=Kind.DRIVING_LICENCE,
        name="Numéro de permis de conduire, NEPH (driving licence number)",
        format="12 digits, on cards since 2013 NN AA NNNNN",
        pattern=(
            r"(?:[0-9]{2}[ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?[0-9]{3}[ ]?[0-9]{3}"
            r"|[0-9]{2}[ ]?[a-z]{2}[ ]?[0-9]{5})"
        ),
        words=_LICENCE_WORDS,
        strength=Strength.FORM,
        source="Code de la route; Directive 2006/126/EC, field 5",
        holds=is_one_code,
    ),
    Identifier(
        entity="FR_VAT",
        country="FR",
        kind=Kind.VAT,
        name="Numéro de TVA intracommunautaire (VAT number)",
        format="FR KK NNN NNN NNN; key from the remainder of 97, then a SIREN",
        pattern=r"FR[ -]?[0-9a-hj-np-z]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{3}[ .-]?[0-9]{3}",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="Code général des impôts, art. 286 ter; stdnum.fr.tva",
        holds=lambda value: tva.is_valid(plain(value)),
    ),
    Identifier(
        entity="FR_NUMBER_PLATE",
        country="FR",
        kind=Kind.NUMBER_PLATE,
        name="Numéro d'immatriculation (vehicle registration)",
        format="AA-NNN-AA",
        pattern=_SIV + r"{2}-[0-9]{3}-" + _SIV + r"{2}",
        words=_PLATE_WORDS,
        strength=Strength.LIKELY,
        source="Code de la route R322-2; arrêté of 9 February 2009",
        holds=is_one_code,
    ),
    Identifier(
        entity="FR_NUMBER_PLATE",
        country="FR",
        kind=Kind.NUMBER_PLATE,
        name="Numéro d'immatriculation (vehicle registration), otherwise separated or old",
        format="AA NNN AA, until 2009 NNN AAA NN",
        pattern=(
            r"(?:" + _SIV + r"{2}[ -]?[0-9]{3}[ -]?" + _SIV + r"{2}"
            r"|[0-9]{2,4}[ -]?[a-z]{2,3}[ -]?(?:[0-9]{2,3}|2[ab]))"
        ),
        words=_PLATE_WORDS,
        strength=Strength.FORM,
        source="Code de la route R322-2; arrêté of 9 February 2009",
        holds=is_one_code,
    ),
)

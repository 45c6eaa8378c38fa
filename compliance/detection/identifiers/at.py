"""Austria: identifiers and their sources.

The social security number, tax number and VAT number have check digits (`stdnum.at`); those
of documents have none that is public.
"""

from __future__ import annotations

import base64

from stdnum.at import tin, uid, vnr

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_SV_WORDS = (
    *("sozialversicherungsnummer*", "versicherungsnummer*", "sv nummer", "svnr", "sv nr"),
    *(
        "vsnr",
        "vers nr",
        "versicherungs nr",
        "sozialversicherung*",
        "sozialvers nr",
        "e-card",
        "versicherte*",
    ),
    *("social security", "social insurance", "ssn"),
)
_TAX_WORDS = (
    *("abgabenkontonummer*", "abgabenkonto", "steuernummer*", "steuer nr", "st nr", "stnr"),
    *("finanzamtsnummer*", "steuerkonto*", "finanzamt", "tax number", "tax id", "tin"),
)
_BPK_WORDS = (
    *("bpk", "stammzahl*", "personenkennzeichen", "bereichsspezifisch*", "sourcepin"),
    *("source pin", "sector-specific personal identifier"),
)
_ZMR_WORDS = (
    *("zmr zahl", "zmr", "melderegisterzahl*", "melderegister", "melderegisternummer*"),
    *("meldebestätigung", "meldezettel"),
)
_PASSPORT_WORDS = (
    *("reisepass*", "reisepaß", "passnummer*", "paß", "pass nr", "passnr", "pass nummer"),
    *("passport*", "travel document"),
)
_CARD_WORDS = (
    *("personalausweis*", "ausweisnummer*", "ausweis nr", "ausweisnr", "ausweis nummer"),
    *("identitätsausweis", "identity card", "id card"),
)
_LICENCE_WORDS = (
    *("führerschein*", "fuehrerschein*", "lenkberechtigung*", "lenkerberechtigung*"),
    *("scheckkartenführerschein", "driving licence", "driving license", "driver's license"),
    *("driver license", "driver licence"),
)
_VAT_WORDS = (
    *("uid nummer", "uid nr", "uid", "uidnr", "umsatzsteuer*", "ust id", "ust idnr", "ustid"),
    *("vat", "vat number", "vat id"),
)
_PLATE_WORDS = (
    *("kennzeichen", "kfz kennzeichen", "autokennzeichen", "wunschkennzeichen"),
    *("nummerntafel*", "nummernschild*", "kennzeichentafel*", "zulassungsschein*"),
    *("zulassungsbesitzer*", "number plate", "licence plate", "license plate"),
)


def _is_social_security(value: str) -> bool:
    # Where the numbers of a day have run out, the month is 13 or above.
    number = plain(value)
    return vnr.is_valid(number) and 1 <= int(number[4:6]) <= 31 and 1 <= int(number[6:8]) <= 15


def _is_person_key(value: str) -> bool:
    try:
        size = len(base64.b64decode(value, validate=True))
    except ValueError:
        return False
    # 16 bytes are the source PIN, 20 the one of an area (a SHA-1). Words are letters alone.
    return size in (16, 20) and not value.rstrip("=").isalpha()


_DISTRICTS = frozenset(
    """
    A AM B BA BD BG BH BL BM BN BP BR BZ DL DO E EF EU FB FE FF FK FR FV FW G GB GD GF GM GR GS
    GU HA HB HE HF HL HO I IL IM JE JO JU JW K KB KF KG KI KK KL KO KR KS KU L LA LB LE LF LI LL
    LN LZ MA MD ME MI MT MU MZ N ND NK OP OW P PE PL PT RA RE RI RO S SB SD SE SK SL SO SP SR SS
    ST SV SW SZ T TA TK TU UU V VB VI VK VL VO W WB WE WK WL WN WO WT WU WY WZ ZE ZT ZW
    """.split()
)


def _is_plate(value: str) -> bool:
    district = value.replace("-", " ").split()[0]
    return is_one_code(value) and district.upper() in _DISTRICTS


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="AT_SOCIAL_SECURITY",
        country="AT",
        kind=Kind.SOCIAL_SECURITY,
        name="Versicherungsnummer, SVNR (social and health insurance number)",
        format="NNNC DDMMYY; check digit C modulo 11",
        pattern=(
            r"[1-9][0-9]{3}(?:[ ]?[/-]?[ ]?[0-3][0-9][01][0-9]{3}"
            r"|[ /-][0-3][0-9][ ./-][01][0-9][ ./-][0-9]{2})"
        ),
        words=_SV_WORDS,
        strength=Strength.CERTAIN,
        source="ASVG § 460d; stdnum.at.vnr",
        holds=_is_social_security,
    ),
    Identifier(
        entity="AT_TAX_ID",
        country="AT",
        kind=Kind.TAX_ID,
        name="Abgabenkontonummer, Steuernummer (tax account number)",
        format="FF-NNN/NNNC; tax office FF, check digit modulo 10",
        pattern=r"[0-9]{2}[ -][0-9]{3}[ ]?/[ ]?[0-9]{4}",
        words=_TAX_WORDS,
        strength=Strength.LIKELY,
        source="Bundesministerium für Finanzen; stdnum.at.tin",
        holds=lambda value: tin.is_valid(plain(value)),
    ),
    Identifier(
        entity="AT_TAX_ID",
        country="AT",
        kind=Kind.TAX_ID,
        name="Abgabenkontonummer, Steuernummer (tax account number), otherwise separated",
        format="FFNNNNNNC; tax office FF, check digit modulo 10",
        pattern=r"[0-9]{2}[ ./-]?[0-9]{3}[ ./-]?[0-9]{4}",
        words=_TAX_WORDS,
        strength=Strength.FORM,
        source="Bundesministerium für Finanzen; stdnum.at.tin",
        holds=lambda value: tin.is_valid(plain(value)),
    ),
    Identifier(
        entity="AT_NATIONAL_ID",
        country="AT",
        kind=Kind.NATIONAL_ID,
        name="Stammzahl, bereichsspezifisches Personenkennzeichen (source PIN, bPK)",
        format="base64 of 16 or 20 bytes",
        pattern=r"(?:[a-z0-9+/]{22}==|[a-z0-9+/]{27}=)",
        words=(*_BPK_WORDS, *_ZMR_WORDS),
        strength=Strength.FORM,
        source="E-Government-Gesetz §§ 6, 9",
        holds=_is_person_key,
    ),
    Identifier(
        entity="AT_NATIONAL_ID",
        country="AT",
        kind=Kind.NATIONAL_ID,
        name="ZMR-Zahl, Melderegisterzahl (number in the register of residents)",
        format="NNNNNNNNNNNN",
        pattern=r"[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}",
        words=(*_ZMR_WORDS, *_BPK_WORDS),
        strength=Strength.FORM,
        source="Meldegesetz § 16",
    ),
    Identifier(
        entity="AT_PASSPORT",
        country="AT",
        kind=Kind.PASSPORT,
        name="Reisepassnummer (passport number)",
        format="A NNNNNNN or AA NNNNNNN",
        pattern=r"[a-z]{1,2}[ ]?[0-9]{7}",
        words=_PASSPORT_WORDS,
        strength=Strength.FORM,
        source="Passgesetz-Durchführungsverordnung; PRADO (Council of the EU)",
        holds=is_one_code,
    ),
    Identifier(
        entity="AT_ID_CARD",
        country="AT",
        kind=Kind.IDENTITY_CARD,
        name="Personalausweisnummer (identity card number)",
        format="A NNNNNNN or AA NNNNNNN",
        pattern=r"[a-z]{1,2}[ ]?[0-9]{7}",
        words=_CARD_WORDS,
        strength=Strength.FORM,
        source="Passgesetz-Durchführungsverordnung; PRADO (Council of the EU)",
        holds=is_one_code,
    ),
    Identifier(
        entity="AT_ID_CARD",
        country="AT",
        kind=Kind.IDENTITY_CARD,
        name="Personalausweisnummer of older cards (identity card number)",
        format="NNNNNNN or NNNNNNNN",
        pattern=r"[0-9]{7,8}",
        words=_CARD_WORDS,
        strength=Strength.FORM,
        source="Passgesetz-Durchführungsverordnung; PRADO (Council of the EU)",
    ),
    Identifier(
        entity="AT_DRIVING_LICENCE",
        country="AT",
        kind=Kind.DRIVING_LICENCE,
        name="Führerscheinnummer (driving licence number)",
        format="NNNNNNNN",
        pattern=r"[0-9]{2}[ /]?[0-9]{3}[ /]?[0-9]{3}",
        words=_LICENCE_WORDS,
        strength=Strength.FORM,
        source="Führerscheingesetz-Durchführungsverordnung; Directive 2006/126/EC, field 5",
    ),
    Identifier(
        entity="AT_VAT",
        country="AT",
        kind=Kind.VAT,
        name="Umsatzsteuer-Identifikationsnummer, UID (VAT number)",
        format="ATUNNNNNNNC; check digit modulo 10",
        pattern=r"AT[ -]?U[ -]?[0-9]{4}[ .]?[0-9]{4}",
        words=_VAT_WORDS,
        strength=Strength.CERTAIN,
        source="UStG Art. 28; stdnum.at.uid",
        holds=lambda value: uid.is_valid(plain(value)),
    ),
    Identifier(
        entity="AT_NUMBER_PLATE",
        country="AT",
        kind=Kind.NUMBER_PLATE,
        name="Kennzeichen (vehicle registration)",
        format="district, then digits and letters: W-12345A, GU 123 AB, S-ABC 1",
        pattern=(r"[a-z]{1,2}[ -](?:[0-9]{1,5}[ -]?[a-z]{1,3}|[a-z]{3,5}[ -]?[0-9]{1,3})"),
        words=_PLATE_WORDS,
        strength=Strength.FORM,
        source="KDV 1967 § 26; KFG 1967 § 48",
        holds=_is_plate,
    ),
)

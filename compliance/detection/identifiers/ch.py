"""Identifiers of Switzerland: AHV, UID, documents and plates.

Sources: Zentrale Ausgleichsstelle (AHV-Nummer), Bundesamt für Statistik (UID), Eidgenössische
Steuerverwaltung (MWST), fedpol (Pass, Identitätskarte), Verkehrszulassungsverordnung, PRADO.
"""

from __future__ import annotations

from stdnum.ch import ssn, uid

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_one_code, plain

_CANTONS = "AG|AI|AR|BE|BL|BS|FR|GE|GL|GR|JU|LU|NE|NW|OW|SG|SH|SO|SZ|TG|TI|UR|VD|VS|ZG|ZH"


def _is_ahv(value: str) -> bool:
    return ssn.is_valid(plain(value))


def _is_uid(value: str) -> bool:
    return uid.is_valid(plain(value)[:12])


IDENTIFIERS: tuple[Identifier, ...] = (
    Identifier(
        entity="CH_SOCIAL_SECURITY",
        country="CH",
        kind=Kind.SOCIAL_SECURITY,
        name="AHV-Nummer, numéro AVS (social security number), also Liechtenstein's",
        format="756.NNNN.NNNN.NC, check digit of EAN-13",
        pattern=r"756[ .\-]?\d{4}[ .\-]?\d{4}[ .\-]?\d{2}",
        words=(
            *(
                "ahv*",
                "avs",
                "sozialversicherungsnummer",
                "versichertennummer",
                "ahvn13",
                "navs",
            ),
            *("navs13", "numéro avs", "numero avs", "assurance sociale", "sv-nummer", "oasi"),
            *("social security", "n° avs", "ahv-nr", "ahv-nummer", "svn"),
        ),
        strength=Strength.CERTAIN,
        source="Zentrale Ausgleichsstelle ZAS, AHVN13; stdnum.ch.ssn",
        holds=_is_ahv,
    ),
    Identifier(
        entity="CH_VAT",
        country="CH",
        kind=Kind.VAT,
        name="Unternehmens-Identifikationsnummer, UID/IDE/IDI; with MWST/TVA/IVA (VAT number)",
        format="CHE-NNN.NNN.NNC, modulo 11",
        pattern=(
            r"CHE[ \-]?\d{3}[ .\-]?\d{3}[ .\-]?\d{3}(?:[ \-]?(?:MWST|TVA|IVA|TPV|HR|RC))?"
        ),
        words=(
            "uid",
            "mwst",
            "ide",
            "idi",
            "tva",
            "iva",
            "vat",
            "mwst-nummer",
            "mehrwertsteuer*",
        ),
        strength=Strength.CERTAIN,
        source="Bundesamt für Statistik, UID; stdnum.ch.uid",
        holds=_is_uid,
    ),
    Identifier(
        entity="CH_PASSPORT",
        country="CH",
        kind=Kind.PASSPORT,
        name="Pass, passeport, passaporto (passport)",
        format="letter and seven digits, or eight letters and digits",
        pattern=r"[A-Z]\d{7}|[A-Z]\d[A-Z0-9]{6}",
        words=(
            *(
                "passnummer",
                "passeport*",
                "passaporto*",
                "passport*",
                "pass-nr",
                "reisepass*",
            ),
            *("schweizer pass", "schweizerpass", "passaport", "passnr"),
        ),
        strength=Strength.FORM,
        source="fedpol; PRADO, CHE-AO",
        holds=is_one_code,
    ),
    Identifier(
        entity="CH_ID_CARD",
        country="CH",
        kind=Kind.IDENTITY_CARD,
        name="Identitätskarte, carte d'identité, carta d'identità (identity card)",
        format="letter and seven digits, or eight letters and digits",
        pattern=r"[A-Z]\d{7}|[A-Z]\d[A-Z0-9]{6}",
        words=(
            *(
                "identitätskarte*",
                "carte d'identité",
                "carta d'identità",
                "id-karte",
                "ausweis*",
            ),
            *("identity card", "id-nummer", "carta d'identitad", "ausweisnummer", "id card"),
        ),
        strength=Strength.FORM,
        source="fedpol; PRADO, CHE-BO",
        holds=is_one_code,
    ),
    Identifier(
        entity="CH_DRIVING_LICENCE",
        country="CH",
        kind=Kind.DRIVING_LICENCE,
        name="Führerausweis, permis de conduire, licenza di condurre (driving licence)",
        format="twelve digits; PIN of nine digits",
        pattern=r"\d{12}|\d{9}|\d{3}[ .]\d{3}[ .]\d{3}(?:[ .]\d{3})?",
        words=(
            *(
                "führerausweis*",
                "permis de conduire",
                "licenza di condurre",
                "faber-pin",
                "faber",
            ),
            *("fahrausweis*", "driving licence", "führerschein*", "fahrausweisnummer"),
        ),
        strength=Strength.FORM,
        source="Verkehrszulassungsverordnung, Führerausweis im Kreditkartenformat; PRADO",
    ),
    Identifier(
        entity="CH_NUMBER_PLATE",
        country="CH",
        kind=Kind.NUMBER_PLATE,
        name="Kontrollschild, plaque d'immatriculation (vehicle registration)",
        format="canton and one to six digits",
        pattern=rf"(?:{_CANTONS})[ \-·*]{{0,3}}\d{{1,3}}(?:[ ']?\d{{1,3}})?",
        words=(
            *(
                "kontrollschild*",
                "autonummer",
                "nummernschild*",
                "plaque*",
                "immatricul*",
                "targa*",
            ),
            *("kennzeichen", "auto", "fahrzeug*", "number plate", "license plate", "véhicule*"),
            *("voiture*", "targhe", "veicolo", "schild"),
        ),
        strength=Strength.FORM,
        source="Verkehrszulassungsverordnung (SR 741.51), Art. 83",
        holds=is_one_code,
    ),
)
"""Every identifier of Switzerland."""

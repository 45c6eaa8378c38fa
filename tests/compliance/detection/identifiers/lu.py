"""Values of the identifiers of Luxembourg: generated from their rules, and specimens."""

from __future__ import annotations

from collections.abc import Mapping

from tests.compliance.detection.identifiers.values import Values

_ALIKE = (
    "La commande 4711-00892 est partie hier de l'entrepôt.",
    "Le livre ISBN 978-99959-12-34-5 est épuisé.",
    "Téléphone du bureau : 26 00 00 01, poste 12.",
    "Die Version 10.4.2.118 wurde am 12.03.2024 gebaut.",
    "D'Datei 550e8400-e29b-41d4-a716-446655440000 gouf net fonnt.",
    "Vu l'article 13 de la loi du 19 juin 2013.",
)
"""Numbers of other things, as people of the country write of them."""

VALUES: Mapping[str, Values] = {
    "LU_NATIONAL_ID": Values(
        valid=(
            *("1948020669293", "2011060344779", "2005 1219 463 66", "2003 08 19 14326"),
            *("19710219592", "1995062976969", "1977011819964", "1940 0413 851 87"),
            *("2001 12 03 41580", "20021031999", "1952020484581", "1937033093709"),
        ),
        invalid=(
            *("1893120105733", "1893120105742", "1893130105732", "1893123205732"),
            *("0893120105732", "194802066929", "2011060344777", "2005 12Ö9 463 66"),
            *("2003 08 19 143263", "1971021959", "1995062976962"),
        ),
        alike=(
            *_ALIKE,
            "Le matricule compte 13 chiffres, par exemple 0000000000000.",
        ),
    ),
    "LU_VAT": Values(
        valid=(
            *("LU77242987", "25239782", "LU 06412949", "LU 048 510 05", "LU12596126"),
            *("30508885", "LU 19541661", "LU 745 758 27", "LU29188655", "61540155"),
            *("LU 30785706", "LU 623 528 83"),
        ),
        invalid=(
            *("LU15027443", "15027443", "LU1502744", "LU7724298", "25239787", "LU 06419949"),
            *("LU 048 5Ä0 05", "LU125961265", "3050888", "LU 19541668", "LU 745 788 27"),
        ),
        alike=(
            *_ALIKE,
            "TVA de 17 % sur 1.250,00 euros : 212,50 euros.",
        ),
    ),
    "LU_ID_CARD": Values(
        valid=(
            *("S41W7391G", "TW824933", "S79B1791V", "WDD46446", "S22A3641O", "FWEK5890"),
            *("S44S3823L", "LJUQ4697", "S16O2383B", "Z1UC1635", "S33K8760Z", "YOKO5740"),
        ),
        invalid=(
            *("Unterlagen", "IDENTITE", "A12", "1234", "S23A45678901", "00110327", "S41W7Ä91G"),
            *("TW82493", "S79B1Ö91V", "WDD4644", "S22A3Ö41O"),
        ),
        alike=(
            *_ALIKE,
            "La carte d'identité coûte 14 euros et vaut dix ans.",
        ),
    ),
    "LU_PASSPORT": Values(
        valid=(
            *("JJ704N78", "J4802892", "JRJ0V2D2", "JB842T84", "J4484025", "JPV4G2Y3"),
            *("JU957L89", "J3127640", "JFY6A6K4", "JJ571X23", "J7150970", "JHW4S8L4"),
        ),
        invalid=(
            *("PASSPORT", "PASSEPOR", "J12", "12345678", "JA12345678", "JJ704N7", "J480Ä892"),
            *("JRJ0V2D29", "JB842T8", "J448Ä025", "JPV4G2Y37"),
        ),
        alike=(
            *_ALIKE,
            "Le passeport Biométrique coûte 50 euros.",
        ),
    ),
    "LU_DRIVING_LICENCE": Values(
        valid=(
            *("486881", "822483", "242624", "533144", "231839", "844528", "036884", "721964"),
            *("498059", "840785", "070121", "156912"),
        ),
        invalid=(
            *("48688", "X22483", "X42624", "533Ä44", "2318391", "84452", "X36884", "W21964"),
            *("498Ä59", "8407858", "07012"),
        ),
        alike=(
            *_ALIKE,
            "Le permis de conduire coûte 30 euros en 2024.",
        ),
    ),
    "LU_NUMBER_PLATE": Values(
        valid=(
            *("CB 2416", "JG2453", "TG-6356", "JC 6275", "YK5969", "KR-2680", "MA 4100"),
            *("FT7942", "HI-1705", "LW 2054", "RX6976", "IH-6912"),
        ),
        invalid=(
            *("CB 241", "JG24Ö3", "TG-63566", "JC 627", "YK59Ö9", "KR-26803", "MA 410"),
            *("FT79Ö2", "HI-17059", "LW 205", "RX69Ä6"),
        ),
        alike=(
            *_ALIKE,
            "Une plaque d'immatriculation coûte 50 euros en 2024.",
        ),
    ),
}

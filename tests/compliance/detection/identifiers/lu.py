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
            *("S41W7391G", "TW824933", "79017910", "S07M4462E", "AM0T1725", "12589044"),
            *("S93Q2355X", "EUQT6971", "67238306", "S50Z1635G", "GV956032", "35740837"),
        ),
        invalid=(
            *("Unterlagen", "IDENTITE", "A12", "1234", "S23A45678901", "S41W7Ö91G", "TW82493"),
            *("7901Ö910", "S07M4462E5", "AM0T172", "1258Ö044"),
        ),
        alike=(
            *_ALIKE,
            "La carte d'identité coûte 14 euros et vaut dix ans.",
        ),
    ),
    "LU_PASSPORT": Values(
        valid=(
            *("JA467R48", "J0289284", "JAV2D2B8", "JI298I44", "J8402574", "JGE3U9K7"),
            *("JL893Z12", "J7640260", "JMK4J5O1", "JX237D50", "J9703498", "JLI9W1A8"),
        ),
        invalid=(
            *("PASSPORT", "PASSEPOR", "J12", "12345678", "JA12345678", "JA467R4", "J028Ä284"),
            *("JAV2D2B86", "JI298I4", "J840Ö574", "JGE3U9K78"),
        ),
        alike=(
            *_ALIKE,
            "Le passeport Biométrique coûte 50 euros.",
        ),
    ),
    "LU_DRIVING_LICENCE": Values(
        valid=(
            *("818224", "832426", "245331", "442318", "398445", "280368", "847219", "644980"),
            *("598407", "850701", "211569", "122311"),
        ),
        invalid=(
            *("81822", "X32426", "W45331", "442Ä18", "3984458", "28036", "X47219", "X44980"),
            *("598Ä07", "8507014", "21156"),
        ),
        alike=(
            *_ALIKE,
            "Le permis de conduire coûte 30 euros en 2024.",
        ),
    ),
    "LU_NUMBER_PLATE": Values(
        valid=(
            *("XV 1643", "EI5393", "MH-5641", "MF 7555", "SN9582", "MU-8060", "IC 0029"),
            *("OT4234", "CP-0552", "BU 5486", "XT7643", "MS-1239"),
        ),
        invalid=(
            *("XV 164", "EI53Ö3", "MH-56410", "MF 755", "SN95Ä2", "MU-80601", "IC 002"),
            *("OT42Ä4", "CP-05524", "BU 548", "XT76Ö3"),
        ),
        alike=(
            *_ALIKE,
            "Une plaque d'immatriculation coûte 50 euros en 2024.",
        ),
    ),
}

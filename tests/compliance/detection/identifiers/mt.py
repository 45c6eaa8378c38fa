"""Values of the identifiers of Malta: generated from their rules, and specimens."""

from __future__ import annotations

from collections.abc import Mapping

from tests.compliance.detection.identifiers.values import Values

_ALIKE = (
    "Order 4711-00892 left the depot in Marsa yesterday.",
    "Il-ktieb ISBN 978-99957-12-34-5 mhux disponibbli.",
    "Ċempel fuq 2100 00012 għal aktar informazzjoni.",
    "Build 10.4.2.118 was cut on 12-03-2024.",
    "Il-fajl 550e8400-e29b-41d4-a716-446655440000 ma nstabx.",
    "Skont l-artikolu 13 tal-Att dwar is-Saħħa.",
)
"""Numbers of other things, as people of the country write of them."""

VALUES: Mapping[str, Values] = {
    "MT_NATIONAL_ID": Values(
        valid=(
            *("8679742G", "0300175M", "519405M", "48496(27)M", "7159833m", "8913893H"),
            *("0848100M", "284069M", "76918(56)M", "4267591m", "1905676Z", "0186968M"),
        ),
        invalid=(
            *("Q679742G", "Q300175M", "519Ä05M", "48496(27)M2", "Q159833m", "Q913893H"),
            *("084Ö100M", "284069M3", "76918(5)M", "W267591m", "Q905676Z"),
        ),
        alike=(
            *_ALIKE,
            "L-id card tiswa 25 ewro u ddum 10 snin.",
        ),
    ),
    "MT_TAX_ID": Values(
        valid=(
            *("669890236", "2708005M", "882970957", "8135501M", "889446334", "3888185M"),
            *("339015172", "1121338M", "228425321", "1425520M", "779857601", "8914363M"),
        ),
        invalid=(
            *("66989023", "Q708005M", "Q82970957", "813Ö501M", "8894463349", "388818M"),
            *("W39015172", "W121338M", "2284Ö5321", "1425520M8", "77985760"),
        ),
        alike=(*_ALIKE,),
    ),
    "MT_SOCIAL_SECURITY": Values(
        valid=(
            *("W12041165", "Q3010794", "O 28632173", "U40514197", "G4454751", "K 72805028"),
            *("O45594231", "S0750755", "G 04995636", "R67646817", "Z2793385", "P 90099927"),
        ),
        invalid=(
            *("W1204Ö165", "Q301Ö794", "O 286321738", "U4051Ö197", "G445Ä751", "K 728050281"),
            *("O4559Ö231", "S075Ö755", "G 049956361", "R6764Ä817", "Z279Ö385"),
        ),
        alike=(*_ALIKE,),
    ),
    "MT_VAT": Values(
        valid=(
            *("MT21188541", "27466839", "MT 28618259", "MT 1195 7033", "2773-5321"),
            *("MT26151999", "19105993", "MT 13117829", "MT 2915 3442", "2307-0664"),
            *("MT27483357", "14367232"),
        ),
        invalid=(
            *("MT11679113", "1167-9113", "MT1167911", "00000000", "MT2118854", "27466836"),
            *("MT 28618250", "MT 1195 Ö033", "2773-53216", "MT2615199", "19105997"),
        ),
        alike=(
            *_ALIKE,
            "VAT at 18% on 1,250.00 euro makes 1,475.00 euro.",
        ),
    ),
    "MT_PASSPORT": Values(
        valid=(
            *("1127548", "MT1734705", "9708789", "MT8634217", "9864043", "MT0908487"),
            *("3356422", "MT3376531", "9123289", "MT7014978", "5276403", "MT2050129"),
        ),
        invalid=(
            *("112754", "MT173Ä705", "97087899", "MT863421", "986Ä043", "MT09084878", "335642"),
            *("MT337Ä531", "91232897", "MT701497", "527Ö403"),
        ),
        alike=(*_ALIKE,),
    ),
    "MT_DRIVING_LICENCE": Values(
        valid=(
            *("DL874861", "CR 345 137", "7034128M", "DL865791", "WS 905 999", "1242782M"),
            *("DL242089", "JE 999 291", "7860258M", "DL205874", "PA 016 829", "6352268M"),
        ),
        invalid=(
            *("DL87486", "CR 345 Ö37", "7034128M5", "DL86579", "WS 905 Ö99", "1242782M7"),
            *("DL24208", "JE 999 Ä91", "7860258M9", "DL20587", "PA 016 Ö29"),
        ),
        alike=(*_ALIKE,),
    ),
    "MT_NUMBER_PLATE": Values(
        valid=(
            *("BKA 703", "VLD602", "BVR-455", "KFB 648", "IRT039", "MUO-174", "BVV 385"),
            *("OSY694", "XPU-288", "QXL 237", "ZNU780", "JPT-226"),
        ),
        invalid=(
            *("BKA 70", "VLD6Ö2", "BVR-4551", "KFB 64", "IRT0Ö9", "MUO-1746", "BVV 38"),
            *("OSY6Ä4", "XPU-2887", "QXL 23", "ZNU7Ä0"),
        ),
        alike=(
            *_ALIKE,
            "The number plate was 100 euro last year.",
        ),
    ),
}

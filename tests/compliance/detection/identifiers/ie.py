"""Values of the identifiers of Ireland: generated from their rules, and specimens."""

from __future__ import annotations

from collections.abc import Mapping

from tests.compliance.detection.identifiers.values import Values

_ALIKE = (
    "Order 4711-00892 left the warehouse in Athlone yesterday.",
    "ISBN 978-1-84351-234-9 is out of print.",
    "Ring the office at 01 000 0001, extension 12.",
    "Build 10.4.2.118 was cut on 20240312.",
    "File 550e8400-e29b-41d4-a716-446655440000 could not be opened.",
    "See S.I. No. 318 of 1992 and section 262 of the Act of 2005.",
)
"""Numbers of other things, as people of the country write of them."""

VALUES: Mapping[str, Values] = {
    "IE_NATIONAL_ID": Values(
        valid=(
            *("7278970B", "4846693AA", "3368909 IB", "8390472ea", "3003533ET", "3616639O"),
            *("8191059KA", "2488087 DB", "8528027sa", "3446131FW", "3308777J", "8649929NA"),
        ),
        invalid=(
            *("6433435E", "6433435VH", "123456A", "1234567", "727897B", "4846697AA"),
            *("7368909 IB", "839Ö472ea", "3003533ET0", "361663O", "8191058KA"),
        ),
        alike=(
            *_ALIKE,
            "A PPS number has seven digits, then one letter or two.",
            "The PPS number database grew by 1234567 t in one year.",
        ),
    ),
    "IE_VAT": Values(
        valid=(
            *("IE7435081O", "IE7015587JH", "IE 5808267O", "0406521Q", "IE0D44207N"),
            *("IE1550224C", "IE9193641EH", "IE 7387091E", "8854271Q", "IE6P13051N"),
            *("IE8636093C", "IE3126458HH"),
        ),
        invalid=(
            *("IE6433435E", "IE6433435VH", "8?79739J", "IE743508O", "IE7015586JH"),
            *("IE 5808207O", "040Ä521Q", "IE0D44207N2", "IE155022C", "IE9193647EH"),
            *("IE 7387041E",),
        ),
        alike=(
            *_ALIKE,
            "VAT at 23% on 1,250.00 euro makes 1,537.50 euro.",
        ),
    ),
    "IE_HEALTH_INSURANCE": Values(
        valid=(
            *("Y335033U", "0813434R", "Q730958E", "8273425U", "B270886B", "2334642Q"),
            *("R740770K", "6404224I", "R707264X", "6536748W", "Q725528L", "1047643G"),
        ),
        invalid=(
            *("Y33503U", "081Ö434R", "Q730958E5", "827342U", "BW70886B", "233Ä642Q"),
            *("R740770K8", "640422I", "RW07264X", "653Ä748W", "Q725528L6"),
        ),
        alike=(*_ALIKE,),
    ),
    "IE_PASSPORT": Values(
        valid=(
            *("PC6887582", "LA0919212", "C58561741", "P609147", "PH9786946", "LI2340920"),
            *("C65143650", "P400218", "PX1856920", "LT1361006", "C37648609", "P494406"),
        ),
        invalid=(
            *("PC688758", "LA091Ö212", "C585617419", "P60914", "PH978Ä946", "LI23409209"),
            *("C6514Ä650", "P40021", "PX185Ä920", "LT13610066", "C3764Ä609"),
        ),
        alike=(
            *_ALIKE,
            "A passport costs 75 euro and takes 10 working days.",
        ),
    ),
    "IE_DRIVING_LICENCE": Values(
        valid=(
            *("663406718", "9690023KK", "499 945 115", "842739QSWB", "824893575", "0657822IE"),
            *("025 941 960", "492395TBBX", "716228057", "0515342WP", "076 700 670"),
            *("955317TSLP",),
        ),
        invalid=(
            *("66340671", "969Ö023KK", "499 945 1150", "84273QSWB", "8248Ä3575", "0657822IE9"),
            *("025 941 96", "492Ä95TBBX", "7162280575", "051Ö342WP", "076 700 6708"),
        ),
        alike=(*_ALIKE,),
    ),
    "IE_NUMBER_PLATE": Values(
        valid=(
            *("09-WX-81807", "161-MO-38117", "191LH81502", "241 CE 20973", "98-KY-71034"),
            *("251-D-14024", "231G42462", "202 CE 22185", "09-KY-78238", "141-LH-85172"),
            *("212G47938", "181 D 6014"),
        ),
        invalid=(
            *("09-WX-8Ö807", "161-MO-3Ä117", "191LH8Ö502", "241 CE 2Ö973", "68-KY-71034"),
            *("251-D-1Ö024", "231G4Ä462", "202 CE 2Ä185", "09-KY-7Ö238", "141-LH-8Ö172"),
            *("212G4Ä938",),
        ),
        alike=(
            *_ALIKE,
            "The vehicle weighs 1,250 kg and was sold on 12-03-2024.",
            "The vehicle took 12 l 5 times.",
        ),
    ),
}

"""Values of the identifiers of Latvia: generated from their rules, and specimens."""

from __future__ import annotations

from collections.abc import Mapping

from tests.compliance.detection.identifiers.values import Values

_ALIKE = (
    "Pasūtījums 4711-00892 vakar izsūtīts no noliktavas.",
    "Grāmata ar ISBN 978-9984-12-345-6 ir izpārdota.",
    "Tālrunis: 67 000 001, iekšējais 12.",
    "Versija 10.4.2.118 izveidota 20240312.",
    "Fails 550e8400-e29b-41d4-a716-446655440000 nav atrasts.",
    "Saskaņā ar likuma 13. panta 2. daļu 30 dienu laikā.",
)
"""Numbers of other things, as people of the country write of them."""

VALUES: Mapping[str, Values] = {
    "LV_NATIONAL_ID": Values(
        valid=(
            *("091257-14009", "15025918494", "325987-96177", "32102999502", "120894-19463"),
            *("26044417269", "320110-04514", "32788259313", "270889-18318", "31031120120"),
            *("322102-48335", "32566852509"),
        ),
        invalid=(
            *("161375-19997", "328673-00677", "161175-19998", "16117519998", "091257-1400"),
            *("15025918495", "325287-96177", "32102Ö99502", "120894-194633", "2604441726"),
            *("320110-04518",),
        ),
        alike=(
            *_ALIKE,
            "Personas kods sastāv no 11 cipariem, piemēram 000000-00000.",
        ),
    ),
    "LV_VAT": Values(
        valid=(
            *("LV53974061635", "52197093271", "LV 49984544531", "LV 4630 6160 366"),
            *("LV17077616884", "LV51632779876", "44121726069", "LV 93974312907"),
            *("LV 5413 0742 056", "LV08079416339", "LV94906056814", "97895106494"),
        ),
        invalid=(
            *("LV40003521601", "40003521601", "LV4000352160", "LV5397406163", "52197093275"),
            *("LV 49984344531", "LV 4630 6Ö60 366", "LV170776168843", "LV5163277987"),
            *("44121726066", "LV 93974312987"),
        ),
        alike=(
            *_ALIKE,
            "PVN 21% no 1 250,00 eiro ir 262,50 eiro.",
        ),
    ),
    "LV_ID_CARD": Values(
        valid=(
            *("PA4234169", "PA 0363765", "PA8499057", "PA 3699881", "PA2020580", "PA 8139657"),
            *("PA1299192", "PA 1357447", "PA7442769", "PA 8705089", "PA5660464", "PA 3579908"),
        ),
        invalid=(
            *("PA423416", "PA 036Ä765", "PA84990572", "PA 369988", "PA202Ö580", "PA 81396574"),
            *("PA129919", "PA 135Ö447", "PA74427699", "PA 870508", "PA566Ä464"),
        ),
        alike=(*_ALIKE,),
    ),
    "LV_PASSPORT": Values(
        valid=(
            *("LV2426168", "LV 4539932", "LZ9616884", "LV9396597", "LV 9518119", "LZ1124565"),
            *("LV2061679", "LV 3958329", "LZ6886259", "LV1979205", "LV 4082748", "LZ8870878"),
        ),
        invalid=(
            *("LV242616", "LV 453Ä932", "LZ96168848", "LV939659", "LV 951Ö119", "LZ11245652"),
            *("LV206167", "LV 395Ä329", "LZ68862598", "LV197920", "LV 408Ä748"),
        ),
        alike=(
            *_ALIKE,
            "Pase maksā 34,15 eiro un der līdz 2034.",
        ),
    ),
    "LV_DRIVING_LICENCE": Values(
        valid=(
            *("AE894892", "AF 384683", "AAA717208", "AE669882", "AF 545689", "AAA772200"),
            *("AE924609", "AF 906884", "AAA897059", "AE555769", "AF 889649", "AAA905245"),
        ),
        invalid=(
            *("AE89489", "AF 384Ä83", "AAA7172080", "AE66988", "AF 545Ö89", "AAA7722001"),
            *("AE92460", "AF 906Ä84", "AAA8970599", "AE55576", "AF 889Ö49"),
        ),
        alike=(*_ALIKE,),
    ),
    "LV_NUMBER_PLATE": Values(
        valid=(
            *("VL-6143", "LW 947", "MW5785", "JI-4192", "MP 9927", "HR8971", "BI-8362"),
            *("KF 2154", "BY9428", "OS-8830", "HK 2326", "TA2922"),
        ),
        invalid=(
            *("VL-61Ä3", "LW 9Ö7", "MW57853", "JI-41Ä2", "MP 99272", "HR89Ö1", "BI-83624"),
            *("KF 21Ö4", "BY94283", "OS-88Ö0", "HK 23269"),
        ),
        alike=(
            *_ALIKE,
            "Jauns valsts numurs maksā ap 50 eiro.",
        ),
    ),
}

"""Values of the identifiers of the Netherlands: generated from their rules, and specimens."""

from __future__ import annotations

from collections.abc import Mapping

from tests.compliance.detection.identifiers.values import Values

_ALIKE = (
    "Bestelling 4711-00892 is gisteren verzonden.",
    "Het boek met ISBN 978-90-12-34567-8 is uitverkocht.",
    "Bel het kantoor op 020 000 0001, toestel 12.",
    "Versie 10.4.2.118 is gebouwd op 12-03-2024.",
    "Bestand 550e8400-e29b-41d4-a716-446655440000 niet gevonden.",
    "Gelet op artikel 13 van de Wet van 6 juli 2016.",
)
"""Numbers of other things, as people of the country write of them."""

VALUES: Mapping[str, Values] = {
    "NL_NATIONAL_ID": Values(
        valid=(
            *("901406661", "233962207", "6587.01.678", "865 001 261", "731.509.328"),
            *("10575807", "581916748", "242505715", "2312.53.059", "387 062 038"),
            *("242.245.353", "25010323"),
        ),
        invalid=(
            *("1112.52.333", "111252333", "000000000", "11122233", "90140666", "233962205"),
            *("6587.01.178", "865 0Ä1 261", "731.509.3287", "1057580", "581916749"),
        ),
        alike=(
            *_ALIKE,
            "Een burgerservicenummer telt negen cijfers, bijvoorbeeld 000000000.",
        ),
    ),
    "NL_TAX_ID": Values(
        valid=(
            *("791762208", "540016780L01", "5709.55.580", "793971159", "510701590L01"),
            *("3099.59.834", "149892366", "723852157L01", "8064.74.488", "181630655"),
            *("954928179L01", "5200.99.060"),
        ),
        invalid=(
            *("79176220", "240016780L01", "5709.Ö5.580", "7939711598", "510701590L0"),
            *("3099.59.831", "149892361", "72385Ö157L01", "8064.74.4882", "18163065"),
            *("954928169L01",),
        ),
        alike=(*_ALIKE,),
    ),
    "NL_VAT": Values(
        valid=(
            *("NL750492260B39", "406901004B60", "NL 399985979B94", "NL6366.75.518.B80"),
            *("NL468019686B88", "490160001B35", "NL 194100777B15", "NL2686.13.862.B66"),
            *("NL872472037B98", "497439839B63", "NL 714052073B66", "NL8219.67.253.B28"),
        ),
        invalid=(
            *("123456789B90", "NL004495445C01", "NL00449544B01", "NL750492260B3"),
            *("406909004B60", "NL 39998Ö979B94", "NL6366.75.518.B800", "NL468019686B8"),
            *("490160401B35", "NL 19410Ö777B15", "NL2686.13.862.B661"),
        ),
        alike=(
            *_ALIKE,
            "Btw 21% over 1.250,00 euro is 262,50 euro.",
        ),
    ),
    "NL_ID_CARD": Values(
        valid=(
            *("MM3JQ9TF3", "IQ5GLY608", "RZFSQ08L9", "IY1S7G3Z8", "FF0YSU2X3", "IHH12NBJ9"),
            *("JPZ25F877", "IUDP1C795", "VK3RR4CW1", "IE2RPR8R5", "RK9DGRN46", "IGEU4RZ33"),
        ),
        invalid=(
            *("XR1O01R58", "XR1001R", "581001RXR", "IDENTITEI", "MM3JQ9TF", "IQ5GLY6Ä8"),
            *("RZFSQ08L96", "IY1S7G3Z", "FF0YSUÖX3", "IHH12NBJ95", "JPZ25F87"),
        ),
        alike=(*_ALIKE,),
    ),
    "NL_PASSPORT": Values(
        valid=(
            *("XE8CETK47", "NWA2R17B3", "RTAS9XL71", "NZ1GCY168", "PB76MVN69", "NQ090NJB2"),
            *("UXEI3IN24", "NHVT3E1E9", "ITTM0D5V5", "NR26RTRC7", "QGGPE34V2", "NI72H6NX2"),
        ),
        invalid=(
            *("XR1O01R58", "XR1001R", "581001RXR", "PASPOORTN", "XE8CETK4", "NWA2R1ÖB3"),
            *("RTAS9XL716", "NZ1GCY16", "PB76MVNÄ9", "NQ090NJB20", "UXEI3IN2"),
        ),
        alike=(
            *_ALIKE,
            "Een paspoort kost 77,85 euro en is tien jaar geldig.",
        ),
    ),
    "NL_DRIVING_LICENCE": Values(
        valid=(
            *("9756701358", "0104054685", "3851370511", "4548363136", "1041515670"),
            *("9251522448", "9638967749", "5396187133", "7587248983", "8856021912"),
            *("1165188661", "1799740274"),
        ),
        invalid=(
            *("975670135", "Q104054685", "W851370511", "45483Ä3136", "10415156701"),
            *("925152244", "Q638967749", "W396187133", "75872Ö8983", "88560219120"),
            *("116518866",),
        ),
        alike=(*_ALIKE,),
    ),
    "NL_NUMBER_PLATE": Values(
        valid=(
            *("S-527-NF", "94-SSG-6", "VZ-04-JH", "5-PKK-85", "NF953R", "27-HH-LG", "K-490-GG"),
            *("69-PBG-3", "VF-91-JP", "2-BSZ-30", "LF847T", "32-DN-JX"),
        ),
        invalid=(
            *("S-52-NF", "9Ö-SSG-6", "VZ-04-JH0", "5-PKK-8", "NF9Ä3R", "27-HH-LG2", "K-49-GG"),
            *("6Ä-PBG-3", "VF-91-JP3", "2-BSZ-3", "LF8Ö7T"),
        ),
        alike=(
            *_ALIKE,
            "Het voertuig is op 12-03-2024 gekeurd voor 45 euro.",
            "Een kenteken kost 12 eu 50 bij de balie.",
        ),
    ),
}

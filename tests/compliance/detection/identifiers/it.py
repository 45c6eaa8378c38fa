"""Values of the identifiers of Italy: generated from their rules, and specimens."""

from __future__ import annotations

from collections.abc import Mapping

from tests.compliance.detection.identifiers.values import Values

_ALIKE = (
    "L'ordine 4711-00892 è partito ieri dal magazzino.",
    "Il volume con ISBN 978-88-06-12345-6 è esaurito.",
    "Telefono dell'ufficio: 06 0000 0001, interno 12.",
    "La versione 10.4.2.118 è stata compilata il 20240312.",
    "Il file 550e8400-e29b-41d4-a716-446655440000 non si apre.",
    "Visto l'art. 13 del D.Lgs. 30 giugno 2003, n. 196.",
)
"""Numbers of other things, as people of the country write of them."""

VALUES: Mapping[str, Values] = {
    "IT_FISCAL_CODE": Values(
        valid=(
            *("VVGMSB07H26E045F", "NCTTRM50C71G497L", "TVM NRO 61M55 E754T"),
            *("PFPGMB80L70B56PM", "sldglo77d17f009a", "21095590838", "BCPFCO92C24C363M"),
            *("BLCVFD84R25H221J", "RDL BSD 64B19 I639P", "NMSBGF74E70G65MR"),
            *("cpfbtr96d09h902x", "79281860548"),
        ),
        invalid=(
            *("RCCMNL83S18D969A", "RCCMNL83Z18D969H", "RCCMNL83S99D969H", "RCCMNL83S18D96H"),
            *("VVGMSB07H26E04F", "NCTTRM50C71G490L", "TVM NRO 61M56 E754T", "PFPGMB80L7ÖB56PM"),
            *("sldglo77d17f009a3", "2109559083", "BCPFCO92C24C368M"),
        ),
        alike=(
            *_ALIKE,
            "Il codice fiscale ha 16 caratteri, come XXXXXX00X00X000X.",
        ),
    ),
    "IT_VAT_CODE": Values(
        valid=(
            *("26119950835", "IT38327030326", "IT 89488760029", "488 3184 0672", "05829290021"),
            *("IT67394650831", "IT 99369290145", "107 9946 0273", "30179270605"),
            *("IT56039530102", "IT 80004490241", "575 1854 0695"),
        ),
        invalid=(
            *("IT00743110158", "00743110158", "00000000000", "0074311015", "2611995083"),
            *("IT38327030320", "IT 89488760059", "488 31Ä4 0672", "058292900219"),
            *("IT6739465083", "IT 99369290143"),
        ),
        alike=(
            *_ALIKE,
            "IVA al 22% su 1.250,00 euro, totale 1.525,00 euro.",
        ),
    ),
    "IT_IDENTITY_CARD": Values(
        valid=(
            *("CB32743CR", "AJ7517664", "8333591ZD", "AV 3408211", "CC23527FF", "AZ2554900"),
            *("4726759PK", "AC 7468836", "CQ49871FH", "AV2646384", "7161075MG", "AN 0753514"),
        ),
        invalid=(
            *("CB3274CR", "AJ751Ä664", "8333591ZD5", "AV 340821", "CC23Ö27FF", "AZ25549005"),
            *("472675PK", "AC 746Ö836", "CQ49871FH1", "AV264638", "716Ö075MG"),
        ),
        alike=(
            *_ALIKE,
            "La carta d'identità elettronica costa 16,79 euro.",
        ),
    ),
    "IT_PASSPORT": Values(
        valid=(
            *("YB5751379", "AA7164381", "YA 7241995", "YB7284379", "AA6819158", "YA 2571965"),
            *("YB1413663", "AA6584816", "YA 7817401", "YA5403927", "AA9535558", "YA 0911222"),
        ),
        invalid=(
            *("YB575137", "AA716Ä381", "YA 72419953", "YB728437", "AA681Ä158", "YA 25719659"),
            *("YB141366", "AA658Ä816", "YA 78174011", "YA540392", "AA953Ä558"),
        ),
        alike=(
            *_ALIKE,
            "Il passaporto costa 42,50 euro e dura 10 anni.",
            "Per il passaporto chiamate il 0612345 dalle 9.",
        ),
    ),
    "IT_DRIVER_LICENSE": Values(
        valid=(
            *("HG4126326E", "U1F595C37A", "BR0421923X", "U1G710F95L", "FX9171272P"),
            *("U1B401E24W", "XF7770269O", "U1D790B89W", "KG3752659E", "U1G808F53V"),
            *("BZ6140921E", "U1M032D52P"),
        ),
        invalid=(
            *("HG412632E", "U1F59ÄC37A", "BR0421923X1", "U1G710F9L", "FX917Ö272P"),
            *("U1B401E24W9", "XF777026O", "U1D79ÄB89W", "KG3752659E5", "U1G808F5V"),
            *("BZ614Ä921E",),
        ),
        alike=(*_ALIKE,),
    ),
    "IT_NUMBER_PLATE": Values(
        valid=(
            *("ZV305SF", "HG 332 NZ", "JW827NC", "VN 158 KB", "VR719HF", "VV 344 RG"),
            *("ZT412SW", "NX 545 BJ", "KS663TZ", "WD 306 KX", "PC513AE", "FF 320 CR"),
        ),
        invalid=(
            *("ZV30SF", "HG 3Ö2 NZ", "JW827NC6", "VN 15 KB", "VR7Ö9HF", "VV 344 RG5", "ZT41SW"),
            *("NX 5Ö5 BJ", "KS663TZ6", "WD 30 KX", "PC5Ö3AE"),
        ),
        alike=(*_ALIKE,),
    ),
}

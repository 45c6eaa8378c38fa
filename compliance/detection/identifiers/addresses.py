"""Postal addresses: street and number, with postcode and town where they follow.

One row for each way in which addresses are put together, not one for each state: the word for
a street is a suffix in the north, stands before the name in the south and behind it in the
east and in the British Isles. Names begin with a capital, unless the word itself is clear.
"""

from __future__ import annotations

import re

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength

# --- Parts --------------------------------------------------------------------------------

_CAPITAL = r"(?-i:\p{Lu})[\p{L}'’.\-]{0,30}"
_WORD = r"\p{L}[\p{L}'’\-]{1,30}"
_OF = (
    r"(?:(?:de la|de las|de los|de l['’]|d[eo]s?|del?|della|delle|dei|degli|dell['’]|dello|du"
    r"|di|da"
    r"|das|d['’]|des|der|den|dem|zum|zur|van|van de|van den|van der|von|la|le|les|l['’]|el"
    r"|los|las"
    r"|al|ta['’]|(?:i[rlntdsxżz]|l)-|na|nad|pod|i|y|e|és|und|of|the|sur|lui|cel"
    r"|\d{1,2}\.?)[ ]?){1,2}"
)
NAMES = rf"(?:{_OF})?{_CAPITAL}(?:[ ](?:{_OF})?{_CAPITAL}){{0,3}}"
_NUMBER = r"\d{1,4}[ ]?[a-h]?(?:[ ]?[/\-–][ ]?(?:\d{1,4}[a-z]?|[a-z])){0,2}"
_PLAIN = r"\d{1,4}[a-h]?(?:[/\-–]\d{1,4}[a-z]?)?"

POSTCODE = (
    r"(?:(?-i:[A-Z]{1,2})[\- ])?"
    r"(?:\d{5,6}|\d{4}[ ]?(?-i:[A-Z]{2})|\d{4}-\d{3}|\d{3}[ ]\d{2}|\d{2}-\d{3}|\d{4})"
)
_CLEAR_POSTCODE = (
    r"(?:(?:(?-i:[A-Z]{1,2})[\- ])?(?:\d{5,6}|\d{4}[ ]?(?-i:[A-Z]{2})|\d{4}-\d{3}|\d{3}[ ]\d{2}"
    r"|\d{2}-\d{3})"
    r"|(?:A|AT|B|BE|CH|DK|L|LU|LV|BG|SI|HU|H|NO|N|CY)-\d{4})"
)
_POSTCODE_AND_LETTER = (
    r"(?:(?:[a-z]{1,2}[\- ])?(?:[0-9]{5,6}|[0-9]{4}[ ]?[a-z]{2}|[0-9]{4}-[0-9]{3}"
    r"|[0-9]{3}[ ][0-9]{2}|[0-9]{2}-[0-9]{3})|[a-z]{1,2}-[0-9]{4}),?[ \n][^0-9 ]"
)
_PLACE = r"(?:St\. )?(?-i:\p{Lu})[\p{L}'’\-]{0,30}"
_TOWN = (
    rf"{_PLACE}(?:[ \-](?:(?:am|an der|in|im|bei|ob der|vor der|sur|sous|upon|on|aan den"
    rf"|de la|la"
    rf"|de|di|del|nad|pod|der|op)[ \-])?{_PLACE}){{0,2}}(?:[ ]\d{{1,2}})?"
)
_BREAK = r"[.,;]{0,2}[ ]?(?:-[ ])?[ \n]{0,2}(?<=[ \n])"
_GREEK_CODE = r"(?:τ\.?κ\.?[ ])?"
_PROVINCE = r"(?:[ ][(]?(?-i:[A-Z]{2})\b[)]?)?"
_TAIL = (
    rf"(?:{_BREAK}{_GREEK_CODE}{POSTCODE},?[ \n]{{1,2}}{_TOWN}{_PROVINCE}"
    rf"|{_BREAK}(?:{_TOWN},?[ ])?{_GREEK_CODE}{_CLEAR_POSTCODE}"
    rf"|{_BREAK}{_TOWN},?[ ](?!19|20)\d{{4}}(?![\w.,]\d|\w))?"
)
_UK_POSTCODE = r"[A-Z]{1,2}\d[A-Z0-9]?[ ]?\d[ABD-HJLNP-UW-Z]{2}"
_EIRCODE = r"(?:[AC-FHKNPRTV-Y]\d{2}|D6W)[ ]?[0-9AC-FHKNPRTV-Y]{4}"

_LONGEST = 240  # characters of an address behind what tells of it

# --- What only looks like one -------------------------------------------------------------

_NO_STREET = re.compile(
    r"(?i)(?:bundes|land|landes|kreis|staats|wasser|milch|daten|arbeits|speicher|park|sitz|steh"
    r"|stell|start|spiel|um|aus|ab|hin|her|rück|heim|fuß|rad|um|irr|lösungs|lern|karriere|bri"
    r"|garan|arbejds|parkerings|stam|leder|bio|kata|gara|unter|straf|rang|steck|lager|brenn"
    r"|marken)"
    r"(?:stra(?:ß|ss)e|weg|platz|pad|gade|plads|allee|gata|tie)\b"
)
_DUTCH_CODE = re.compile(r"(?<=[ ,\n])\d{4} ?[A-Z]{2}(?=,? [A-Z]|,?\n)")
_NO_NAME = frozenset(
    "ús email e-mail mail sms telefon telefono phone port python bluetooth docker windows"
    " android http"
    " https usb hdmi wlan lan vpn sms api ssh slack teams zoom whatsapp ios version"
    " chapter kapitel capitolo kapitola"
    " section sección secção tabelle tabela tabella table figure figura abbildung level stufe"
    " articolo artículo artigo artikel article paragraph anexo allegato page pagina página"
    " seite"
    " lezione lección lição unità módulo modulo"
    " byte bytes kb mb gb euro eur usd items users words zeichen chars tokens rows files lines"
    " januar january enero gennaio janeiro ianuarie март януари".split()
)


def is_named(value: str) -> bool:
    """Not a way of sending nor a part of a book, whose number follows as well."""
    if _NO_STREET.match(value) is not None:
        return False
    words = re.findall(r"[^\W\d_][\w\-]*", _DUTCH_CODE.sub("", value))
    return not any(word.lower() in _NO_NAME for word in words) and not (
        words[0].islower() and any(word.isupper() for word in words[1:2])  # "via USB 3"
    )


# --- Rows ---------------------------------------------------------------------------------

_WORDS = (
    *(
        "address*",
        "adress*",
        "anschrift*",
        "wohnhaft",
        "wohn*",
        "adresse",
        "domicil*",
        "demeur*",
    ),
    *("dirección", "domicilio", "indirizzo", "residente", "residenza", "morada", "endereço"),
    *("adres*", "woonachtig", "bosat*", "osoite*", "asuu", "bydlišt*", "bydlisk*", "adresa*"),
    *("jeg bor", "bor i", "bor på", "jag bor", "ich wohne", "vivo in", "vivo en", "abito"),
    *("habite", "moro na", "moro em", "mieszkam", "bydlím", "živim", "stanujem", "bývam"),
    *("locuiesc", "lakom", "dzīvoju", "elan", "asun", "noqgħod", "ik woon", "μένω", "живея"),
    *("send it to", "send det til", "heimilisfang*", "bý á"),
    *(
        "zamieszkał*",
        "naslov*",
        "prebivališč*",
        "lakcím*",
        "cím",
        "címe",
        "aadress*",
        "elukoht",
    ),
    *("adrese*", "adresas", "gyvena*", "dzīvo*", "διεύθυνση*", "κατοικία*", "адрес*", "живущ*"),
    *(
        "indirizz*",
        "seoladh",
        "live at",
        "living at",
        "lives at",
        "lives in",
        "lieferadresse",
        "postcode",
        "plz",
        "zip code",
        "zip",
    ),
    *(
        "code postal",
        "código postal",
        "psč",
        "kod pocztowy",
        "postnummer",
        "postinumero",
    ),
    *(
        "irányítószám",
        "poštna številka",
        "poštanski broj",
        "cod poștal",
        "pašto kodas",
        "пощенски",
    ),
    *(
        "ταχυδρομικός",
        "indeks",
        "sihtnumber",
        "pasta indekss",
        "home address",
        "ship to",
        "deliver to",
    ),
)


def _row(
    name: str, form: str, pattern: str, trigger: str = "", *, begins: bool = False
) -> Identifier:
    """A row; one without a trigger counts beside a word only."""
    return Identifier(
        entity="ADDRESS",
        country="",
        kind=Kind.OTHER,
        name=name,
        format=form,
        pattern=pattern,
        words=_WORDS,
        strength=Strength.CERTAIN if trigger else Strength.FORM,
        source="Universal Postal Union, addressing of the member countries",
        holds=is_named,
        trigger=trigger,
        begins=begins,
        reach=_LONGEST,
    )


_SUFFIXES = (
    r"(?:straße|strasse|str\.|gasse|allee|chaussee|strooss|weg|platz|straat|laan|plein|gracht"
    r"|kade|dreef|singel|baan|steeg|-ring|steenweg|vej|gade|stræde|vænge|plads|veien|vegen|gaten|gatan|vägen|gränden"
    r"|torget|gata|vegur|stígur|katu|kuja|polku|bulevardi|gränd|stigen|[aeiouyäö]ntie)"
)
BEFORE = (
    # Italian, Spanish, Catalan, Basque, Galician, Portuguese, Romanian, Maltese
    r"(?:via|viale|v\.le|piazza|p\.zza|piazzale|corso|c\.so|largo|vicolo|contrada|strada"
    r"|calle|c/|pasadizo|intrarea|chemin|impasse|allée|quai"
    r"|avenida|avda\.?|av\.|plaza|pza\.?|pl\.|paseo|pº|travesía|carretera|glorieta|pasaje|callejón|urbanización|camino"
    r"|carrer"
    r"|passeig|ronda|rambla|rue|avenue|boulevard|place|chaussée|rúa|rua|praça|travessa"
    r"|alameda|estrada|calçada|str\.|bulevardul|bd\."
    r"|b-dul|bdul|calea|aleea|soseaua|șoseaua|șos\.|piața|triq"
    # Polish, Czech, Slovak, Slovenian, Croatian
    r"|ul\.|ulica|ulice|al\.|aleja|aleje|plac|os\.|osiedle|nám\.|náměstí|námestie|třída|tř\."
    r"|nábřeží"
    r"|trg|avenija|cesta"
    # Bulgarian, Greek
    r"|ж\.к\.|кв\.|ул\.|улица|бул\.|булевард|пл\.|площад|οδός|οδού|οδό|οδ\.|λεωφόρος|λεωφόρου|λεωφόρο|λεωφ\.|πλατεία|πλ\.)"
)
_BEHIND = (
    r"(?:utca|u\.|útja|út|tér|tere|körút|krt\.|sétány|fasor|rakpart|iela|ielā|bulvāris"
    r"|prospekts"
    r"|laukums|gatve|gatvė|g\.|pr\.|prospektas|alėja|plentas|tänav|tn\.?|maantee|mnt\.?"
    r"|puiestee|pst"
    r"|ulica|ulici|cesta|cesti|trg|trgu|gate|vei|straße|strasse|str\.|allee|platz|katu|gata|väg|allé|boulevard)"
)
_ENGLISH = (
    r"(?:street|road|avenue|lane|boulevard|terrace|crescent|gardens|grove|mews|rd\.?|ave\.?"
    r"|blvd\.?)"
)
_ENGLISH_WITH_TOWN = (
    r"(?:drive|court|place|close|way|square|hill|park|row|walk|st\.?|green|quay)"
)
_FRENCH = (
    r"(?:rue|avenue|av\.|boulevard|bd\.?|chemin|impasse|allée|quai|ruelle|faubourg|sentier"
    r"|venelle"
    r"|place|route|square|passage|cours)"
)
_APARTMENT = (
    r"(?:,?[ ](?:bât|dz|puerta|porta|suite|unit|scala|nr|bl|sc|et|ap|apt|m|lok"
    r"|piso|esc|top|stiege|tür|wohnung|app|flat|бл|вх|ет"
    r"|ап|emelet|em"
    r"|ajtó|lgh|bte|boîte|bus|int|interno|appartement"
    r"|appartamento|piano)\.?[ ]?(?:№[ ]?)?[\p{L}0-9]{1,4}\b"
    r"|,?[ ]\d{1,2}\.[ ]?(?:tv|th|mf|sal|em|emelet|krs|nadstropje|kat|stock)\b\.?"
    r"|[ ]h\d{4}){0,4}"
)

NAMED_NUMBER = (
    rf"{_CAPITAL}(?:[ \-](?:{_OF})?{_CAPITAL}){{0,3}},?[ ](?:č\.?p\.?[ ])?{_PLAIN}{_APARTMENT}"
)
_FLAT = r"(?:flat|apartment|apt\.?|unit|studio)[ ]\d{1,4}[a-z]?(?:,?[ ]|,?\n)"
_TRIGGER_BREAK = r"[.,;]{0,2}[ ]?(?:-[ ])?[ \n]{0,3}"

IDENTIFIERS = (
    _row(
        "street as one word with its name",
        "Bahnhofstraße 5a, 10115 Berlin; Keizersgracht 12; Drottninggatan 7; Mannerheimintie 3",
        rf"\p{{L}}[\p{{L}}.\-]{{1,40}}{_SUFFIXES}[ ]{{1,2}}{_NUMBER}{_APARTMENT}{_TAIL}",
        rf"{_SUFFIXES}[ ]{{1,2}}[0-9]",
    ),
    _row(
        "street before its name, number last",
        "Via Roma 12, 00184 Roma; C/ Mayor, 5, 3º B; ul. Długa 7/2; ул. Иван Вазов 5; Οδός"
        " Ερμού 3",
        rf"{BEFORE}[ ]?[„\"“]?{NAMES}[\"“”]?,?[ ]{{1,2}}(?:n[ro.º°]{{0,2}}[ ]?"
        rf"|бл\.?[ ]?|nº[ ]?"
        rf"|núm\.?[ ]|№[ ]?)?{_NUMBER}"
        rf"(?:,?[ ]\d{{1,2}}[ºª°][ ]?[A-Z]?)?{_APARTMENT}{_TAIL}",
        rf"{BEFORE}[^0-9]{{2,32}}[0-9]",
        begins=True,
    ),
    _row(
        "number before street and name",
        "12 bis, rue de la Paix, 75002 Paris; 3 Triq ir-Repubblika; 5 Sráid Uí Chonaill",
        rf"\d{{1,4}}(?:[ ]?(?:bis|ter|quater|[a-d]))?,?[ ](?:{_FRENCH}|triq|sráid|bóthar"
        rf"|ascaill)[ ]"
        rf"{NAMES}{_APARTMENT}{_TAIL}",
        rf"[0-9]{{1,4}}[ ]?[a-z]{{0,6}},?[ ](?:{_FRENCH}|triq|sráid|bóthar|ascaill)[ ]",
        begins=True,
    ),
    _row(
        "number before street and name, in lower case",
        "12 rue victor hugo",
        rf"\d{{1,4}}(?:[ ](?:bis|ter))?,?[ ](?:rue|avenue|boulevard"
        rf"|impasse)[ ](?:{_OF})?{_WORD}",
        r"[0-9]{1,4}[ ]?[a-z]{0,3},?[ ](?:rue|avenue|boulevard|impasse)[ ]",
        begins=True,
    ),
    _row(
        "street behind its name, number last",
        "Kossuth Lajos utca 5., 1053 Budapest; Brīvības iela 12; Gedimino pr. 9; Berliner"
        " Straße 7",
        rf"{_CAPITAL}(?:[ \-]{_CAPITAL}){{0,3}}[ \-]{_BEHIND}[ ]{_NUMBER}{_APARTMENT}{_TAIL}",
        rf"[ \-]{_BEHIND}[ ][0-9]",
    ),
    _row(
        "number, name, street",
        "221B Baker Street, London NW1 6XE",
        rf"\d{{1,4}}[a-h]?,?[ ]{_CAPITAL}(?:[ ]{_CAPITAL}){{0,2}}[ ]{_ENGLISH}"
        rf"(?:,?[ ]{_TOWN})?(?:,?[ ](?:{_UK_POSTCODE}|{_EIRCODE}))?",
        rf"[0-9][a-h]?,?[ ][^0-9\n]{{2,60}}[ ]{_ENGLISH}",
    ),
    _row(
        "number, name, street of a word with other senses, and town or postcode",
        "4 Orchard Close, Leeds LS1 4AP",
        rf"\d{{1,4}}[a-h]?,?[ ]{_CAPITAL}(?:[ ]{_CAPITAL}){{0,2}}[ ]{_ENGLISH_WITH_TOWN},?"
        rf"[ \n]{_TOWN}"
        rf",?[ \n](?:{_UK_POSTCODE}|{_EIRCODE})",
        rf"[ ]{_ENGLISH_WITH_TOWN}[^0-9]{{2,50}}[0-9]",
    ),
    _row(
        "number, name, street, in lower case",
        "221b baker street",
        rf"\d{{1,4}}[a-h]?[ ]{_WORD}(?:[ ]{_WORD})?[ ]street",
        r"[0-9][a-h]?[ ][^0-9\n]{2,60}[ ]street",
    ),
    _row(
        "name and number, then postcode and town",
        "Unter den Linden 5, 10117 Berlin; Vinohradská 12, 120 00 Praha 2; Ερμού 12, 105 63"
        " Αθήνα",
        rf"{NAMED_NUMBER}{_BREAK}{_GREEK_CODE}{_CLEAR_POSTCODE}(?:[ ]|,[ ]|\n)"
        rf"{_TOWN}{_PROVINCE}",
        rf"[0-9][^0-9]{{0,3}}(?:[ ][a-z]{{2,12}}\.?[ ][0-9a-z]{{1,3}})?{_TRIGGER_BREAK}"
        rf"{_POSTCODE_AND_LETTER}",
    ),
    _row(
        "name and number, then postcode of four digits, which are no year, and town",
        "Bjørkelia 14, 5010 Bergen; Charlottepad 9, 2908 Bihain",
        rf"{NAMED_NUMBER}{_BREAK}(?!1[89]|20)\d{{4}}[ ]{_TOWN}",
        r"[0-9][a-h]?(?:[ ]h?[0-9]{1,4})?[.,]?[ \n]{1,2}[02-9][0-9]{3}[ ][^0-9 ]",
    ),
    _row(
        "name and number, then postcode of four digits and town",
        "Am Markt 3, 1010 Wien",
        rf"{NAMED_NUMBER}{_BREAK}\d{{4}}(?:,?[ ]|\n){_TOWN}",
    ),
    _row(
        "name and number, town, postcode",
        "Αγίου Δημητρίου 12, Θεσσαλονίκη 546 33; Πατησίων 76, Τ.Κ. 10434",
        rf"{NAMED_NUMBER}{_BREAK}(?:{_TOWN},?[ ])?{_GREEK_CODE}{_CLEAR_POSTCODE}",
    ),
    _row(
        "British: number or flat, name, town, postcode",
        "Flat 3, 27 Queen's Gate, London SW7 5JE; Church Lane, Little Barton, GL54 2HX",
        rf"(?:{_FLAT}(?:\d{{1,4}}[a-h]?,?[ ])?|\d{{1,4}}[a-h]?,?[ ]"
        rf"|(?={_CAPITAL}(?:[ ]{_CAPITAL})?[ ]{_ENGLISH},))"
        rf"{_CAPITAL}(?:[ ]{_CAPITAL}){{0,3}}(?:,?[ ]|,?\n)"
        rf"(?:{_TOWN}(?:,?[ ]|,?\n)){{0,3}}(?-i:{_UK_POSTCODE})",
        r"[a-z][,]?[ \n][a-z]{1,2}[0-9][a-z0-9]?[ ][0-9][a-z]{2}",
    ),
    _row(
        "American: number, name, town, state and ZIP code",
        "8932 Pine Court Suite 421, Newmouth, SD 97352; Unit 6619 Box 3451, DPO AA 44093",
        rf"(?:\d{{1,5}}[ ]{_CAPITAL}(?:[ ]{_CAPITAL}){{0,3}}"
        rf"(?:,?[ ](?:suite|apt\.?|unit|ste\.?|#)[ ]?\d{{1,4}})?(?:,?[ ]|,?\n)(?:{_TOWN}),"
        r"|(?:psc|unit)[ ]\d{1,5},?[ ]box[ ]\d{1,5}(?:,?[ ]|,?\n)(?:dpo|apo|fpo))"
        r"[ ](?-i:[A-Z]{2})[ ]\d{5}(?:-\d{4})?",
        r"(?:[^0-9 ],|[dfa]po)[ ][a-z]{2}[ ][0-9]{5}",
    ),
    _row(
        "postcode and town",
        "10115 Berlin; 1012 AB Amsterdam; 00-001 Warszawa; LV-1010 Rīga",
        rf"{_CLEAR_POSTCODE}(?:[ ]|,[ ]|\n){_TOWN}",
    ),
    _row(
        "British postcode or Irish Eircode",
        "SW1A 1AA; D02 X285",
        rf"{_UK_POSTCODE}|{_EIRCODE}",
    ),
    _row(
        "post-office box",
        "Postfach 1234; PO Box 12; BP 345; Casella postale 7",
        r"(?:postfach|p\.?[ ]?o\.?[ ]?box|postbus|postboks|boîte postale|apartado de correos"
        r"|casella postale|skrytka pocztowa|poštanski pretinac|poštni predal|postipostilokero)"
        r"[ ]\d{1,3}(?:[ ]?\d{2,3})?" + _TAIL,
        r"(?:postfach|box|postbus|postboks|postale|correos|pocztowa|pretinac|predal|lokero)"
        r"[ ][0-9]",
    ),
)

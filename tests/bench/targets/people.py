"""Texts about made-up people in 24 languages, with every place where something stands.

The sentences are used for nothing but this; names and addresses are Faker's, numbers of phones
and accounts are those of the country's plan. Names stand in their first case.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import phonenumbers
from faker import Faker
from schwifty import IBAN

SEED = 11
ROUNDS = 4  # how often each template is filled


@dataclass(frozen=True, slots=True)
class Annotated:
    """A text with places [start, end) of labels: PERSON, LOCATION and other entity types."""

    language: str
    text: str
    spans: tuple[tuple[int, int, str], ...]


LABELS = {
    "N": "PERSON",
    "C": "LOCATION",
    "A": "ADDRESS",
    "P": "PHONE_NUMBER",
    "E": "EMAIL_ADDRESS",
    "I": "IBAN_CODE",
}

COUNTRIES: Mapping[str, tuple[str, str]] = {
    "bg": ("bg_BG", "BG"),
    "cs": ("cs_CZ", "CZ"),
    "da": ("da_DK", "DK"),
    "de": ("de_DE", "DE"),
    "el": ("el_GR", "GR"),
    "en": ("en_IE", "IE"),
    "es": ("es_ES", "ES"),
    "et": ("et_EE", "EE"),
    "fi": ("fi_FI", "FI"),
    "fr": ("fr_FR", "FR"),
    "ga": ("ga_IE", "IE"),
    "hr": ("hr_HR", "HR"),
    "hu": ("hu_HU", "HU"),
    "it": ("it_IT", "IT"),
    "lt": ("lt_LT", "LT"),
    "lv": ("lv_LV", "LV"),
    "mt": ("mt_MT", "MT"),
    "nl": ("nl_NL", "NL"),
    "pl": ("pl_PL", "PL"),
    "pt": ("pt_PT", "PT"),
    "ro": ("ro_RO", "RO"),
    "sk": ("sk_SK", "SK"),
    "sl": ("sl_SI", "SI"),
    "sv": ("sv_SE", "SE"),
}
"""By language: Faker's locale, and the country of phones and accounts."""

TOWNS: Mapping[str, tuple[str, ...]] = {
    "bg": ("Пловдив", "Велинград", "Стара Загора", "Русе", "Троян"),
    "en": ("Waterford", "Tralee", "Tullamore", "Sligo", "Wexford"),
    "et": ("Viljandi", "Pärnu", "Rakvere", "Haapsalu", "Narva"),
    "ga": ("Gaillimh", "Corcaigh", "Port Láirge", "Sligeach", "Leitir Ceanainn"),
    "lt": ("Kaunas", "Šiauliai", "Utena", "Panevėžys", "Tauragė"),
    "lv": ("Valmiera", "Rēzekne", "Liepāja", "Tukums", "Ogre"),
    "mt": ("Birkirkara", "Ħaż-Żabbar", "Tas-Sliema", "Mosta", "Qormi"),
}
"""Where Faker makes towns up, or takes America's."""

STREETS: Mapping[str, tuple[str, ...]] = {
    "bg": ("ул. Шипка 12", "бул. Витоша 101", "ул. Иван Вазов 7, ет. 2"),
    "et": ("Pärnu mnt 12", "Tartu tn 7-3", "Kase tänav 41"),
    "ga": ("Sráid na Siopaí 14", "Bóthar na Trá 7", "7 Sráid an Teampaill"),
    "lt": ("Gedimino pr. 12", "Laisvės al. 41-3", "Vytauto g. 7"),
    "lv": ("Brīvības iela 112", "Raiņa bulvāris 7", "Kalna iela 3-14"),
    "mt": ("12, Triq ir-Repubblika", "Triq San Pawl 41", "7, Triq il-Kbira"),
}
"""As above."""

MALTESE = (
    ("Karmenu", "Ġorġ", "Marija", "Ġuża", "Pawlu", "Ċensa", "Leli", "Roża"),
    ("Borg", "Camilleri", "Vella", "Farrugia", "Zammit", "Galea", "Micallef", "Grech"),
)
"""First and last names."""

TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "bg": (
        "Вчера {N} подаде молба за нов договор и остави телефон {P}.",
        "Подателят {N} живее на адрес {A}, град {C}.",
        "Моля, преведете сумата по сметка {I} и пишете на {E}. Поздрави, {N}",
    ),
    "cs": (
        "Včera nám volala paní {N}, žádá o zpětné zavolání na {P}.",
        "Žadatel: {N}, bydliště: {A}, {C}",
        "Přeplatek pošlete na účet {I}, potvrzení na {E}. S pozdravem {N}",
    ),
    "da": (
        "I går ringede {N} og bad om at blive ringet op på {P}.",
        "Ansøger: {N}, bopæl: {A}, {C}",
        "Beløbet overføres til {I}, kvitteringen sendes til {E}. Venlig hilsen {N}",
    ),
    "de": (
        "Gestern hat {N} angerufen und bittet um Rückruf unter {P}.",
        "Antragsteller: {N}, wohnhaft: {A}, {C}",
        "Bitte überweisen Sie auf {I} und schreiben Sie an {E}. Viele Grüße, {N}",
    ),
    "el": (
        "Χθες τηλεφώνησε ο κύριος {N} και ζήτησε να τον καλέσουμε στο {P}.",
        "Ονοματεπώνυμο: {N}, διεύθυνση: {A}, {C}",
        "Το ποσό στον λογαριασμό {I}, η απόδειξη στο {E}. Με εκτίμηση, {N}",
    ),
    "en": (
        "Yesterday {N} rang and asked to be called back on {P}.",
        "Applicant: {N}, residing at {A}, {C}",
        "Please transfer it to {I} and send the receipt to {E}. Best wishes, {N}",
    ),
    "es": (
        "Ayer llamó {N} y pide que le devolvamos la llamada al {P}.",
        "Solicitante: {N}, domicilio: {A}, {C}",
        "El importe, a la cuenta {I}; el recibo, a {E}. Un saludo, {N}",
    ),
    "et": (
        "Eile helistas {N} ja palus tagasi helistada numbril {P}.",
        "Taotleja: {N}, elukoht: {A}, {C}",
        "Summa palun kanda kontole {I}, kviitung saata {E}. Lugupidamisega {N}",
    ),
    "fi": (
        "Eilen {N} soitti ja pyysi soittamaan numeroon {P}.",
        "Hakija: {N}, osoite: {A}, {C}",
        "Summa maksetaan tilille {I}, kuitti lähetetään {E}. Terveisin {N}",
    ),
    "fr": (
        "Hier, {N} a téléphoné et souhaite être rappelée au {P}.",
        "Demandeur : {N}, domicile : {A}, {C}",
        "Merci de virer la somme sur {I} et d'écrire à {E}. Cordialement, {N}",
    ),
    "ga": (
        "Ghlaoigh {N} inné agus d'iarr go nglaofaí ar ais ar {P}.",
        "Iarratasóir: {N}, seoladh: {A}, {C}",
        "Íoc an tsuim isteach i {I} agus seol an admháil chuig {E}. Le meas, {N}",
    ),
    "hr": (
        "Jučer je nazvala gospođa {N} i moli da je nazovemo na {P}.",
        "Podnositelj: {N}, adresa: {A}, {C}",
        "Iznos uplatite na {I}, potvrdu pošaljite na {E}. Srdačan pozdrav, {N}",
    ),
    "hu": (
        "Tegnap {N} telefonált, és visszahívást kér a {P} számon.",
        "Kérelmező: {N}, lakcím: {C}, {A}",
        "Az összeget a {I} számlára, a nyugtát {E} címre kérjük. Üdvözlettel: {N}",
    ),
    "it": (
        "Ieri ha chiamato {N} e chiede di essere richiamata al {P}.",
        "Richiedente: {N}, residente in {A}, {C}",
        "L'importo va versato su {I}, la ricevuta inviata a {E}. Cordiali saluti, {N}",
    ),
    "lt": (
        "Vakar skambino {N} ir prašė perskambinti numeriu {P}.",
        "Pareiškėjas: {N}, adresas: {A}, {C}",
        "Sumą perveskite į {I}, kvitą siųskite {E}. Pagarbiai {N}",
    ),
    "lv": (
        "Vakar zvanīja {N} un lūdza atzvanīt pa tālruni {P}.",
        "Iesniedzējs: {N}, adrese: {A}, {C}",
        "Summu pārskaitiet uz {I}, kvīti sūtiet uz {E}. Ar cieņu, {N}",
    ),
    "mt": (
        "Ilbieraħ ċempel {N} u talab li nċemplulu lura fuq {P}.",
        "Applikant: {N}, residenti: {A}, {C}",
        "Ħallas is-somma f'{I} u ibgħat l-irċevuta lil {E}. Tislijiet, {N}",
    ),
    "nl": (
        "Gisteren belde {N} met het verzoek terug te bellen op {P}.",
        "Aanvrager: {N}, woonadres: {A}, {C}",
        "Maak het bedrag over naar {I} en mail het bewijs naar {E}. Groeten, {N}",
    ),
    "pl": (
        "Wczoraj dzwoniła pani {N} i prosi o telefon pod {P}.",
        "Wnioskodawca: {N}, adres: {A}, {C}",
        "Kwotę proszę przelać na {I}, a potwierdzenie wysłać na {E}. Pozdrawiam, {N}",
    ),
    "pt": (
        "Ontem telefonou {N} e pede que lhe liguem para o {P}.",
        "Requerente: {N}, morada: {A}, {C}",
        "O valor vai para {I} e o recibo para {E}. Com os melhores cumprimentos, {N}",
    ),
    "ro": (
        "Ieri a sunat {N} și roagă să fie contactat la {P}.",
        "Solicitant: {N}, adresa: {A}, {C}",
        "Suma se virează în {I}, iar chitanța se trimite la {E}. Cu stimă, {N}",
    ),
    "sk": (
        "Včera volala pani {N} a prosí o telefonát na {P}.",
        "Žiadateľ: {N}, bydlisko: {A}, {C}",
        "Sumu pošlite na účet {I}, potvrdenie na {E}. S pozdravom {N}",
    ),
    "sl": (
        "Včeraj je klicala gospa {N} in prosi za klic na {P}.",
        "Vlagatelj: {N}, naslov: {A}, {C}",
        "Znesek nakažite na {I}, potrdilo pošljite na {E}. Lep pozdrav, {N}",
    ),
    "sv": (
        "I går ringde {N} och bad att få bli uppringd på {P}.",
        "Sökande: {N}, bostad: {A}, {C}",
        "Beloppet betalas till {I} och kvittot mejlas till {E}. Hälsningar {N}",
    ),
}

ANYWHERE = (
    '{{"customer": "{N}", "city": "{C}", "mail": "{E}", "phone": "{P}", "total": 41.5}}',
    "id;name;street;town\n17;{N};{A};{C}",
)
"""Templates of every language."""


def annotated() -> Iterator[Annotated]:
    """The texts, always the same."""
    chance = random.Random(SEED)
    for language, (locale, country) in COUNTRIES.items():
        fake = Faker(locale)
        fake.seed_instance(SEED)
        person = _Person(fake, language, country, chance)
        for template in (*TEMPLATES[language], *ANYWHERE):
            for _ in range(ROUNDS):
                yield _filled(language, template, person)


@dataclass(frozen=True, slots=True)
class _Person:
    fake: Faker
    language: str
    country: str
    chance: random.Random

    def value(self, slot: str) -> str:
        made: dict[str, Callable[[], str]] = {
            "N": self._name,
            "C": self._town,
            "A": self._street,
            "P": lambda: _phone(self.country, self.chance),
            "E": self._mail,
            "I": self._account,
        }
        return made[slot]()

    def _name(self) -> str:
        if self.language == "mt":
            return " ".join(map(self.chance.choice, MALTESE))
        first, last = self.fake.first_name(), self.fake.last_name()
        return f"{last} {first}" if self.language == "hu" else f"{first} {last}"

    def _town(self) -> str:
        known = TOWNS.get(self.language)
        return self.chance.choice(known) if known else str(self.fake.city())

    def _street(self) -> str:
        known = STREETS.get(self.language)
        made = self.chance.choice(known) if known else str(self.fake.street_address())
        return made.replace("\n", ", ")

    def _mail(self) -> str:
        return f"{_ascii(self.fake.last_name())}.{self.chance.randrange(10, 99)}@example.org"

    def _account(self) -> str:
        iban = IBAN.random(country_code=self.country, random=self.chance)
        return iban.formatted if self.chance.random() < 0.5 else str(iban)


def _filled(language: str, template: str, person: _Person) -> Annotated:
    text, spans, last = "", [], 0
    plain = template.replace("{{", "\0").replace("}}", "\1")
    for slot in re.finditer(r"\{([A-Z])\}", plain):
        text += plain[last : slot.start()]
        value = person.value(slot[1])
        spans.append((len(text), len(text) + len(value), LABELS[slot[1]]))
        text += value
        last = slot.end()
    text += plain[last:]
    return Annotated(language, text.replace("\0", "{").replace("\1", "}"), tuple(spans))


def _phone(country: str, chance: random.Random) -> str:
    kind = phonenumbers.PhoneNumberType.MOBILE
    example = phonenumbers.example_number_for_type(country, kind)
    assert example is not None
    assert example.national_number is not None
    while True:
        number = phonenumbers.PhoneNumber(
            country_code=example.country_code,
            national_number=example.national_number // 10_000 * 10_000
            + chance.randrange(10_000),
        )
        if phonenumbers.is_valid_number(number):
            form = chance.choice(("INTERNATIONAL", "NATIONAL"))
            return phonenumbers.format_number(
                number, getattr(phonenumbers.PhoneNumberFormat, form)
            )


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z]", "", plain) or "info"

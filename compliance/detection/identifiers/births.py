"""Dates of birth: a date beside a word of birth, in the languages of the Union and beyond."""

from __future__ import annotations

import re
import unicodedata

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength
from compliance.detection.identifiers.written import is_past, is_past_in_some_century

_MONTHS = frozenset(
    "abe abr abu ago agu aib aou api apr aug avg avr aww aza bal bea bir bre cer cvc cvn cze "
    "dec dei des det dez dfo dic dub ean eka elo ene fea feb fev fom fra geg gen giu gru gun "
    "hei hel huh ian ira iui iul iun jaa jan jou jui jul jun juu kes kol kov kve kwi lap led "
    "lie lip lis lok lug lul lun lut maa mae mag mai maj mar may mea mee mei mej mfo mrt noi "
    "nol nov oct okt ots ott out ozu paz pro rij rug ruj sam sau sep set sie sij spa srp stu "
    "sty svi syy sze tam tou tra uno urr urt uzt vas vee vel wrz xan xul xun zar απρ αυγ δεκ "
    "ιαν ιου μαι μαρ νοε οκτ σεπ φεβ авг апр дек маи мар ное окт сеп фев юли юни яну".split()
)
"""First three letters, without accents, of every month in thirty languages (Unicode CLDR)."""

_SPACES = r"[ \t]{0,2}"
_SIGN = r"[ ]?[.\-/][ ]?"
_YEAR = r"(?:18|19|20)\d{2}"
_ORDINAL = r"(?:\.|st|nd|rd|th|er|º|ª|°|\.?-?[a-z]{1,2})?"
_MONTH = r"\p{L}{3,14}\.?"
_OF = r"(?:d[eu]l? |of |ta'? |d'|di |de )?"

PATTERN = (
    # 12.03.1980, 12/3/80, 1980-03-12, 1980. 03. 12.
    rf"[0-3]?\d{_SIGN}[0-3]?\d{_SIGN}(?:{_YEAR}|\d{{2}})"
    rf"|{_YEAR}{_SIGN}[01]?\d{_SIGN}[0-3]?\d"
    # 12 March 1980, 12. März 1980, 12 de marzo de 1980, le 1er mars 1980, 12 ta' Marzu 1980
    rf"|[0-3]?\d{_ORDINAL}{_SPACES}{_OF}{_MONTH},?{_SPACES}{_OF}{_YEAR}"
    rf"|[0-3]?\d{_SIGN}{_MONTH}{_SIGN}{_YEAR}"
    # March 12, 1980
    rf"|{_MONTH} [0-3]?\d(?:st|nd|rd|th)?,? {_YEAR}"
    # 1980. március 12., 1980 m. kovo 12 d., 1980. gada 12. marts
    rf"|{_YEAR}(?:\.|,| m\.| г\.|\. gada)? {_MONTH} [0-3]?\d"
    rf"|{_YEAR}\. gada [0-3]?\d\. {_MONTH}"
    # 19800312, 12031980
    rf"|{_YEAR}[01]\d[0-3]\d|[0-3]\d[01]\d{_YEAR}"
)
"""A date as people write it; the day, the month and the year in any of their orders."""

_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_]{3,}")


def _folded(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", word.lower()) if c.isalpha())


def _is_date(value: str) -> bool:
    """A day that has been, within the longest life; of 3/12 either may be the month."""
    numbers = _NUMBER.findall(value)
    if len(numbers) == 1 and len(numbers[0]) == 8:
        whole = numbers[0]
        return is_past(int(whole[:4]), int(whole[4:6]), int(whole[6:])) or is_past(
            int(whole[4:]), int(whole[2:4]), int(whole[:2])
        )
    if len(numbers) == 2:
        named = any(_folded(word)[:3] in _MONTHS for word in _WORD.findall(value))
        year, day = sorted(map(int, numbers), reverse=True)
        return named and is_past(year, 1, day)
    if len(numbers) != 3:
        return False
    first, middle, last = map(int, numbers)
    if len(numbers[0]) == 4:
        return is_past(first, middle, last)
    if len(numbers[2]) == 4:
        return is_past(last, middle, first) or is_past(last, first, middle)
    return is_past_in_some_century(last, middle, first) or is_past_in_some_century(
        last, first, middle
    )


_WORDS = (
    *("born", "birth*", "date of birth", "dob", "d.o.b", "b-day", "bday"),
    *("geboren*", "geburt*", "geb", "geburtsdatum", "geb.-datum", "gebdatum"),
    *(
        "né le",
        "née le",
        "né à",
        "née à",
        "né en",
        "née en",
        "naissance",
        "date de naissance",
        "ddn",
    ),
    *("nacid*", "nacimiento", "fecha de nacimiento", "nació", "naci el", "f. nac", "fdn"),
    *("nato il", "nata il", "nato a", "nata a", "nati il", "nascita", "data di nascita"),
    *("nascid*", "nascimento", "data de nascimento", "nasceu", "nasci"),
    *("geboorte*", "geboren op", "geb.datum", "fødsels*", "født", "fødd", "fødselsdato"),
    *("född", "född den", "födelse*", "fødedato", "syntynyt", "syntymä*", "syntyi", "s. aika"),
    *("fæddur", "fædd", "fæðingardag*", "fæðing*", "sündinud", "sünni*", "sündis", "dzimusi"),
    *("dzimis", "dzimus*", "dzimšan*", "gimęs", "gimusi", "gimim*", "gimė"),
    *("urodz*", "ur. dnia", "data urodzenia", "narozen*", "datum narození", "narodil*"),
    *("naroden*", "dátum narodenia", "narodený", "narodená", "narozen"),
    *("rojen*", "rojstva", "rojstni*", "datum rojstva", "rođen*", "rođenja", "datum rođenja"),
    *("született", "születés*", "szül", "szülideje", "născut*", "naștere*", "naşter*", "născ"),
    *("γεννήθηκ*", "γεννημέν*", "γέννησης", "γεννηθ*", "ημερομηνία γέννησης", "ημ. γέννησης"),
    *("роден*", "рожден*", "раждане", "дата на раждане", "родена"),
    *("rugadh", "dáta breithe", "breithe", "twieled*", "data tat-twelid", "twelid"),
    *(
        "nascut",
        "nascuda",
        "naixement",
        "naixença",
        "jaioteguna",
        "jaio*",
        "nacemento",
        "nado o",
    ),
    *("gebuer*", "gebuertsdatum", "birthdate", "birthday", "datanascita", "datenaissance"),
)

IDENTIFIERS = (
    Identifier(
        entity="DATE_OF_BIRTH",
        country="",
        kind=Kind.OTHER,
        name="date of birth",
        format="a date of the last 120 years in figures or with the month as a word",
        pattern=PATTERN,
        words=_WORDS,
        strength=Strength.FORM,
        source="months and orders: Unicode CLDR 46",
        holds=_is_date,
        single=True,
    ),
    Identifier(
        entity="DATE_OF_BIRTH",
        country="",
        kind=Kind.OTHER,
        name="date of birth right behind an abbreviation that means other things elsewhere",
        format="ur. 12.03.1980; née 12 mars 1980; f. 1980-03-12",
        pattern=(
            r"(?<=(?<!\w)(?:ur\.|née?|\(né|née?\)|nar\.|roj\.|gim\.|dzim\.|f\.|sz\.|\*)[ ]?)"
            rf"(?:{PATTERN})"
        ),
        words=("urodz*", "né le", "narozen*"),
        strength=Strength.CERTAIN,
        source="months and orders: Unicode CLDR 46",
        holds=_is_date,
        trigger=r"(?:ur\.|nee?\)?|nar\.|roj\.|gim\.|dzim\.|f\.|sz\.|[*])[ ]?[0-9]",
    ),
)

"""Names of countries and larger parts of the world, in English, folded to lower case.

A country tells nothing about anyone, and without it many a question loses its sense. Names
that an article often comes before are listed without it.
"""

from __future__ import annotations

_NAMES = frozenset(
    {
        *("afghanistan", "albania", "algeria", "andorra", "angola", "argentina", "armenia"),
        *("australia", "austria", "azerbaijan", "bahamas", "bahrain", "bangladesh"),
        *("barbados", "belarus", "belgium", "belize", "benin", "bhutan", "bolivia"),
        *("bosnia", "bosnia and herzegovina", "botswana", "brazil", "brunei", "bulgaria"),
        *("burkina faso", "burundi", "cambodia", "cameroon", "canada", "cape verde"),
        *("chad", "chile", "china", "colombia", "comoros", "congo", "costa rica"),
        *("croatia", "cuba", "cyprus", "czechia", "czech republic", "denmark", "djibouti"),
        *("dominica", "dominican republic", "ecuador", "egypt", "el salvador", "eritrea"),
        *("estonia", "eswatini", "ethiopia", "fiji", "finland", "france", "gabon"),
        *("gambia", "georgia", "germany", "ghana", "greece", "greenland", "grenada"),
        *("guatemala", "guinea", "guyana", "haiti", "honduras", "hong kong", "hungary"),
        *("iceland", "india", "indonesia", "iran", "iraq", "ireland", "israel", "italy"),
        *("ivory coast", "jamaica", "japan", "jordan", "kazakhstan", "kenya", "kosovo"),
        *("kuwait", "kyrgyzstan", "laos", "latvia", "lebanon", "lesotho", "liberia"),
        *("libya", "liechtenstein", "lithuania", "luxembourg", "madagascar", "malawi"),
        *("malaysia", "maldives", "mali", "malta", "mauritania", "mauritius", "mexico"),
        *("moldova", "monaco", "mongolia", "montenegro", "morocco", "mozambique"),
        *("myanmar", "namibia", "nepal", "netherlands", "new zealand", "nicaragua"),
        *("niger", "nigeria", "north korea", "north macedonia", "norway", "oman"),
        *("pakistan", "palestine", "panama", "papua new guinea", "paraguay", "peru"),
        *("philippines", "poland", "portugal", "puerto rico", "qatar", "romania", "russia"),
        *("rwanda", "samoa", "san marino", "saudi arabia", "senegal", "serbia"),
        *("seychelles", "sierra leone", "singapore", "slovakia", "slovenia", "somalia"),
        *("south africa", "south korea", "korea", "south sudan", "spain", "sri lanka"),
        *("sudan", "suriname", "sweden", "switzerland", "syria", "taiwan", "tajikistan"),
        *("tanzania", "thailand", "togo", "tonga", "trinidad and tobago", "tunisia"),
        *("turkey", "türkiye", "turkmenistan", "uganda", "ukraine", "united arab emirates"),
        *("uae", "united kingdom", "uk", "u.k.", "great britain", "britain", "england"),
        *("scotland", "wales", "northern ireland", "united states"),
        *("united states of america", "usa", "us", "u.s.", "u.s.a.", "uruguay"),
        *("uzbekistan", "vanuatu", "vatican city", "venezuela", "vietnam", "yemen"),
        *("zambia", "zimbabwe", "european union", "eu", "holland", "europe"),
        *("western europe", "eastern europe", "central europe", "northern europe"),
        *("southern europe", "asia", "africa", "america", "north america", "south america"),
        *("latin america", "central america", "antarctica", "oceania", "middle east"),
        *("balkans", "baltics", "scandinavia", "atlantic", "pacific", "mediterranean"),
        *("earth", "world"),
    }
)


def is_country(name: str) -> bool:
    """Whether a name, in any case and with or without an article, is one of the list."""
    return " ".join(name.casefold().split()).removeprefix("the ") in _NAMES

"""E-mail addresses written to be read aloud: "anna dot berg at example dot com".

The words are those that people say for "@" and "." in the languages of the Union. Short ones
that are other words too ("et", "a", "ag") are left out, and those that stay count only where a
whole address can be made.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from compliance.detection.reading.view import Edit

AT_WORDS = (
    *("at", "ät", "ätt", "arobase", "arobas", "arroba", "chiocciola", "chiocciolina"),
    *("apenstaartje", "apestaartje", "małpa", "malpa", "zavináč", "zavinac", "kukac"),
    *("snabel-a", "snabela", "snabel a", "miukumauku", "kissanhäntä", "klammeraffe", "afna"),
    *("arond", "coadă de maimuță", "кльомба", "маймунско а", "παπάκι", "papaki", "manki"),  # noqa: RUF001
    *("monkey", "kommersant", "eta", "ed ett", "ett"),
)
DOT_WORDS = (
    *("dot", "punkt", "point", "punto", "ponto", "punt", "kropka", "tečka", "tecka", "bodka"),
    *("pont", "punktum", "piste", "punkts", "taškas", "taskas", "punct", "точка", "τελεία"),
    *("teleia", "točka", "tocka", "pika", "tikka", "ponc", "period", "prik"),
)
_NO_NAMES = frozenset(
    {
        *("me", "us", "you", "them", "him", "her", "it", "look", "looked", "looking", "meet"),
        *("find", "found", "available", "online", "here", "there", "page", "site", "website"),
        *("website", "shop", "store", "work", "works", "working", "is", "was", "are", "be"),
        *("arrive", "stay", "visit", "only", "live", "hosted", "sign", "up", "in", "more"),
        *("information", "info.", "details", "docs", "blog", "read", "aim", "start", "the"),
    }
)
"""What stands before "at" in a sentence about a place; no mailbox is called so."""

_ARTICLES = frozenset(
    {
        *(
            "the",
            "a",
            "an",
            "this",
            "that",
            "one",
            "which",
            "some",
            "any",
            "every",
            "no",
            "our",
        ),
        *(
            "der",
            "die",
            "das",
            "dem",
            "den",
            "ein",
            "einem",
            "einer",
            "diesem",
            "le",
            "la",
            "les",
        ),
        *(
            "un",
            "une",
            "ce",
            "cet",
            "el",
            "los",
            "las",
            "il",
            "lo",
            "o",
            "os",
            "as",
            "um",
            "uma",
        ),
        *("de", "het", "een", "ten", "ta", "to", "en", "et", "ett", "den", "det", "az", "egy"),
    }
)
"""What stands before "point" in a sentence; no domain is called so."""
TOP_LEVEL = frozenset(
    {
        *(
            "com",
            "org",
            "net",
            "eu",
            "info",
            "biz",
            "edu",
            "gov",
            "int",
            "io",
            "ai",
            "app",
            "dev",
        ),
        *(
            "cloud",
            "online",
            "email",
            "mail",
            "me",
            "tv",
            "co",
            "us",
            "ca",
            "uk",
            "ch",
            "no",
            "is",
        ),
        *(
            "li",
            "at",
            "be",
            "bg",
            "hr",
            "cy",
            "cz",
            "dk",
            "ee",
            "fi",
            "fr",
            "de",
            "gr",
            "hu",
            "ie",
        ),
        *("it", "lv", "lt", "lu", "mt", "nl", "pl", "pt", "ro", "sk", "si", "es", "se", "cat"),
        *(
            "\u0431\u0433",
            "\u0435\u044e",
            "\u03b5\u03bb",
            "\u03b5\u03c5",
            "gal",
            "eus",
            "bzh",
            "example",
            "test",
        ),
    }
)
"""Where an address spoken in words ends; one with signs may end anywhere."""

_OPEN, _CLOSE = r"\s{0,2}[\[({<]\s{0,2}", r"\s{0,2}[\])}>]\s{0,2}"
_AT = regex.compile(
    rf"(?i)(?P<sure>{_OPEN}(?:\L<words>|@){_CLOSE}|\s{{0,2}}@\s{{0,2}})"
    r"|(?<=\w)[\s_]{1,2}(?:\L<words>)[\s_]{1,2}(?=\w)",
    words=list(AT_WORDS),
)
_DOT = (
    rf"(?:{_OPEN}(?:\L<words>|\.){_CLOSE}|[\s_]{{1,2}}(?:\L<words>)[\s_]{{1,2}}"
    r"|\s{1,2}\.\s{1,2}|\.)"
)
_DOTS = regex.compile(rf"(?i){_DOT}", words=list(DOT_WORDS))
_LOCAL = regex.compile(
    rf"(?i)(?<![\w+\-])(?:[\w+\-]{{1,40}}{_DOT}){{0,4}}[\w+\-]{{1,40}}$",
    words=list(DOT_WORDS),
)
_DOMAIN = regex.compile(
    rf"(?i)[a-z0-9\-]{{1,40}}(?:{_DOT}[a-z0-9\-]{{2,40}}){{1,4}}(?!\w)",
    words=list(DOT_WORDS),
)
_NEAR = 100  # characters on either side in which the rest of an address must stand


def spoken_addresses(text: str) -> Iterator[Edit]:
    """Edits that write each such address with its signs, sorted."""
    done = 0
    for at in _AT.finditer(text):
        domain = _DOMAIN.match(text, at.end(), min(len(text), at.end() + _NEAR))
        if domain is None:
            continue
        local = _LOCAL.search(text, max(done, at.start() - _NEAR), at.start())
        if local is None or not _is_meant(at, local[0], domain[0]):
            continue
        yield from _dots(text, local.start(), local.end())
        yield Edit(at.start(), at.end(), "@")
        yield from _dots(text, domain.start(), domain.end())
        done = domain.end()


def _dots(text: str, start: int, end: int) -> Iterator[Edit]:
    for dot in _DOTS.finditer(text, start, end):
        if dot[0] != ".":
            yield Edit(dot.start(), dot.end(), ".")


def _is_meant(at: regex.Match[str], local: str, domain: str) -> bool:
    """Whether this is an address, and not one written plainly, nor "look at a dot com"."""
    if at["sure"]:
        return at["sure"] != "@" or "." not in domain or " " in domain
    labels = [label.lower() for label in _DOTS.split(domain)]
    spoken_dot = any(dot[0] != "." for dot in _DOTS.finditer(domain))
    return (
        spoken_dot
        and labels[-1] in TOP_LEVEL
        and labels[0] not in _ARTICLES
        and local.lower() not in _NO_NAMES
    )

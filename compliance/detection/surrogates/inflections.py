"""The forms in which a model may write one of the listed names, in the Union's languages.

They are told by the name's ending, for all languages together: a name in a text in one of them
seldom stands in a form of another, and would mean the same name if it did. Bulgarian, Irish and
Maltese leave names as they are; what follows an apostrophe is no part of a name.
"""

from __future__ import annotations

from functools import cache

_CONSONANT = """
    s es
    in ia issa ista iin illa ilta ille iksi ina
    i it ile ilt il iga ist is isse iks ini ita
    t ot et öt nak nek ban ben ba be ból ből ra re ról ről nál nél tól től hoz hez höz ért on en
    ön é ék ként
    a owi em iem ie u ów owie ach
    ovi om e ů ům ová ové ovou ovej ovo ova ovy ových
    ov ove ju jem jom
    as o ui ą ai us io iui į iu y ienė
    am ā ām im
    ul ului
""".split()
"""Germanic, Finnish, Estonian, Hungarian, Polish, Czech and Slovak, Croatian and Slovene,
Lithuanian, Latvian, Romanian: endings behind a consonant."""

_A = """
    as
    an ana assa asta aan alla alta alle aksi
    at ale alt al aga ast asse aks ani
    át ának ával ában ába ából ára áról ánál ától ához áért án áé áék aként
    y ę ą o ie i
    ě u ou e
    om oj
    os ai oje ų
    ām ā ās
    ei
""".split()
"""The same in place of an "a" at the end."""

_SOFT = {"r": "rze ře", "t": "cie tě", "d": "dzie dě", "k": "ce", "n": "nie ně", "l": "li"}
"""Stems before a Slavic "e", whole, by the last consonant."""

_GREEK = {
    "ης": "η",
    "ής": "ή",
    "ας": "α",
    "έας": "έα",
    "ος": "ο ου ε",
    "η": "ης",
    "ή": "ής",
    "α": "ας",
}
"""Endings, and what stands in their place in other cases; the longest counts."""

_DOUBLED = ("al", "el", "á", "é")  # behind the last consonant twice: Lindgrennel, Lindgrenné


@cache
def folded_forms(name: str) -> frozenset[str]:
    """Its forms, whatever their letters' case."""
    return frozenset(form.casefold() for form in forms(name))


@cache
def forms(name: str) -> frozenset[str]:
    """The forms of a listed name, itself among them."""
    found = {name}
    for length in (3, 2, 1):
        ending = name[-length:]
        if ending in _GREEK:
            found |= {name[:-length] + other for other in _GREEK[ending].split()}
            return frozenset(found)
    if not name.isascii():
        return frozenset(found)
    if name.endswith("a"):
        stem = name[:-1]
        found |= {stem + ending for ending in _A}
        found |= {stem[:-1] + soft for soft in _SOFT.get(stem[-1], "").split()}
    else:
        found |= {name + ending for ending in _CONSONANT}
        found |= {name + name[-1] + ending for ending in _DOUBLED}
    return frozenset(found)

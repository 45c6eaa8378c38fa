"""What stands for all values that nobody named, told apart from names by its type.

An application may be called “any other application”: that is a name, and no placeholder.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from compliance.vocabulary import Category


class Unnamed(str):
    """One value for all that no policy and no question names.

    As a text it equals no name of the world that it was made for (`unnamed`, `unnamed_kind`);
    elsewhere only the type tells, so that whatever is told of it is told where it was made.
    """

    __slots__ = ()


OTHERS: Mapping[str, str] = {
    "application": "any other application",
    "model": "any other model",
    "purpose": "any other purpose",
    "legal_basis": "any other legal basis",
    "owner": "any other unit",
    "licence": "any other licence",
    "publisher": "any other publisher",
    "subject_countries": "any other country",
    "tools": "any other function",
    "site": "any other site",
    "operator": "any other operator",
    "certifications": "any other certification",
}
"""How the placeholder of each fact reads, where no name reads the same."""


def unnamed(fact: str, names: Container[str]) -> Unnamed:
    """What stands for all values of a fact but `names`."""
    return _free(OTHERS[fact], names)


def unnamed_kind(category: Category, names: Container[str]) -> Unnamed:
    """What stands for all entities of a category but `names`."""
    return _free(f"another kind of {category} data", names)


def _free(other: str, names: Container[str]) -> Unnamed:
    while other in names:
        other = f"{other}, another"
    return Unnamed(other)

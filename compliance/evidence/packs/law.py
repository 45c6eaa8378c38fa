"""What regulations ask for, as data: the TOML files beside this module.

Each field names the provision that demands it and says whether our reading is sure. Reading
them checks them, so that a pack without a source cannot be made.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

STATUSES = ("in force", "adopted", "proposed", "unsure")
NEEDS = ("required", "where applicable", "where possible", "addition")
ORIGINS = ("events", "configuration", "officer")
KINDS = (
    *("text", "line", "moment", "day", "applications", "choice", "choices", "code"),
    *("lei", "country", "currency", "number"),
)
PLACES = ("organisation", "application", "case", "model")
WINDOWS = ("asked", "typed")
UNITS = ("hour", "day", "month")
ORGANISATION = "organisation"
"""The pack under which answers are kept that several packs share."""


class LawInvalid(ValueError):
    """A TOML file does not say what it must. The message names the file and the part."""


@dataclass(frozen=True, slots=True)
class Provision:
    """Where a regulation demands something: an article, or by its name an annex or a column."""

    article: str
    paragraph: str = ""
    point: str = ""

    def __str__(self) -> str:
        paragraph = f"({self.paragraph})" if self.paragraph else ""
        point = f"({self.point})" if self.point else ""
        head = f"Art. {self.article}" if self.article[:1].isdigit() else self.article
        return f"{head}{paragraph}{point}"


@dataclass(frozen=True, slots=True)
class FieldLaw:
    """One thing that a pack must say.

    `of` says what it is answered for: the organisation, or each application or case. `shared`
    answers serve every pack. `default` is a text of the product that nobody confirmed.
    `choices` are codes with their words; `pattern` is what a code looks like. What is a `cell`
    goes into a table for machines as it was typed, and where it is answered, `also` says what
    stands in other columns.
    """

    id: str
    label: str
    demanded_by: tuple[Provision, ...]
    need: str
    origin: str
    of: str
    status: str
    sure: bool
    help: str
    note: str = ""
    kind: str = "text"
    shared: bool = False
    default: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    pattern: str = ""
    cell: bool = False
    also: Mapping[str, str] = field(default_factory=dict)

    def words(self, value: str) -> str:
        """An answer as people read it: of a choice, its words."""
        words = dict(self.choices)
        return "\n".join(words.get(one, one) for one in value.split("\n"))

    @property
    def sources(self) -> str:
        """The provisions, for people; empty where none demands it."""
        return ", ".join(str(one) for one in self.demanded_by)


@dataclass(frozen=True, slots=True)
class Regulation:
    """The act, where it is published, and since when it applies."""

    name: str
    number: str
    oj: str
    eli: str
    status: str
    applies_from: dt.date
    sure: bool
    note: str


@dataclass(frozen=True, slots=True)
class DeadlineLaw:
    """A time that begins with the moment typed into field `starts`.

    With `asks`, it runs only where the answer to that field names one of `values`; before it is
    answered, it runs as well.
    """

    id: str
    label: str
    law: str
    starts: str
    amount: int
    unit: str
    sure: bool
    note: str
    ends: str = ""  # the field whose moment stops it
    asks: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Law:
    """A pack: what a regulation asks for in one form.

    `of` is what a section is about. The period is `asked` for when it is made, or `typed` into
    the fields `began` and `ended`. It is about applications that are `marked` as high-risk, or
    all; `personal` ones name a person. `files` says what lies beside the form.

    `tables` are the columns of tables for machines, keys with an asterisk; `fills` is what
    stands in a column that no field answered, "@" and a column to copy that one.
    """

    id: str
    title: str
    form: str
    question: str
    of: str
    as_of: dt.date
    notes: tuple[str, ...]
    regulation: Regulation
    fields: tuple[FieldLaw, ...]
    deadlines: tuple[DeadlineLaw, ...]
    window: str
    marked: bool
    personal: bool
    files: Mapping[str, str]
    tables: Mapping[str, tuple[str, ...]]
    fills: Mapping[str, str]

    def field(self, name: str) -> FieldLaw:
        """The field of this id; raises KeyError."""
        return next(one for one in self.fields if one.id == name)


@cache
def laws() -> Mapping[str, Law]:
    """Every pack, by id, in the order in which people are shown them."""
    found = [_law(path) for path in sorted(Path(__file__).parent.glob("*.toml"))]
    order = {name: place for place, name in enumerate(ORDER)}
    return {one.id: one for one in sorted(found, key=lambda one: order[one.id])}


ORDER = (
    *("record-of-processing", "access-request", "breach"),
    *("ai-logs", "serious-incident", "dora-register", "ml-bom"),
)
"""The packs, as people are shown them."""


def _law(path: Path) -> Law:
    said = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        law = Law(
            id=said["id"],
            title=said["title"],
            form=said["form"],
            question=said["question"],
            of=_one_of(said["of"], PLACES[1:]),
            as_of=dt.date.fromisoformat(said["as_of"]),
            notes=tuple(said["notes"]),
            regulation=_regulation(said["regulation"]),
            fields=tuple(_field(one, said) for one in said["field"]),
            deadlines=tuple(_deadline(one) for one in said.get("deadline", ())),
            window=_one_of(said.get("window", "asked"), WINDOWS),
            marked=bool(said.get("marked", False)),
            personal=bool(said.get("personal", False)),
            files=dict(said.get("files", {})),
            tables={name: tuple(columns) for name, columns in said.get("tables", {}).items()},
            fills=dict(said.get("fills", {})),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LawInvalid(f"{path.name}: {error!r}") from error
    names = [one.id for one in law.fields]
    if len(set(names)) != len(names) or law.id != path.stem or law.id not in ORDER:
        raise LawInvalid(f"{path.name}: its id or the id of a field is not its own.")
    return law


def _regulation(said: dict[str, Any]) -> Regulation:
    rest = {name: said[name] for name in ("name", "number", "oj", "eli", "note")}
    return Regulation(
        status=_one_of(said["status"], STATUSES),
        applies_from=dt.date.fromisoformat(said["applies_from"]),
        sure=_flag(said),
        **rest,
    )


def _field(said: dict[str, Any], pack: dict[str, Any]) -> FieldLaw:
    demanded = tuple(Provision(**one) for one in said["demanded_by"])
    need = _one_of(said["need"], NEEDS)
    if not demanded and need != "addition":
        raise LawInvalid(f"The field {said['id']} is demanded by no provision.")
    if not _flag(said) and not said.get("note"):
        raise LawInvalid(f"The field {said['id']} is unsure and does not say why.")
    return FieldLaw(
        id=said["id"],
        label=said["label"],
        demanded_by=demanded,
        need=need,
        origin=_one_of(said["origin"], ORIGINS),
        of=_one_of(said.get("of", pack["of"]), PLACES),
        status=_one_of(said["status"], STATUSES),
        sure=_flag(said),
        help=said["help"],
        note=said.get("note", ""),
        kind=_one_of(said.get("kind", "text"), KINDS),
        shared=bool(said.get("shared", False)),
        default=said.get("default", ""),
        choices=tuple((code, words) for code, words in _choices(said, pack)),
        pattern=said.get("pattern", ""),
        also=dict(said.get("also", {})),
        cell=said["origin"] == "officer" and bool(pack.get("tables")),
    )


def _choices(said: dict[str, Any], pack: dict[str, Any]) -> list[list[str]]:
    """The list that a field takes its answer from, given there or by its name."""
    given = said.get("choices", [])
    found: list[list[str]] = pack["lists"][given] if isinstance(given, str) else given
    if bool(found) != (said.get("kind") in ("choice", "choices")):
        raise LawInvalid(f"The field {said['id']} has choices that do not fit its kind.")
    return found


def _deadline(said: dict[str, Any]) -> DeadlineLaw:
    checked = {"unit": _one_of(said["unit"], UNITS), "sure": _flag(said)}
    return DeadlineLaw(**{**said, **checked, "values": tuple(said.get("values", ()))})


def _flag(said: dict[str, Any]) -> bool:
    if type(said["sure"]) is not bool:
        raise LawInvalid("`sure` is true or false.")
    return bool(said["sure"])


def _one_of(word: str, words: tuple[str, ...]) -> str:
    if word not in words:
        raise LawInvalid(f"{word!r} is none of {', '.join(words)}.")
    return word

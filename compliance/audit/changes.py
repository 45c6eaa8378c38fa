"""Changes of governed tables that no event speaks of.

A trigger writes a row of `Change` with each change, in the transaction that makes it. Code
that records what it does changes governed tables inside `recorded()`; its event, appended in
the same transaction, names the objects it is `about`, and takes exactly their rows of that
transaction away again. So a row that is committed is a change that nobody recorded: by raw
SQL, by another program, by a bulk write, or by our own mistake. The notary turns it into an
event, `change.unrecorded`, and into an alarm.

What was changed is told by table, verb, key and the names of columns. A digest of the row
would be no more use, and could be reversed by trying: rows hold names and small numbers.

Like all triggers these show what happens by accident or in haste. Who owns the database can
drop them, which `doctor` and the notary see, or remove the rows of `Change` themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from django.db import connection, models, transaction

from compliance.audit import capture

_floor: ContextVar[int | None] = ContextVar("changes_floor", default=None)


@contextmanager
def recorded() -> Iterator[None]:
    """A transaction whose changes of governed tables its events speak of.

    On SQLite the newest change at its beginning tells the transaction's own from earlier
    ones. That is exact: nobody else can write between the first read of a transaction and its
    end, or it fails. PostgreSQL's triggers note the transaction themselves.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql" or _floor.get() is not None:
            yield
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT COALESCE(MAX(id), 0) FROM compliance_change")
            token = _floor.set(cursor.fetchone()[0])
        try:
            yield
        finally:
            _floor.reset(token)


def cover(objects: Iterable[models.Model]) -> None:
    """Take away this transaction's changes of `objects` and of what belongs to them.

    For who appends the event that speaks of them, in the same transaction and after them.
    """
    for one in objects:
        tables = capture.belonging(one._meta.db_table)  # noqa: SLF001 - Django's own name for it
        key = str(one.pk).replace("-", "")
        mine, bound = _MINE[connection.vendor], []
        if connection.vendor != "postgresql":
            floor = _floor.get()
            if floor is None:
                return
            bound = [floor]
        places = ", ".join(["%s"] * len(tables))
        with connection.cursor() as cursor:
            cursor.execute(
                f'DELETE FROM compliance_change WHERE "table" IN ({places}) AND "key" = %s '  # noqa: S608 - constants
                f"AND {mine}",
                [*tables, key, *bound],
            )


_MINE = {
    "sqlite": "id > %s",
    "postgresql": "mark = pg_current_xact_id()::text::bigint",
}


@dataclass(slots=True)
class Unrecorded:
    """Changes of one kind: the same verb on the same table, and the same row unless many."""

    table: str
    verb: str
    keys: set[str] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    count: int = 0
    first: int = 0  # microseconds since the Unix epoch
    last: int = 0

    def add(self, key: str, columns: str, moment: int) -> None:
        """One more."""
        self.keys.add(key)
        self.columns.update(columns.split())
        self.count += 1
        self.first = min(self.first or moment, moment)
        self.last = max(self.last, moment)

    @property
    def words(self) -> str:
        """For people."""
        rows = (
            f"row {capture.shown(next(iter(self.keys)))}"
            if len(self.keys) == 1
            else f"{len(self.keys)} rows"
        )
        columns = f" ({', '.join(sorted(self.columns))})" if self.columns else ""
        return f"{self.verb} of {self.table}, {rows}{columns}, with no event that says so"


KEYS = 20  # rows of a table that get an event each; of more, one event says how many


def grouped(rows: Iterable[tuple[str, str, str, str, int]]) -> list[Unrecorded]:
    """Changes (table, verb, key, columns, time) put together, in the order of the first."""
    single: dict[tuple[str, str, str], Unrecorded] = {}
    for table, verb, key, columns, moment in rows:
        single.setdefault((table, verb, key), Unrecorded(table, verb)).add(key, columns, moment)
    whole: dict[tuple[str, str], list[Unrecorded]] = {}
    for (table, verb, _key), one in single.items():
        whole.setdefault((table, verb), []).append(one)
    found: list[Unrecorded] = []
    for (table, verb), ones in whole.items():
        found += ones if len(ones) <= KEYS else [_together(table, verb, ones)]
    return sorted(found, key=lambda one: one.first)


def _together(table: str, verb: str, ones: list[Unrecorded]) -> Unrecorded:
    return Unrecorded(
        table,
        verb,
        {key for one in ones for key in one.keys},
        {name for one in ones for name in one.columns},
        sum(one.count for one in ones),
        min(one.first for one in ones),
        max(one.last for one in ones),
    )

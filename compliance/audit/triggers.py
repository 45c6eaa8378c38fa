"""Triggers that keep the record insert-only, and that say when something governed changed.

They stop accidents. Against the database's owner the log *shows*, it does not *prevent*.

One thing of an event may change: its detail and the detail's key go, both at once, where a
row of `Pruning` permits it. Such a row is written with the event that says so (`retention`).

Created anew after every `migrate`, because SQLite drops a table's triggers when Django
rebuilds it. `missing` is asked by the notary, `doctor` and `audit verify`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from compliance.audit import kept
from compliance.vocabulary import TERMINAL

_EVENT, _LEAF, _POLICY = "compliance_event", "compliance_leaf", "compliance_policyversion"
_INSERT_ONLY = (
    "compliance_pruning",
    "compliance_generation",
    "compliance_packanswer",
    "compliance_policysignature",
    "compliance_witnesspolicy",
)
_REMOVED = ("detail", "detail_key")
_TERMINAL = ", ".join(f"'{name}'" for name in sorted(TERMINAL))
_watched: list[str] = [
    "compliance_apikey",
    "compliance_application",
    "compliance_approvalkey",
    "compliance_policysignature",
    "compliance_policyversion",
    "compliance_site",
]

INSERT_ONLY = "the log is insert-only"
IMMUTABLE = "a policy version never changes"


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger by its table and name, and the statement that creates it.

    `function` is a statement that comes before it, as PostgreSQL wants.
    """

    table: str
    name: str
    sql: str
    function: str = ""


Provider = Callable[[str], Iterable[Trigger]]
"""Triggers of another module, for a vendor (`sqlite` or `postgresql`)."""

_providers: list[Provider] = []


def provide(provider: Provider) -> None:
    """Let these triggers be created and missed with ours; for an app's `ready`."""
    if provider not in _providers:
        _providers.append(provider)


def watch(*tables: str) -> None:
    """Let a change of these tables move the revision; for an app's `ready`."""
    _watched.extend(table for table in tables if table not in _watched)


def install() -> None:
    """Create every trigger anew."""
    existing = set(connection.introspection.table_names())
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for function in _POSTGRESQL_FUNCTIONS:
                cursor.execute(function)
        for trigger in _triggers(connection):
            if trigger.table in existing:
                cursor.execute(_drop(connection, trigger))
                if trigger.function:
                    cursor.execute(trigger.function)
                cursor.execute(trigger.sql)


def missing() -> list[str]:
    """The triggers that should stand and do not, as `table.name`; or are disabled, or changed.

    One of the same name that does nothing would be worse than none: nobody would miss it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STANDING[connection.vendor])
        standing = {(table, name): (_words(sql), body) for table, name, sql, body in cursor}
    bodies = dict(map(_body, _POSTGRESQL_FUNCTIONS))
    wanting = []
    for trigger in _triggers(connection):
        if trigger.function:
            bodies |= [_body(trigger.function)]
        called = _CALLED.search(trigger.sql)
        form = _words(trigger.sql), bodies[called[1]] if called else ""
        if standing.get((trigger.table, trigger.name)) != form:
            wanting.append(f"{trigger.table}.{trigger.name}")
    return sorted(wanting)


_CALLED = re.compile(r"EXECUTE FUNCTION (\w+)\(")
_DEFINED = re.compile(r"FUNCTION (\w+)\(\).*?\$\$(.*)\$\$", re.DOTALL)


def _body(function: str) -> tuple[str, str]:
    """Name and body of a function of PostgreSQL."""
    found = _DEFINED.search(function)
    assert found is not None  # noqa: S101 - ours
    return found[1], found[2]


def _words(sql: str) -> object:
    """A trigger's definition: SQLite keeps the text; PostgreSQL writes it in its own order."""
    if connection.vendor == "sqlite":
        return sql
    return frozenset(re.findall(r"\w+|'[^']*'", sql)) - {"public"}


_STANDING = {
    "sqlite": "SELECT tbl_name, name, sql, '' FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": """
        SELECT c.relname, t.tgname, pg_get_triggerdef(t.oid), p.prosrc
        FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
          AND pg_table_is_visible(c.oid)
    """,
}


def _triggers(database: BaseDatabaseWrapper) -> Iterator[Trigger]:
    if database.vendor == "postgresql":
        yield from _postgresql()
    else:
        yield from _sqlite()
    for provider in _providers:
        yield from provider(database.vendor)


def _drop(database: BaseDatabaseWrapper, trigger: Trigger) -> str:
    on = f" ON {trigger.table}" if database.vendor == "postgresql" else ""
    return f"DROP TRIGGER IF EXISTS {trigger.name}{on}"


# --- SQLite -------------------------------------------------------------------------------


def _sqlite() -> Iterator[Trigger]:
    for table, taken in ((_EVENT, _EVENT_TAKEN), (_LEAF, _LEAF_TAKEN)):
        allowed = f" WHEN NOT ({_removal()})" if table == _EVENT else ""
        yield _abort(table, "no_update", f"BEFORE UPDATE ON {table}{allowed}", INSERT_ONLY)
        yield _abort(table, "no_delete", f"BEFORE DELETE ON {table}", INSERT_ONLY)
        # INSERT OR REPLACE removes the row in its way without firing the DELETE trigger.
        yield _abort(table, "no_replace", f"BEFORE INSERT ON {table} WHEN {taken}", INSERT_ONLY)
    for table in _INSERT_ONLY:
        yield _abort(table, "no_update", f"BEFORE UPDATE ON {table}", INSERT_ONLY)
        yield _abort(table, "no_delete", f"BEFORE DELETE ON {table}", INSERT_ONLY)
        when = f"BEFORE INSERT ON {table} WHEN {_taken(table)}"
        yield _abort(table, "no_replace", when, INSERT_ONLY)
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in _POLICY_COLUMNS)
    changed = f"{changed} OR {_SECOND_ACTIVE}"
    yield _abort(_POLICY, "no_update", f"BEFORE UPDATE ON {_POLICY} WHEN {changed}", IMMUTABLE)
    yield _abort(_POLICY, "no_delete", f"BEFORE DELETE ON {_POLICY}", IMMUTABLE)
    taken = f"EXISTS (SELECT 1 FROM {_POLICY} WHERE id = NEW.id OR number = NEW.number)"  # noqa: S608 - constants
    taken = f"{taken} OR {_SECOND_ACTIVE}"
    yield _abort(_POLICY, "no_replace", f"BEFORE INSERT ON {_POLICY} WHEN {taken}", IMMUTABLE)
    for table in _watched:
        for verb in ("INSERT", "UPDATE", "DELETE"):
            name = f"{table}_revision_{verb.lower()}"
            yield Trigger(
                table, name, f"CREATE TRIGGER {name} AFTER {verb} ON {table} BEGIN {_MOVE}; END"
            )


def _taken(table: str) -> str:
    """Whether a row stands in the way of another, by any of what is unique in the table."""
    model = apps.get_model("compliance", table.partition("_")[2])._meta  # noqa: SLF001
    unique = [
        *([field.name] for field in model.local_fields if field.unique),
        *(constraint.fields for constraint in model.total_unique_constraints),
    ]
    columns = {field.name: field.column for field in model.local_fields}
    same = (
        " AND ".join(f"{columns[one]} = NEW.{columns[one]}" for one in names)
        for names in unique
    )
    return " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {one})" for one in same)  # noqa: S608 - constants


def _removal() -> str:
    """What SQLite asks of an UPDATE of an event; PostgreSQL's function asks the same."""
    columns = [field.column for field in apps.get_model("compliance.Event")._meta.local_fields]  # noqa: SLF001
    same = " AND ".join(f"OLD.{name} IS NEW.{name}" for name in columns if name not in _REMOVED)
    gone = " AND ".join(f"OLD.{name} IS NOT NULL AND NEW.{name} IS NULL" for name in _REMOVED)
    permit = _PERMIT.format(same_application="p.application IS OLD.application")
    return f"{gone} AND {same} AND NOT ({kept.sql('OLD.type')}) AND ({permit}) IS NOT NULL"


def _abort(table: str, rule: str, when: str, message: str) -> Trigger:
    name = f"{table}_{rule}"
    sql = f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, '{table}: {message}'); END"
    return Trigger(table, name, sql)


_MOVE = "UPDATE compliance_revision SET number = number + 1"
_POLICY_COLUMNS = ("id", "number", "document", "digest")
# OR REPLACE would remove the row that the partial unique index allows, unseen.
_SECOND_ACTIVE = f"""(
    NEW.activated IS NOT NULL AND NEW.retired IS NULL AND EXISTS (
        SELECT 1 FROM {_POLICY}
        WHERE id IS NOT NEW.id AND activated IS NOT NULL AND retired IS NULL))
"""  # noqa: S608 - constants
# Each in the index's own terms, so that SQLite answers it from the index.
_EVENT_TAKEN = f"""
    EXISTS (SELECT 1 FROM {_EVENT} WHERE id = NEW.id)
    OR EXISTS (
        SELECT 1 FROM {_EVENT}
        WHERE source = NEW.source AND epoch = NEW.epoch AND seq = NEW.seq)
    OR (NEW.type IN ({_TERMINAL}) AND EXISTS (
        SELECT 1 FROM {_EVENT} WHERE request = NEW.request AND type IN ({_TERMINAL})))
"""  # noqa: S608 - constants
_LEAF_TAKEN = f"""
    EXISTS (SELECT 1 FROM {_LEAF} WHERE "index" = NEW."index" OR event_id = NEW.event_id)
"""  # noqa: S608 - constants

# The newest permit comes first: it is nearly always the one that is being carried out.
_PERMIT = f"""
    SELECT p.id FROM compliance_pruning p
    WHERE {{same_application}} AND OLD.time < p.before AND EXISTS (
        SELECT 1 FROM {_LEAF} l
        WHERE l.event_id = OLD.id AND l."index" >= p."begin" AND l."index" < p."end")
    ORDER BY p.id DESC LIMIT 1
"""  # noqa: S608 - constants

# --- PostgreSQL ---------------------------------------------------------------------------

# 23001 is restrict_violation, an integrity error to every driver.
_SAME_APPLICATION = "p.application IS NOT DISTINCT FROM OLD.application"
_POSTGRESQL_FUNCTIONS = (
    f"""
    CREATE OR REPLACE FUNCTION domicile_insert_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '%: {INSERT_ONLY}', TG_TABLE_NAME USING ERRCODE = '23001';
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION domicile_event_insert_only() RETURNS trigger
    LANGUAGE plpgsql AS $$
    DECLARE
        before {_EVENT};
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            before := NEW;
            before.detail := OLD.detail;
            before.detail_key := OLD.detail_key;
            IF before IS NOT DISTINCT FROM OLD
               AND OLD.detail IS NOT NULL AND OLD.detail_key IS NOT NULL
               AND NEW.detail IS NULL AND NEW.detail_key IS NULL
               AND NOT ({kept.sql("OLD.type")})
               AND ({_PERMIT.format(same_application=_SAME_APPLICATION)}) IS NOT NULL THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION '%: {INSERT_ONLY}', TG_TABLE_NAME USING ERRCODE = '23001';
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION domicile_policy_immutable() RETURNS trigger
    LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF (OLD.id, OLD.number, OLD.document, OLD.digest)
               IS NOT DISTINCT FROM (NEW.id, NEW.number, NEW.document, NEW.digest) THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION '%: {IMMUTABLE}', TG_TABLE_NAME USING ERRCODE = '23001';
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION domicile_move_revision() RETURNS trigger
    LANGUAGE plpgsql AS $$
    BEGIN
        {_MOVE};
        RETURN NULL;
    END $$
    """,
)


def _postgresql() -> Iterator[Trigger]:
    for table in (_EVENT, _LEAF, *_INSERT_ONLY):
        function = "event_insert_only" if table == _EVENT else "insert_only"
        yield _call(table, "no_change", "BEFORE UPDATE OR DELETE", "ROW", function)
        yield _call(table, "no_truncate", "BEFORE TRUNCATE", "STATEMENT", "insert_only")
    yield _call(_POLICY, "no_change", "BEFORE UPDATE OR DELETE", "ROW", "policy_immutable")
    yield _call(_POLICY, "no_truncate", "BEFORE TRUNCATE", "STATEMENT", "insert_only")
    for table in _watched:
        events = "AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE"
        yield _call(table, "revision", events, "STATEMENT", "move_revision")


def _call(table: str, rule: str, when: str, each: str, function: str) -> Trigger:
    name = f"{table}_{rule}"
    sql = (
        f"CREATE TRIGGER {name} {when} ON {table} FOR EACH {each} "
        f"EXECUTE FUNCTION domicile_{function}()"
    )
    return Trigger(table, name, sql)

"""The triggers that note each change of a governed table. See `changes`.

Governed is what decides what may happen, and who may: applications and keys, policies, sites,
nodes, models, deployments, users, roles and rights. None of it is written by the hot path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from compliance.audit.triggers import Trigger

_VERBS = ("INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True, slots=True)
class Governed:
    """A table whose changes are noted.

    `key` is the column that says which row: of a table that only links two others, the id
    of the object whose rights it gives, and `of` is that object's table. Columns in `ignored`
    may change without an event.
    """

    table: str
    key: str = "id"
    of: str = ""
    ignored: tuple[str, ...] = ()


_governed: list[Governed] = [
    Governed("compliance_application"),
    Governed("compliance_apikey"),
    Governed("compliance_policyversion"),
    Governed("compliance_policysignature"),
    Governed("compliance_approvalkey"),
    Governed("compliance_site"),
    Governed(
        "compliance_witnessedlog",
        ignored=("size", "root", "checkpoint", "cosigned", "told", "untold"),
    ),
    Governed(
        "compliance_witness",
        ignored=(
            *("wanted", "asked", "error", "generation", "size", "cosigned"),
            *("conflict", "conflict_generation", "conflict_size"),
        ),
    ),
    Governed("compliance_witnesspolicy"),
    Governed("auth_user", ignored=("last_login",)),  # the event `login` says it
    Governed("auth_user_groups", key="user_id", of="auth_user"),
    Governed("auth_user_user_permissions", key="user_id", of="auth_user"),
    Governed("auth_group"),
    Governed("auth_group_permissions", key="group_id", of="auth_group"),
]


def govern(*tables: str, ignored: tuple[str, ...] = ()) -> None:
    """Note the changes of these tables too; for an app's `ready`."""
    known = {one.table for one in _governed}
    _governed.extend(Governed(table, ignored=ignored) for table in tables if table not in known)


def belonging(table: str) -> list[str]:
    """`table`, and those that only say more about its rows."""
    return [table, *(one.table for one in _governed if one.of == table)]


def shown(key: str) -> str:
    """A row's key as people know it: an UUID with its dashes, anything else as it is."""
    try:
        return str(UUID(key)) if len(key) == 32 else key  # noqa: PLR2004 - an UUID's digits
    except ValueError:
        return key


def triggers(vendor: str) -> Iterator[Trigger]:
    """All of them, for `triggers.provide`."""
    for one in _governed:
        yield from _postgresql(one) if vendor == "postgresql" else _sqlite(one)


# --- SQLite -------------------------------------------------------------------------------


def _sqlite(one: Governed) -> Iterator[Trigger]:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA table_info({one.table})")
        columns = [row[1] for row in cursor.fetchall() if row[1] not in one.ignored]
    differs = " OR ".join(f'OLD."{name}" IS NOT NEW."{name}"' for name in columns) or "0"
    changed = (
        " || ".join(
            f"CASE WHEN OLD.\"{name}\" IS NOT NEW.\"{name}\" THEN '{name} ' ELSE '' END"
            for name in columns
        )
        or "''"
    )
    for verb in _VERBS:
        row = "OLD" if verb == "DELETE" else "NEW"
        notes = [_note(one, verb, row, changed if verb == "UPDATE" else "''")]
        if verb == "UPDATE":  # a row that gets another key was there under the old one
            notes.append(
                _note(one, verb, "OLD", f"'{one.key}'")
                + f' WHERE OLD."{one.key}" IS NOT NEW."{one.key}"'
            )
        when = f" WHEN {differs}" if verb == "UPDATE" else ""
        name = f"{one.table}_noted_{verb.lower()}"
        yield Trigger(
            one.table,
            name,
            f"CREATE TRIGGER {name} AFTER {verb} ON {one.table}{when} "
            f"BEGIN {'; '.join(notes)}; END",
        )


def _note(one: Governed, verb: str, row: str, columns: str) -> str:
    return (
        'INSERT INTO compliance_change ("table", verb, "key", "columns", mark, "time") '
        f"SELECT '{one.table}', '{verb}', replace({row}.\"{one.key}\", '-', ''), "
        f"{columns}, 0, strftime('%Y-%m-%d %H:%M:%f', 'now')"
    )


# --- PostgreSQL ---------------------------------------------------------------------------

_FUNCTION = """
    CREATE OR REPLACE FUNCTION domicile_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        id text := TG_ARGV[0];
        ignored text[] := string_to_array(TG_ARGV[1], ' ');
        older jsonb;
        newer jsonb;
        names text := '';
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            older := to_jsonb(OLD);
            newer := to_jsonb(NEW);
            SELECT string_agg(each.key, ' ') INTO names FROM jsonb_each(newer) AS each
                WHERE each.value IS DISTINCT FROM older -> each.key
                AND NOT each.key = ANY (ignored);
            IF names IS NULL THEN
                RETURN NULL;
            END IF;
            IF older ->> id IS DISTINCT FROM newer ->> id THEN
                INSERT INTO compliance_change ("table", verb, "key", "columns", mark, "time")
                VALUES (TG_TABLE_NAME, TG_OP, replace(older ->> id, '-', ''), id,
                    pg_current_xact_id()::text::bigint, clock_timestamp());
            END IF;
        ELSIF TG_OP = 'INSERT' THEN
            newer := to_jsonb(NEW);
        ELSIF TG_OP = 'DELETE' THEN
            newer := to_jsonb(OLD);
        END IF;
        INSERT INTO compliance_change ("table", verb, "key", "columns", mark, "time")
        VALUES (TG_TABLE_NAME, TG_OP, COALESCE(replace(newer ->> id, '-', ''), ''), names,
            pg_current_xact_id()::text::bigint, clock_timestamp());
        RETURN NULL;
    END $$
"""


def _postgresql(one: Governed) -> Iterator[Trigger]:
    call = f"EXECUTE FUNCTION domicile_note_change('{one.key}', '{' '.join(one.ignored)}')"
    for rule, when, each in (
        ("noted", "AFTER INSERT OR UPDATE OR DELETE", "ROW"),
        ("noted_truncate", "AFTER TRUNCATE", "STATEMENT"),
    ):
        name = f"{one.table}_{rule}"
        sql = f"CREATE TRIGGER {name} {when} ON {one.table} FOR EACH {each} {call}"
        yield Trigger(one.table, name, sql, _FUNCTION)

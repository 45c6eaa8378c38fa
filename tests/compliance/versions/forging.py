"""What the owner of the database can do, and no console."""

from __future__ import annotations

from django.db import connection


def run(statement, parameters=()):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def triggers_away(*tables):
    """Take the triggers from tables, as their owner may."""
    with connection.cursor() as cursor:
        for table in tables:
            if connection.vendor == "postgresql":
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                continue
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
                [table],
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER {name}")

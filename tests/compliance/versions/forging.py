"""What the owner of the database can do, and no console."""

from __future__ import annotations

from contextlib import contextmanager

from django.db import connection, transaction


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


@contextmanager
def undone(*tables):
    """What is done here is taken back; `tables` are without their triggers for as long."""
    with transaction.atomic():
        triggers_away(*tables)
        yield
        transaction.set_rollback(True)

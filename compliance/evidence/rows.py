"""The rows of a range, read in large pieces: what an export is made of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection

from compliance.audit.ledger import placed
from compliance.evidence.file import ExportImpossible

CHUNK = 4_096  # entries read at once; a power of two

Row = tuple[int, str, str | None, str | None, bytes, bytes | None, bytes | None]
"""Index in the database, type, request, application, entry, detail and its key."""


def chunks(first: int, begin: int, end: int) -> Iterator[tuple[int, list[Row]]]:
    """Entries `[begin, end)` of the generation that begins at `first`, in order.

    Each piece with the index of its first entry; pieces end at multiples of `CHUNK`. Raises
    `ExportImpossible` where an entry is missing.
    """
    low = begin
    while low < end:
        high = min(end, (low // CHUNK + 1) * CHUNK)
        rows = _fetch(first + low, first + high)
        if len(rows) != high - low:
            raise ExportImpossible(
                f"Of entries {low} to {high - 1} only {len(rows)} are in the database. "
                "Run `manage.py audit verify`."
            )
        yield low, rows
        low = high


def _fetch(low: int, high: int) -> list[Row]:
    if connection.vendor == "postgresql":
        # Binary: bytes come as they are, not as hexadecimal text to be read. The UUID as text:
        # to make an object of each costs as much as half the row.
        statement = placed(_COLUMNS.format("::text"))
        connection.ensure_connection()
        raw: Any = connection.connection
        with psycopg.Cursor(raw) as cursor:  # Django's own are of the client, and give no bytes
            return list(cursor.execute(statement, [low, high], binary=True).fetchall())
    with connection.cursor() as cursor:
        cursor.execute(placed(_COLUMNS.format("")), [low, high])
        return list(cursor.fetchall())


@lru_cache(maxsize=4_096)
def identifier(stored: Any) -> str | None:
    """An application's id as text, from what the database gives."""
    return None if stored is None else str(UUID(str(stored)))


_COLUMNS = 'l."index", e.type, e.request, e.application{}, e.entry, e.detail, e.detail_key'

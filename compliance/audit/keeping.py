"""Content and its subjects, stored in the transaction of the events that keep them.

The database's generation of a bucket is read under a lock that whoever erases needs as well: on
SQLite the one write lock, on PostgreSQL a share of the bucket's row, taken before the epoch's.

An output is stored only beside its prompt. Where the prompt was erased while the answer was
being written, the answer is not kept either.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import psycopg

from compliance.audit.keystore import store
from compliance.audit.vault import OUTPUT, PROMPT, Kept, wrap

_CONTENT = "request, part, application, bucket, generation, wrapped, data, expires"


def on_sqlite(raw: sqlite3.Connection, kept: Sequence[Kept]) -> None:
    """Store all, inside an open write transaction; raises `VaultUnavailable`."""
    marks = ", ".join("?" * len(buckets := _buckets(kept)))
    found = raw.execute(
        f"SELECT number, generation FROM compliance_contentbucket WHERE number IN ({marks})",  # noqa: S608 - marks only
        buckets,
    )
    generations = dict(found.fetchall())
    wrapped = wrap(kept, generations, store())
    for one, key in zip(kept, wrapped, strict=True):
        if one.part == OUTPUT and not _prompt_on_sqlite(raw, one):
            continue
        raw.execute(
            f"INSERT INTO compliance_content ({_CONTENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
            (
                one.request, one.part, one.application and one.application.replace("-", ""),
                one.bucket, generations[one.bucket], key, one.data,
                one.expires.replace(tzinfo=None).isoformat(" "),
            ),
        )  # fmt: skip
        raw.executemany(
            "INSERT OR IGNORE INTO compliance_contentsubject (request, subject) VALUES (?, ?)",
            [(one.request, subject) for subject in one.subjects],
        )


def _prompt_on_sqlite(raw: sqlite3.Connection, one: Kept) -> bool:
    found = raw.execute(
        "SELECT 1 FROM compliance_content WHERE request = ? AND part = ?", (one.request, PROMPT)
    )
    return found.fetchone() is not None


def wrapped_on_postgresql(cursor: psycopg.Cursor[Any], kept: Sequence[Kept]) -> list[Any]:
    """The rows to store, their buckets locked; raises `VaultUnavailable`."""
    cursor.execute(
        "SELECT number, generation FROM compliance_contentbucket WHERE number = ANY(%s) "
        "ORDER BY number FOR SHARE",
        [_buckets(kept)],
    )
    generations = dict(cursor.fetchall())
    wrapped = wrap(kept, generations, store())
    return [
        (
            one.request, one.part, one.application, one.bucket, generations[one.bucket],
            key, one.data, one.expires, one.part != OUTPUT,
        )
        for one, key in zip(kept, wrapped, strict=True)
    ]  # fmt: skip


def on_postgresql(
    cursor: psycopg.Cursor[Any], kept: Sequence[Kept], rows: Sequence[Any]
) -> None:
    """Store the rows and their subjects, inside the transaction that locked the buckets."""
    cursor.executemany(
        f"INSERT INTO compliance_content ({_CONTENT}) "  # noqa: S608 - constants
        "SELECT v.* FROM (VALUES (%s, %s, %s::uuid, %s::smallint, %s::integer, %b::bytea, "
        "%b::bytea, %s::timestamptz)) AS v (request, part) "
        "WHERE %s OR EXISTS (SELECT 1 FROM compliance_content c "
        "WHERE c.request = v.request AND c.part = 'prompt')",
        rows,
    )
    pairs = [(one.request, subject) for one in kept for subject in one.subjects]
    if pairs:
        requests, subjects = zip(*pairs, strict=True)
        cursor.execute(
            "INSERT INTO compliance_contentsubject (request, subject) "
            "SELECT given.request, given.subject FROM unnest(%s::text[], %s::text[]) "
            "AS given (request, subject) WHERE EXISTS (SELECT 1 FROM compliance_content c "
            "WHERE c.request = given.request) ON CONFLICT DO NOTHING",
            [list(requests), list(subjects)],
        )


def _buckets(kept: Sequence[Kept]) -> list[int]:
    return sorted({one.bucket for one in kept})

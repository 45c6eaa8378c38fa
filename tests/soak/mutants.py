"""Changes of bytes, lists and databases that must not go unnoticed; a seed decides each."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from django.db import connection

LENGTHS = (1, 2, 3, 32, 45)  # bytes; a hash has 32, and 45 with its line feed in base64


def of_bytes(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """`data` with something flipped, dropped, doubled, moved, cut, or taken from `other`."""
    at, length = chance.randrange(len(data)), chance.choice(LENGTHS)
    kind = chance.randrange(7)
    if kind == 0:
        return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + data[at + length :]
    if kind == 2:
        return data[: at + length] + data[at:]
    if kind == 3:
        return data[:at]
    if kind == 4:
        return data[:at] + other[at : at + length] + data[at + length :]
    lines = data.split(b"\n")
    one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
    if kind == 5:
        lines[one], lines[two] = lines[two], lines[one]
    else:
        theirs = other.split(b"\n")
        lines[one] = theirs[min(one, len(theirs) - 1)]
    return b"\n".join(lines)


def of_list(
    chance: random.Random, values: Sequence[bytes], other: Sequence[bytes]
) -> list[bytes]:
    """The same for a list of hashes."""
    changed = list(values)
    kind = chance.randrange(6)
    if not changed:
        return [chance.choice(list(other) or [bytes(32)])]
    at = chance.randrange(len(changed))
    if kind == 0:
        value = changed[at]
        bit = chance.randrange(8 * len(value))
        changed[at] = (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")
    elif kind == 1:
        del changed[at]
    elif kind == 2:
        changed.insert(at, changed[at])
    elif kind == 3:
        two = chance.randrange(len(changed))
        changed[at], changed[two] = changed[two], changed[at]
    elif kind == 4:
        changed = changed[:at]
    else:
        changed[at] = other[at] if at < len(other) else bytes(32)
    return changed


# --- The database of a log, past its triggers ---------------------------------------------

Tampering = Callable[[random.Random, int, Path], None]


def _change(chance: random.Random, column: str, size: int) -> None:
    """Put another event's value in a column of one event, or a changed one."""
    one, two = chance.sample(range(size - 1), 2)  # the last belongs to no request
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM compliance_event WHERE id = {_event(one)}")  # noqa: S608
        before = cursor.fetchone()[0]
        cursor.execute(f"SELECT {column} FROM compliance_event WHERE id = {_event(two)}")  # noqa: S608
        after = cursor.fetchone()[0]
        if column in ("entry", "detail", "detail_key") and chance.random() < 0.8:
            after = of_bytes(chance, bytes(before), bytes(after))
        if after == before:
            after = {"seq": 10_000, "epoch": 77, "source": "web-2"}.get(column)
        cursor.execute(
            f"UPDATE compliance_event SET {column} = %s WHERE id = {_event(one)}",  # noqa: S608
            [after],
        )


def _event(index: int) -> str:
    return f'(SELECT event_id FROM compliance_leaf WHERE "index" = {index})'  # noqa: S608


def column(name: str) -> Tampering:
    """A value of this column."""
    return lambda chance, size, _folder: _change(chance, name, size)


def leaf_dropped(chance: random.Random, size: int, _folder: Path) -> None:
    """An entry out of the log; what comes after it moves up, or does not."""
    at = chance.randrange(size)
    with connection.cursor() as cursor:
        cursor.execute('DELETE FROM compliance_leaf WHERE "index" = %s', [at])
        if chance.random() < 0.5:
            cursor.execute(
                'UPDATE compliance_leaf SET "index" = -"index" WHERE "index" > %s', [at]
            )
            cursor.execute(
                'UPDATE compliance_leaf SET "index" = -"index" - 1 WHERE "index" < 0'
            )
            cursor.execute("UPDATE compliance_loghead SET size = size - 1")


def leaves_exchanged(chance: random.Random, size: int, _folder: Path) -> None:
    """Two entries in each other's place."""
    one, two = chance.sample(range(size), 2)
    with connection.cursor() as cursor:
        for old, new in ((one, -1), (two, one), (-1, two)):
            cursor.execute(
                'UPDATE compliance_leaf SET "index" = %s WHERE "index" = %s', [new, old]
            )


def tail_cut(chance: random.Random, size: int, _folder: Path) -> None:
    """The last entries gone, and the head moved back as if they had never been."""
    left = chance.randrange(size)
    with connection.cursor() as cursor:
        cursor.execute('DELETE FROM compliance_leaf WHERE "index" >= %s', [left])
        if chance.random() < 0.5:
            cursor.execute("UPDATE compliance_loghead SET size = %s", [left])


def head_changed(chance: random.Random, size: int, _folder: Path) -> None:
    """Another root, or another size."""
    with connection.cursor() as cursor:
        if chance.random() < 0.5:
            cursor.execute("UPDATE compliance_loghead SET root = %s", [chance.randbytes(32)])
        else:
            cursor.execute("UPDATE compliance_loghead SET size = %s", [chance.randrange(size)])


def file_changed(chance: random.Random, _size: int, folder: Path) -> None:
    """A byte of a tile, of a bundle or of the checkpoint."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = chance.choice([path for path in files if path.name != "verifier-key"])
    data = path.read_bytes()
    while (changed := of_bytes(chance, data, data[::-1])) == data:
        pass
    path.write_bytes(changed)


def file_removed(chance: random.Random, _size: int, folder: Path) -> None:
    """A tile, a bundle or the checkpoint."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    chance.choice([path for path in files if path.name != "verifier-key"]).unlink()


COLUMNS = (
    "entry", "detail", "detail_key", "type", "request", "application", "source", "epoch", "seq",
)  # fmt: skip
TAMPERINGS: dict[str, Tampering] = {
    **{f"column {name}": column(name) for name in COLUMNS},
    "leaf dropped": leaf_dropped,
    "leaves exchanged": leaves_exchanged,
    "tail cut": tail_cut,
    "head changed": head_changed,
    "file changed": file_changed,
    "file removed": file_removed,
}

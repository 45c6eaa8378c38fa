"""What machines write and people paste: logs, tables, numbers of products. All is made up."""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

SEED = 7
LINES = 24  # of a text
EACH = 5  # texts of each kind

_ACTIONS = (
    "cache miss for key",
    "retry scheduled after",
    "connection closed by peer, code",
    "checkpoint written in ms:",
    "queue depth is",
    "worker finished batch",
    "lock acquired by thread",
    "rows affected:",
)
_LEVELS = ("INFO", "WARN", "DEBUG", "ERROR")
_MODULES = ("storage.index", "http.server", "scheduler", "auth.session", "db.pool", "gc")
_GOODS = ("hinge", "Dichtung", "vis à bois", "tornillo", "guarnizione", "śruba", "packning")


def texts() -> Iterator[tuple[str, str]]:
    """Pairs of kind and text, always the same."""
    chance = random.Random(SEED)
    for name, line in _KINDS.items():
        for _ in range(EACH):
            yield name, "\n".join(line(chance) for _ in range(LINES))
    for _ in range(EACH):
        yield "json", json.dumps([_record(chance) for _ in range(8)], indent=1)
        yield "csv", _table(chance)
        yield "base64", base64.b64encode(chance.randbytes(1200)).decode()


def _time(chance: random.Random) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(31_536_000))


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choices("0123456789", k=count))


def _identity(chance: random.Random) -> uuid.UUID:
    return uuid.UUID(int=chance.getrandbits(128), version=4)


def _log(chance: random.Random) -> str:
    at, number = _time(chance), chance.randrange(100_000)
    return (
        f"{at:%Y-%m-%dT%H:%M:%S}.{number:06d}Z {chance.choice(_LEVELS)} "
        f"[{chance.choice(_MODULES)}] {chance.choice(_ACTIONS)} {number} "
        f"trace={chance.getrandbits(64):016x} request={_identity(chance)}"
    )


def _kernel(chance: random.Random) -> str:
    return (
        f"{_time(chance):%b %d %H:%M:%S} node{chance.randrange(9)} kernel: "
        f"[{chance.uniform(1, 1e6):12.6f}] nvme0n1: I/O {chance.randrange(1024)} QID "
        f"{chance.randrange(16)} timeout, addr 0x{chance.getrandbits(40):010x}, reset"
    )


def _access(chance: random.Random) -> str:
    """Of a server that keeps no addresses."""
    path = chance.choice(("/api/v2/items/", "/static/app.", "/orders/", "/health?n="))
    return (
        f'- - [{_time(chance):%d/%b/%Y:%H:%M:%S} +0000] "GET {path}{_digits(chance, 8)} '
        f'HTTP/1.1" {chance.choice((200, 204, 304, 404, 500))} {chance.randrange(90_000)} '
        f"rt=0.{_digits(chance, 3)}"
    )


def _git(chance: random.Random) -> str:
    return (
        f"{chance.getrandbits(160):040x} refs/tags/v{chance.randrange(9)}."
        f"{chance.randrange(40)}.{chance.randrange(20)} {int(_time(chance).timestamp())} "
        f"sha512-{base64.b64encode(chance.randbytes(64)).decode()}"
    )


def _goods(chance: random.Random) -> str:
    """A product by its numbers: EAN-13 with its check digit, article, customs tariff, batch."""
    body = _digits(chance, 12)
    check = -sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(body)) % 10
    return (
        f"{chance.choice(_GOODS)} art. {_digits(chance, 4)}-{_digits(chance, 3)} "
        f"EAN {body}{check} HS {_digits(chance, 4)}.{_digits(chance, 2)}.{_digits(chance, 2)} "
        f"batch {_digits(chance, 8)}-{_digits(chance, 2)} qty {chance.randrange(500)} "
        f"price {chance.uniform(1, 900):.2f}"
    )


def _book(chance: random.Random) -> str:
    body = "978" + _digits(chance, 9)
    check = -sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(body)) % 10
    return (
        f"ISBN {body[:3]}-{body[3]}-{body[4:8]}-{body[8:]}-{check}, "
        f"{chance.randrange(80, 900)} pp., edition {chance.randrange(1, 9)}, "
        f"doi:10.{_digits(chance, 4)}/{_digits(chance, 7)}, "
        f"ISSN {_digits(chance, 4)}-{_digits(chance, 4)}"
    )


def _parcel(chance: random.Random) -> str:
    tracking = _digits(chance, chance.choice((12, 14, 18, 20)))
    return (
        f"order {_digits(chance, 10)} invoice {_digits(chance, 8)} tracking {tracking} "
        f"ticket #{_digits(chance, 6)} weight {chance.uniform(0.1, 30):.3f} kg "
        f"status {chance.choice(('sent', 'held', 'delivered'))}"
    )


def _figures(chance: random.Random) -> str:
    return " ".join(_digits(chance, chance.randrange(1, 15)) for _ in range(8))


def _sql(chance: random.Random) -> str:
    place = f"{chance.choice('ABCDEF')}{_digits(chance, 2)}-{_digits(chance, 3)}"
    values = f"{_digits(chance, 9)}, '{place}', {chance.randrange(999)}, '{_time(chance)}'"
    return f"INSERT INTO stock (sku, bin, count, changed) VALUES ({values});"  # noqa: S608


def _minified(chance: random.Random) -> str:
    names = [chance.choice("abcdefghijk") + chance.choice("nrstx") for _ in range(6)]
    return (
        f"!function({','.join(names)}){{var e={names[0]}[{_digits(chance, 3)}]||"
        f'0x{chance.getrandbits(32):x},t="{chance.getrandbits(96):x}";return '
        f"{names[1]}({names[2]}+{_digits(chance, 5)}>>>{chance.randrange(31)})?e:"
        f"{names[3]}.{names[4]}(t)}}();"
    )


_KINDS: dict[str, Callable[[random.Random], str]] = {
    "log": _log,
    "kernel": _kernel,
    "access": _access,
    "git": _git,
    "goods": _goods,
    "book": _book,
    "parcel": _parcel,
    "figures": _figures,
    "sql": _sql,
    "minified": _minified,
}


def _record(chance: random.Random) -> dict[str, object]:
    return {
        "id": chance.getrandbits(53),
        "uuid": str(_identity(chance)),
        "sku": f"{chance.choice('ABCDEF')}{_digits(chance, 7)}",
        "createdAt": int(_time(chance).timestamp() * 1000),
        "size": {"width": chance.randrange(2000), "height": chance.randrange(2000)},
        "etag": f'W/"{chance.getrandbits(128):032x}"',
        "version": f"{chance.randrange(9)}.{chance.randrange(99)}.{chance.randrange(999)}.0",
        "tags": chance.sample(_GOODS, 2),
        "ratio": chance.random(),
    }


def _table(chance: random.Random) -> str:
    rows = (
        f"{number + 1000};{_digits(chance, 8)};{_digits(chance, 13)};"
        f"{chance.choice('ABC')}{_digits(chance, 2)};{chance.randrange(999)};"
        f"{chance.uniform(1, 99):.2f};{_time(chance):%Y-%m-%d}"
        for number in range(LINES)
    )
    return "\n".join(["id;sku;ean;location;stock;price;updated", *rows])

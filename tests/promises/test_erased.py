"""P6: what is erased can be opened by nobody any more, and the log stands.

Values are planted in a prompt, and come back in the answer. After the erasure neither a value
nor a key that could open it is in any file of the appliance or at its broker.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from inference.snapshot import STALE_AFTER
from tests.promises import memory
from tests.promises.planted import person
from tests.promises.test_nothing_in_clear import broker_of, contents, echo, forms, prompt
from tests.services.appliance import Appliance
from tests.services.waiting import PATIENCE, wait_until


@pytest.fixture
def keeping(appliance: Appliance) -> Iterator[Appliance]:
    """The appliance, while its applications keep content."""
    set_days(appliance, 1)
    time.sleep(STALE_AFTER + 0.1)  # a gateway that is ready now knows of it
    wait_until(appliance.ready, "the appliance is ready")
    yield appliance
    set_days(appliance, 0)


def set_days(appliance: Appliance, days: int) -> None:
    file = sqlite3.connect(appliance.data / "db.sqlite3", timeout=PATIENCE)
    with closing(file) as database, database:
        database.execute("UPDATE compliance_application SET content_days = ?", [days])


def keys_of(appliance: Appliance) -> list[bytes]:
    """Every key that opens what is kept: of the buckets, and of the contents."""
    buckets = [
        bytes.fromhex(path.read_text())
        for path in (appliance.data / "vault" / "keys").iterdir()
    ]
    with appliance.database() as database:
        rows = database.execute("SELECT wrapped FROM compliance_content").fetchall()
    opened = []
    for key in buckets:
        for (wrapped,) in rows:
            try:
                opened.append(aes_key_unwrap(key, wrapped))
            except InvalidUnwrap:
                continue
    assert len(opened) == len(rows) > 1, "prompt and answer are kept"
    return buckets + opened


def hits(appliance: Appliance, keys: list[bytes]) -> list[str]:
    """The files that hold one of `keys`, as bytes or in hex."""
    needles = [form for key in keys for form in (key, key.hex().encode())]
    return [
        path.name
        for path in appliance.data.rglob("*")
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    ]


def test_after_an_erasure_no_file_and_no_broker_holds_a_value_or_a_key_to_it(
    keeping: Appliance,
):
    appliance, planted = keeping, person()
    with appliance.client() as client:
        answer = client.chat.completions.create(
            model=appliance.model,
            messages=[{"role": "user", "content": prompt(planted)}],
            response_format=echo(),
            temperature=0,
            max_tokens=200,
        )
    assert planted.email in (answer.choices[0].message.content or "")
    request = answer.id.removeprefix("chatcmpl-")
    wait_until(  # the answer's end is recorded after its last byte
        lambda: appliance.events(request=request, type="request.completed"), "it has ended"
    )
    keys = keys_of(appliance)
    assert hits(appliance, keys), "the search finds nothing where there is something"

    asked = ("audit", "erase", "--subject", planted.phone, "--reason", "Art. 17", "--yes")
    done = appliance.manage(*asked)
    assert done.returncode == 0, done.stderr
    assert "Found 1 requests; 2 kept texts" in done.stdout

    assert memory.in_files(appliance.data, forms(planted)) == {}
    assert memory.in_files(appliance.output.parent, forms(planted)) == {}
    assert hits(appliance, keys) == []
    with broker_of(appliance) as broker:
        held = b"\n".join(contents(broker))
    assert not [key for key in keys if key in held or key.hex().encode() in held]
    assert not [value for value in forms(planted) if value.encode() in held]
    with appliance.database() as database:
        (left,) = database.execute("SELECT count(*) FROM compliance_content").fetchone()
    assert left == 0
    appliance.verify_log()

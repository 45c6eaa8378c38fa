"""P5 and pseudonyms: what is planted in a prompt is seen by the gateway alone.

The model is the real one. A schema whose pattern spells the pseudonyms out makes it say them:
the grammar leaves it no other token, and the pattern holds no pseudonym literally (one that
stood in the request would be skipped when the values are replaced).
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import redis

from tests.inference.api.node import unlike
from tests.promises import memory
from tests.promises.planted import Person, person
from tests.services.appliance import Appliance

ENTITIES = ("PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER", "IBAN_CODE", "CREDIT_CARD")


def prompt(of: Person) -> str:
    return (
        f"Please write to {of.name}, e-mail {of.email}, phone {of.phone}. "
        f"The account is IBAN {of.iban} and the credit card is {of.card}."
    )


def echo() -> Any:
    """A response format that only the five pseudonyms, in this order, can fill."""
    pattern = " ".join(rf"\[{entity}_[1]\]" for entity in ENTITIES)
    schema = {
        "type": "object",
        "properties": {"said": {"type": "string", "pattern": f"^{pattern}$"}},
        "required": ["said"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "said", "schema": schema}}


def broker_of(appliance: Appliance) -> redis.Redis:
    """A connection to the running broker."""
    result = appliance.manage(
        "shell", "-v", "0", "-c",
        "from django.conf import settings; print(settings.DOMICILE.broker_url)",
    )  # fmt: skip
    url = result.stdout.strip().splitlines()[-1]
    return redis.Redis.from_url(url.replace("redis+socket://", "unix://"))


def in_clear(appliance: Appliance, needles: tuple[str, ...]) -> dict[str, object]:
    """Where `needles` stand outside the gateway: processes by role, and files."""
    found: dict[str, object] = {}
    for role in ("broker", "node", "worker", "engine", "notary"):
        processes = appliance.processes(role)
        assert processes, f"there is no {role} to look into"
        for process in processes:
            if hits := memory.in_process(process.pid, needles):
                found[role] = sorted(hits)
    if files := memory.in_files(appliance.data, needles):
        found["files"] = files
    if files := memory.in_files(appliance.output.parent, needles):
        found["output"] = files
    return found


def forms(of: Person) -> tuple[str, ...]:
    """The planted values, and parts that must not pass alone either."""
    return (*of.values(), of.name.split()[1] + "'s", of.phone.replace(" ", ""), of.iban[4:])


@pytest.fixture
def planted() -> Person:
    return person()


def test_planted_values_reach_neither_engine_nor_broker_nor_disk_and_all_come_back(
    appliance: Appliance, planted: Person
):
    during: dict[str, object] = {}
    said: list[str] = []
    with appliance.client() as client:
        raw = client.chat.completions.with_raw_response.create(
            model=appliance.model,
            messages=[{"role": "user", "content": prompt(planted)}],
            response_format=echo(),
            temperature=0,
            max_tokens=200,
            stream=True,
        )
        assert raw.headers["Domicile-Decision"] == "pseudonymise"
        request = raw.headers["Domicile-Request"]
        for number, chunk in enumerate(raw.parse()):
            if chunk.choices and chunk.choices[0].delta.content:
                said.append(chunk.choices[0].delta.content)
            if number == 3:
                during = in_clear(appliance, forms(planted))
    assert during == {}, "in clear while the answer was being written"
    assert in_clear(appliance, forms(planted)) == {}, "in clear after the answer"
    values = (planted.name, planted.email, planted.phone, planted.iban, planted.card)
    assert json.loads("".join(said)) == {"said": " ".join(values)}
    assert len(said) > len(ENTITIES), "the answer did not come as a stream"
    (admitted,) = appliance.events(request=request, type="request.admitted")
    assert admitted.detail["findings"] == dict.fromkeys(ENTITIES, 1)


def test_an_answer_that_is_not_streamed_is_restored_as_well(
    appliance: Appliance, planted: Person
):
    with appliance.client() as client:
        answer = client.chat.completions.create(
            model=appliance.model,
            messages=[{"role": "user", "content": prompt(planted)}],
            response_format=echo(),
            temperature=0,
            max_tokens=200,
        )
    values = (planted.name, planted.email, planted.phone, planted.iban, planted.card)
    assert json.loads(answer.choices[0].message.content or "") == {"said": " ".join(values)}
    assert in_clear(appliance, forms(planted)) == {}


def test_the_search_finds_what_is_there(appliance: Appliance, planted: Person):
    """Without this, the searches above would prove nothing."""
    with broker_of(appliance) as broker:
        broker.set("planted", planted.email, ex=60)
        try:
            assert in_clear(appliance, (planted.email,))["broker"] == [planted.email]
        finally:
            broker.delete("planted")
    for role in ("worker", "engine", "notary"):
        process = appliance.processes(role)[0]
        name = str(appliance.data)
        assert memory.in_process(process.pid, (name,)) == {name}, role
    (appliance.data / "logs" / "planted").write_text(planted.card)
    try:
        assert "files" in in_clear(appliance, (planted.card,))
    finally:
        (appliance.data / "logs" / "planted").unlink()


def contents(broker: Any) -> list[bytes]:
    """The members of every key, as they are stored (DUMP would compress them)."""
    found: list[bytes] = []
    for key in broker.scan_iter(count=1000):
        match broker.type(key):
            case b"string":
                found.append(broker.get(key) or b"")
            case b"list":
                found += broker.lrange(key, 0, -1)
            case b"stream":
                found += [b"".join(entry.values()) for _, entry in broker.xrange(key)]
            case b"hash":
                found += broker.hgetall(key).values()
            case b"set":
                found += broker.smembers(key)
            case b"zset":
                found += [member for member, _ in broker.zrange(key, 0, -1, withscores=True)]
    return found


def test_even_a_text_that_may_be_read_by_the_model_cannot_be_read_at_the_broker(
    appliance: Appliance, planted: Person
):
    text = unlike()  # nothing of it is personal: it reaches the engine as it is
    seen: list[bytes] = []
    with broker_of(appliance) as broker, appliance.client() as client:
        stream = client.chat.completions.create(
            model=appliance.model,
            messages=[{"role": "user", "content": f"{text} {prompt(planted)}"}],
            max_tokens=40,
            stream=True,
        )
        for number, _ in enumerate(stream):
            seen += contents(broker)
            if number == 3:
                assert not in_clear(appliance, (text,)).keys() & {"broker", "files", "notary"}
    assert sum(map(len, seen)) > 1000, "the broker held next to nothing, so nothing was shown"
    readable = re.compile(
        rb"this counted| and up| and down|PERSON_1|EMAIL_ADDRESS|" + planted.email.encode()
    )
    assert not readable.search(b"\n".join(seen))

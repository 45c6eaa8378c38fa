"""POST /v1/privacy/scan: texts are examined, and none of them goes to a model."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from compliance.detection.processes.examined import Examined
from compliance.gate import Question
from compliance.policy.default import DEFAULT
from compliance.vocabulary import Application, DetectionFailed, Event, RecordUnavailable
from inference.api import scanning
from inference.api.errors import APIError
from tests.inference.api.laboratory import Laboratory
from tests.inference.api.node import unlike
from tests.services.waiting import wait_until

DEMO = Application("1", "demo", "Tests", "6-1-f", "T-1", b"k" * 32, 0, 0, 0)
ADDRESS = "anna.weber@example.org"


def scan(lab: Laboratory, given: Any, **options: Any) -> httpx.Response:
    return lab.post({"input": given}, path=scanning.PATH, **options)


def test_each_text_has_its_own_result_with_offsets_in_code_points(lab: Laboratory):
    empty = {"findings": [], "names_unchecked": False}
    text = f"😀 Schreib an {ADDRESS}!"
    texts = [text, "", {"type": "text", "text": "3 + 4 = 7"}]
    response = scan(lab, texts)
    assert response.status_code == 200
    said = response.json()
    assert said["id"] == f"scan-{response.headers['domicile-request']}"
    first, *others = said["results"]
    (found,) = first["findings"]
    assert found.keys() == {"entity_type", "category", "start", "end", "score"}
    assert (found["entity_type"], found["category"]) == ("EMAIL_ADDRESS", "personal")
    assert text[found["start"] : found["end"]] == ADDRESS
    assert 0 < found["score"] <= 1
    assert [one | empty for one in others] == others
    assert all(isinstance(one["languages"], list) for one in said["results"])
    assert scan(lab, text).json()["results"] == [first]


def test_the_record_says_who_had_how_much_examined_and_nothing_of_the_texts(lab: Laboratory):
    response = scan(lab, [f"Write to {ADDRESS}.", unlike()], headers={"Domicile-Subject": "P"})
    (event,) = lab.events(request=response.headers["domicile-request"])
    assert event.type == "privacy.scanned"
    assert event.detail["findings"] == {"EMAIL_ADDRESS": 1}
    assert event.detail["categories"] == {"personal": 1}
    assert (event.detail["texts"], event.detail["endpoint"]) == (2, "privacy.scan")
    assert event.detail["application"]["name"] == "demo"
    assert len(event.detail["subjects"]) == 1
    assert ADDRESS not in json.dumps(event.detail)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": 3}, "input"),
        ({"input": ["a", 3]}, "input[1]"),
        ({"input": ["a", {"type": "image"}]}, "input[1].type"),
        ({"input": ["a"] * (scanning.TEXTS_MAX + 1)}, "input"),
        ({"input": "a", "model": "m"}, "model"),
        ({"input": "a", "user": 7}, "user"),
    ],
)
def test_what_is_wrong_is_named(lab: Laboratory, body: dict[str, Any], field: str):
    response = lab.post(body, path=scanning.PATH)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == field


def test_who_may_not_call_learns_nothing(lab: Laboratory):
    assert scan(lab, "a", key="dom_0").status_code == 401
    response = lab.http.get(f"{lab.url}{scanning.PATH}")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_the_limits_of_the_application_hold(lab: Laboratory):
    key = lab.application(requests=2, tokens=1_000)
    first = scan(lab, "x" * 2_000, key=key)
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert int(first.headers["x-ratelimit-remaining-tokens"]) < 600
    assert scan(lab, "x" * 3_000, key=key).json()["error"]["type"] == "tokens"


@pytest.mark.parametrize("lost", ["detector", "record"])
async def test_what_cannot_be_examined_or_recorded_is_not_told(lost: str):
    recorded: list[Event] = []

    async def fails(_texts: Any, _own: Any) -> list[Examined]:
        if lost == "detector":
            raise DetectionFailed("too many requests wait for the detector; try again")
        return [Examined((), names_unchecked=False, languages=frozenset())]

    async def append(events: Any) -> None:
        if lost == "record":
            raise RecordUnavailable("The disk is full.")
        recorded.extend(events)

    question = Question(
        id="1" * 32,
        application=DEMO,
        api_key="key",
        texts=("a",),
        policy=DEFAULT,
        subjects=(),
        received=1,
    )
    plane = cast("Any", SimpleNamespace(examine=fails, append=append))
    with pytest.raises(APIError) as refused:
        await scanning._examined(plane, cast("Any", None), question)
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
    if lost == "detector":
        assert refused.value.code == "detection_unavailable"
        (event,) = recorded
        assert (event.type, event.detail["reason"]) == ("privacy.refused", refused.value.code)
    else:
        assert refused.value.code == "record_unavailable"


def test_its_figures_stand_beside_those_of_the_other_endpoints(lab: Laboratory):
    name = 'domicile_requests_total{endpoint="privacy.scan",outcome="completed"}'

    def counted() -> float:
        lines = lab.http.get(f"{lab.url}/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    before = counted()
    scan(lab, unlike())
    wait_until(lambda: counted() == before + 1, "it is counted")

"""What must be changed and cannot be is reported without being shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.detection.pseudonyms import Unreplaceable, treat
from compliance.detection.segments import segments
from compliance.vocabulary import Category, Effect, Finding, Scan

VALUE = "anna@example.org"


def body(arguments: str = "{}", properties: Any = None, stop: str = "END") -> dict[str, Any]:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    schema = {"type": "object", "properties": properties or {}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    return {
        "messages": [{"role": "assistant", "tool_calls": [call]}],
        "tools": [tool],
        "stop": [stop],
    }


@pytest.mark.parametrize(
    ("request_body", "place"),
    [
        (body(arguments=json.dumps({VALUE: "x"})), "/messages/0"),
        (body(arguments=json.dumps({VALUE: {VALUE: "x"}})), "/messages/0"),
        (body(properties={VALUE: {"type": "string"}}), "/tools/0"),
        (body(properties={VALUE: {"enum": [VALUE]}}), "/tools/0"),
        (body(stop=VALUE), "/stop/0"),
    ],
)
def test_the_message_names_the_place_without_a_member_name_of_the_caller(
    request_body: dict[str, Any], place: str
) -> None:
    found = segments(request_body)
    scan = Scan(
        tuple(
            Finding(i, 0, len(VALUE), "EMAIL_ADDRESS", Category.PERSONAL, 1.0, "test")
            for i, segment in enumerate(found)
            if segment.text == VALUE
        )
    )
    assert scan.findings
    with pytest.raises(Unreplaceable) as refused:
        treat(found, scan, {"EMAIL_ADDRESS": Effect.PSEUDONYMISE})
    assert VALUE not in str(refused.value)
    assert f"below {place}," in str(refused.value)

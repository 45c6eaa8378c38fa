"""What an application asks and gets is kept where its setting says so, and can be erased."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from tests.inference.api.laboratory import Laboratory, ask
from tests.inference.api.node import Node
from tests.services.appliance import BASE

EMAIL = "quillworthy.anna@example.org"

READ = """
import json, sys
from compliance.audit import erasure, vault
if len(sys.argv) > 2:
    erasure.erase("subject", sys.argv[2], actor="tests", reason="Art. 17")
print(json.dumps([text.decode() for _, _, text in vault.read(sys.argv[1])]))
"""


def kept(lab: Laboratory, request: str, erased: str = "") -> list[dict[str, Any]]:
    """The parts that are kept of a request, after `erased` was erased."""
    start = "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'appliance.settings'; "
    command = [sys.executable, "-c", start + "django.setup()\n" + READ, request]
    result = subprocess.run(
        command + ([erased] if erased else []),
        cwd=BASE, env=lab.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return [json.loads(part) for part in json.loads(result.stdout.splitlines()[-1])]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_prompt_and_answer_are_kept_as_asked_and_as_given(
    lab: Laboratory, node: Node, stream: bool
):
    key = await asyncio.to_thread(lab.application, content_days=1)
    body = ask(f"Write to {EMAIL}.", stream=stream)
    response = await asyncio.to_thread(lab.post, body, key=key)
    request = response.headers["domicile-request"]
    story = await asyncio.to_thread(lab.story, request)
    assert [event.type for event in story] == ["request.admitted", "request.completed"]
    prompt, output = await asyncio.to_thread(kept, lab, request)
    assert json.loads(prompt["body"])["messages"] == body["messages"]
    assert [found["entity"] for found in prompt["findings"]] == ["EMAIL_ADDRESS"]
    (choice,) = json.loads(output["choices"])
    assert choice["message"]["content"] == "Good day."
    assert choice["finish_reason"] == "stop"
    assert await asyncio.to_thread(kept, lab, request, EMAIL.upper()) == []


async def test_nothing_is_kept_unless_the_application_says_so(lab: Laboratory, node: Node):
    response = await asyncio.to_thread(lab.post, ask(f"Write to {EMAIL}."))
    request = response.headers["domicile-request"]
    await asyncio.to_thread(lab.story, request)
    rows = lab.sql("SELECT count(*) FROM compliance_content WHERE request = ?", [request])
    assert rows == [(0,)]

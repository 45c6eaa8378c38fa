"""The guide for application developers names what the API knows."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from compliance.detection import segments
from compliance.vocabulary import Effect
from inference import api
from inference.api import body, completions, embeddings, scanning, schema
from tests.services.appliance import BASE

GUIDE = (BASE / "docs" / "application-developer.md").read_text()
SOURCES = [*Path(api.__path__[0]).glob("*.py"), BASE / "inference" / "dispatch.py"]
CODE = re.compile(r'(?:APIError\(\s*\d+,|unavailable\(|AnswerFailed\(|code=)\s*"([a-z_]+)"')


REQUESTS = (
    schema.ChatRequest,
    completions.CompletionRequest,
    embeddings.EmbeddingRequest,
    scanning.ScanRequest,
)


@pytest.mark.parametrize(
    "name",
    sorted({field.name for kind in REQUESTS for field in msgspec.structs.fields(kind)}),
)
def test_each_parameter_is_in_the_guide(name: str):
    assert re.search(rf"`{name}[`.]", GUIDE)


def test_each_error_code_is_in_the_guide():
    codes = {code for path in SOURCES for code in CODE.findall(path.read_text())}
    assert len(codes) > 12
    assert {code for code in codes if f"`{code}`" not in GUIDE} == set()


@pytest.mark.parametrize("effect", list(Effect))
def test_each_decision_is_in_the_guide(effect: Effect):
    assert f"`{effect}`" in GUIDE


def test_the_limits_in_the_guide_are_those_of_the_code():
    assert body.BODY_MAX == 1024 * 1024
    assert f"nest {body.DEPTH_MAX} levels" in GUIDE
    assert f"may hold {segments.SEGMENTS_MAX} texts" in GUIDE
    assert segments.DEPTH_MAX == body.DEPTH_MAX
    assert f"`n` | 1 to {schema.CHOICES_MAX}" in GUIDE
    assert f"up to {schema.STOPS_MAX} texts" in GUIDE
    assert f"up to {schema.TOOLS_MAX} functions" in GUIDE
    assert f"a text, or up to {completions.ANSWERS_MAX};" in GUIDE
    assert f"| `logprobs` | 0 to {completions.LOGPROBS_MAX}" in GUIDE
    assert f"{completions.TOKENS} where it is left out" in GUIDE
    assert f"a text, or up to {embeddings.TEXTS_MAX};" in GUIDE
    assert f"a text, or up to {scanning.TEXTS_MAX} " in GUIDE
    assert f"POST {scanning.PATH}" in GUIDE

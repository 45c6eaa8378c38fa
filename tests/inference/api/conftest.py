"""One laboratory for all tests of the API, and a node for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.inference.api.laboratory import Laboratory
from tests.inference.api.node import Node


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    laboratory = Laboratory(tmp_path_factory.mktemp("lab") / "data")
    try:
        laboratory.gateway("web-1")
        laboratory.gateway("web-2")
        yield laboratory
    finally:
        laboratory.close()


@pytest.fixture
async def node(lab: Laboratory) -> AsyncIterator[Node]:
    async with Node(lab.broker.url, lab.gateway_key) as node:
        yield node

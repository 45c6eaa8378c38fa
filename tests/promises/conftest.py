"""One running appliance for the tests that leave it as they found it, one for the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.appliance import Appliance, running
from tests.services.waiting import wait_until


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a whole appliance."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.appliance)


@pytest.fixture(scope="package")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    data = tmp_path_factory.mktemp("promises") / "data"
    yield from running(data, DOMICILE_DETECTION_TIMEOUT="8")


@pytest.fixture
def appliance(_shared: Appliance) -> Iterator[Appliance]:
    """A running appliance. Whatever a test killed was started again before the next one."""
    wait_until(_shared.ready, "the appliance is ready")
    yield _shared
    wait_until(_shared.ready, "the appliance is ready after the test")

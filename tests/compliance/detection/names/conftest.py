import pytest

from compliance.detection.names.model import Names


@pytest.fixture(scope="session")
def names():
    return Names()

import pytest

from compliance.detection.detector import Detector


@pytest.fixture(scope="session")
def detector():
    return Detector()

"""Where the log of a test lies."""

import pytest


@pytest.fixture
def folder(tmp_path):
    """The log's own; made by whoever writes there."""
    return tmp_path / "log"

"""The libraries that read texts know no address that they could report to."""

from importlib.util import find_spec
from pathlib import Path

import pytest

COLLECTORS = (b"events.data.microsoft.com", b"vortex.data.microsoft.com")
"""Where ONNX Runtime from 1.29 on reports each process that uses it, seconds after it began."""


@pytest.mark.parametrize("package", ["onnxruntime", "hyperscan", "re2"])
def test_no_library_that_reads_texts_holds_the_address_of_a_collector(package):
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    libraries = [path for path in Path(spec.origin).parent.rglob("*.so*") if path.is_file()]
    assert libraries
    for path in libraries:
        content = path.read_bytes()
        assert not [name for name in COLLECTORS if name in content], path.name

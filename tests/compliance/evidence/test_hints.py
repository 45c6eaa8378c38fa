"""Seven bits of each leaf hash, packed by the export and unpacked by the verifier."""

import json
import os

import pytest

from compliance.audit.entry import canonical
from compliance.evidence.hints import AT_ONCE, packed
from compliance.evidence.verify import HALF, unpacked
from tests.compliance.evidence.packing import check, contents, pack


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 4_096, AT_ONCE - 1, AT_ONCE, 3 * AT_ONCE + 5])
def test_what_was_packed_is_found_again_in_seven_eighths_of_the_room(count):
    first = os.urandom(count)
    lies = packed(first)
    assert len(lies) == -(-7 * count // 8)
    assert unpacked(lies)[:count] == first.translate(HALF)


def test_bits_lie_as_the_format_says():
    assert packed(b"\xff\x00\x80") == bytes([0b11111110, 0b00000010, 0b00000000])


@pytest.mark.usefixtures("database")
def test_evidence_of_another_version_is_called_that_and_not_changed(evidence, tmp_path):
    files = contents(evidence("0", "5"))
    said = json.loads(files["manifest.json"]) | {"v": 2}
    older = {name: data for name, data in files.items() if name != "hints"}
    path = pack(tmp_path / "older.zip", older | {"manifest.json": canonical(said)})
    sound, words = check(path)
    assert not sound
    assert "this is another format; get the verifier that came with it" in words

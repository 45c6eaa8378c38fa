"""Both verifiers take the same bytes for a line."""

import pytest

from compliance.evidence import verify
from tests.compliance.evidence.packing import check, contents, pack, resign
from tests.compliance.evidence.test_browser import judged, opened, told

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("database")]


def test_an_empty_line_where_there_are_no_details_shows(evidence, tmp_path):
    files = contents(evidence("250", "262", "mail"))
    path = pack(tmp_path / "empty.zip", resign(files | {"details.jsonl": b"\n"}))
    sound, words = check(path)
    assert not sound
    assert "details.jsonl is malformed in the lines of entries 250 to 261" in words
    with opened(tmp_path, files) as page:
        again, lines = judged(page, path)
    assert (again, told(lines)) == (sound, told(words))


def test_a_line_that_begins_over_and_over_again_is_read_once(evidence, tmp_path):
    """Sought from each of its beginnings to its end, it would be read for hours."""
    files = contents(evidence("250", "262", "mail"))
    hostile = b'{"detail":' * 200_000 + b"\n"
    path = pack(tmp_path / "hostile.zip", resign(files | {"details.jsonl": hostile}))
    sound, words = check(path)
    assert not sound
    assert "details.jsonl" in words


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\n\n", [b"a", b""]),
        (b"a\r\nb\n", [b"a\r", b"b"]),
        (b"a\rb\x0bc\n", [b"a\rb\x0bc"]),
    ],
)
def test_a_line_feed_and_nothing_else_ends_a_line(data, lines):
    assert verify.lines_of(data) == lines

"""`manage.py detect`, as it is typed; and how it reads what is long."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.management.detection import lines, whole
from compliance.management.detection.lines import InputRefused, batches
from compliance.management.detection.whole import OVERLAP, SIZE, Places, decoded, windows
from compliance.policy.default import DEFAULT
from compliance.policy.rules import canonical
from tests.inference import namespaces
from tests.services.appliance import BASE

IBAN = "DE89 3704 0044 0532 0130 00"
POLICY = json.loads(canonical(DEFAULT)) | {
    "own_entities": [
        {
            "name": "CASE_NUMBER",
            "description": "A case of ours.",
            "category": "personal",
            "pattern": "AZ-[0-9]{6}",
            "found": ["AZ-123456"],
            "not_found": ["AZ-1"],
        }
    ],
    "ignored": [
        {
            "id": "ours",
            "description": "Our own account.",
            "values": [IBAN],
            "applications": ["hr"],
        }
    ],
}


def detect(tmp_path: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """The command, where no appliance was ever set up and no database answers."""
    environment = os.environ | {
        "DOMICILE_DATA": str(tmp_path / "none"),
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    }
    return subprocess.Popen(
        [sys.executable, str(BASE / "manage.py"), "detect", *arguments],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def payments(line: bytes) -> list[dict[str, Any]]:
    """What is found of payment data in a line of output."""
    return [f for f in json.loads(line)["findings"] if f["category"] == "payment"]


def iban(start: int) -> dict[str, Any]:
    """The finding of the account number at a place."""
    places = {"start": start, "end": start + len(IBAN), "score": pytest.approx(1.0)}
    return {"entity_type": "IBAN_CODE", "category": "payment", **places}


def test_each_line_is_answered_when_it_comes_and_a_wrong_one_is_named(tmp_path):
    with detect(tmp_path, "--jsonl", "-") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        text = f"\U0001f600 \U0001f600\r\nIBAN {IBAN}"
        for line in (
            json.dumps({"id": 7, "text": text}),
            json.dumps({"text": text}, ensure_ascii=False),
        ):
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
            assert payments(process.stdout.readline()) == [iban(10)]
        before = "....\n" * ((SIZE - OVERLAP // 2) // 5 - 2)  # a window ends in the number
        long = json.dumps({"text": f"{before}IBAN {IBAN}.\n{before[-OVERLAP:]}"}).encode()
        out, errors = process.communicate(
            long + b'\n{"text": ""}\n{"txt": "Anna"}\n{"text": ""}\n'
        )
    told = out.splitlines()
    assert payments(told[0]) == [iban(len(before) + 5)]
    assert told[1:] == [b'{"findings": []}']
    assert errors.startswith(b"standard input: line 5 has no member 'text'; write one JSON")
    assert process.returncode == 2


def test_a_policy_says_what_counts_and_a_place_has_a_line_and_a_column(tmp_path):
    (tmp_path / "policy.json").write_text(json.dumps(POLICY))
    (tmp_path / "text").write_text(f"IBAN {IBAN}\nis of AZ-123456\n")
    options = ("--policy", "policy.json", "--application", "hr", "--values", "--exit-code")
    with detect(tmp_path, "text", *options) as process:
        out, errors = process.communicate()
    assert (errors, process.returncode) == (b"", 1)
    first, *_ = [line for line in out.decode().splitlines() if "indirect" not in line]
    assert (
        first == '2:7  CASE_NUMBER  (personal, 9 characters from 39, score 0.90)  "AZ-123456"'
    )
    assert b"1 CASE_NUMBER" in out
    assert b"IBAN_CODE" not in out
    assert not (tmp_path / "none").exists()


class Slow(io.BytesIO):
    """A source that gives a few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        super().__init__(data)
        self.sizes = sizes

    def read1(self, size: int | None = -1, /) -> bytes:
        return self.read(min(size or 1, self.sizes.pop() if self.sizes else 1))


@given(st.lists(st.text(max_size=9), max_size=9), st.lists(st.integers(1, 40)), st.booleans())
def test_lines_are_the_same_however_they_come(texts, sizes, closed):
    data = "\n".join(json.dumps({"text": text}) for text in texts) + "\n\n" * closed
    read = list(batches(Slow(data.encode(), sizes)))
    assert [text for batch in read for text in batch.texts] == texts
    assert [batch.first for batch in read] == [
        1 + sum(len(before.texts) for before in read[:number]) for number in range(len(read))
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "line 2 is empty"),
        (b"{", "line 2 is not JSON at column 2"),
        (b"[" * 100_000, "line 2 holds a number or a nesting that is too long"),
        (b'{"a": ' + b"1" * 5000 + b"}", "line 2 holds a number or a nesting that is too long"),
        (b'["text"]', "line 2 is JSON, but no object"),
        (b'{"text": 1}', "line 2: the member 'text' is no string"),
        (b'{"text": "\xe9"}', "line 2 is not UTF-8 at its byte 11"),
    ],
)
def test_a_line_that_is_wrong_is_named_behind_those_before_it(line, words):
    told = batches(io.BytesIO(b'\xef\xbb\xbf{"text": "a"}\n' + line + b'\n{"text": "b"}'))
    assert next(told).texts == ("a",)
    with pytest.raises(InputRefused) as refused:
        list(told)
    assert str(refused.value).startswith(words)


def test_a_line_too_long_for_memory_is_refused(monkeypatch):
    monkeypatch.setattr(lines, "LONGEST", 1 << 20)
    with pytest.raises(InputRefused, match=r"line 2 has more than 1 MiB; divide its text"):
        list(batches(io.BytesIO(b'{"text": ""}\n"' + b"-" * (3 << 20))))


@given(st.lists(st.text(alphabet="ab\n", max_size=30)))
def test_windows_hold_each_character_once_where_it_counts(pieces):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "SIZE", 16)
        patch.setattr(whole, "OVERLAP", 8)
        told = list(windows(pieces))
    text = "".join(pieces)
    assert "".join(w.text[w.first - w.offset : w.last - w.offset] for w in told) == text
    places = Places()
    for window in told:
        assert len(window.text) <= 16
        assert window.text == text[window.offset : window.offset + len(window.text)]
        assert window.first - window.offset in {0, 4}
        for at in range(window.first, window.last):
            line, column = places.of(window, at)
            assert text.split("\n")[line - 1][column - 1 : column] in {text[at], ""}
            assert line == text.count("\n", 0, at) + 1
        places.of(window, window.last)


def test_a_text_that_is_not_utf_8_is_refused_at_its_line():
    assert "".join(decoded(Slow("é\r\n\ufeffé".encode(), [1] * 9))) == "é\r\n\ufeffé"
    with pytest.raises(InputRefused, match="line 3 is not UTF-8"):
        list(decoded(Slow(b"a\n\xc3\xa9\n\xe9\n", [1] * 9)))


def test_a_text_is_read_where_there_is_no_network_at_all(tmp_path):
    namespaces.need("namespace")
    command = [sys.executable, str(BASE / "manage.py"), "detect", "-"]
    environment = os.environ | {"DOMICILE_DATA": str(tmp_path / "none"), "HOME": str(tmp_path)}
    result = subprocess.run(
        [*namespaces.become(0), *command],
        cwd=BASE,
        env=environment,
        input=f"Frau Anna Weber, IBAN {IBAN}\n".encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (result.stderr, result.returncode) == (b"", 0)
    assert {b"IBAN_CODE", b"PERSON"} <= set(result.stdout.split())

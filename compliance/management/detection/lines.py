"""JSON lines, as they come: one `{"text": …}` each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

READ = 1 << 18  # bytes at once; what one read brings is examined together
LONGEST = 1 << 26  # bytes of one line, which has to be in memory


class InputRefused(Exception):
    """The input is not what it should be; the message says where, and what to do."""


class Source(Protocol):
    """A buffered binary file, or standard input."""

    def read1(self, size: int, /) -> bytes:
        """What is there by now, at most so many bytes; empty at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts of consecutive lines, the first of which has the number `first`, from 1."""

    first: int
    texts: tuple[str, ...]


def batches(source: Source) -> Iterator[Batch]:
    """The lines that one read after the other completes.

    Who writes a line and waits gets an answer to it: no line waits for others. Raises
    `InputRefused` behind the batch of the lines before the one that is wrong.
    """
    for first, lines in _numbered(source):
        texts: list[str] = []
        for number, line in enumerate(lines, first):
            try:
                texts.append(_text(line, number))
            except InputRefused:
                yield Batch(first, tuple(texts))
                raise
        yield Batch(first, tuple(texts))


def _numbered(source: Source) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Whole lines with the number of the first; empty ones at the end are none."""
    number, empty = 1, 0
    begun: list[bytes] = []
    while True:
        read = source.read1(READ)
        *ended, rest = read.split(b"\n") if read else [b"".join(begun), b""]
        if read and ended:
            ended[0] = b"".join([*begun, ended[0]])
            begun = [rest]
        elif read:
            begun.append(rest)
        if sum(map(len, begun)) > LONGEST:
            raise InputRefused(
                f"line {number + empty} has more than {LONGEST >> 20} MiB; divide its text"
            )
        lines: list[bytes] = []
        for line in ended:
            if line.strip():
                lines += [*[b""] * empty, line]
                empty = 0
            else:
                empty += 1
        yield number, lines
        number += len(lines)
        if not read:
            return


def _text(line: bytes, number: int) -> str:
    """The text of a line; raises `InputRefused`, without a word of what stands there."""
    wanted = 'write one JSON object a line, {"text": "…"}'
    if not line.strip():
        raise InputRefused(f"line {number} is empty; {wanted}")
    try:
        given = json.loads(line.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        raise InputRefused(
            f"line {number} is not UTF-8 at its byte {error.start + 1}; convert the file"
        ) from None
    except json.JSONDecodeError as error:
        raise InputRefused(
            f"line {number} is not JSON at column {error.colno} ({error.msg}); {wanted}"
        ) from None
    except (ValueError, RecursionError):
        raise InputRefused(
            f"line {number} holds a number or a nesting that is too long; {wanted}"
        ) from None
    if not isinstance(given, dict):
        raise InputRefused(f"line {number} is JSON, but no object; {wanted}")
    if "text" not in given:
        raise InputRefused(f"line {number} has no member 'text'; {wanted}")
    if not isinstance(given["text"], str):
        raise InputRefused(f"line {number}: the member 'text' is no string; {wanted}")
    return given["text"]

"""Where a string lies in clear: in the memory of a process, in the files of a folder."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

CHUNK = 4 * 1024**2  # bytes read at a time
PAGE = os.sysconf("SC_PAGE_SIZE")
THERE = 0b11 << 62  # of a word of /proc/<pid>/pagemap: the page is in memory, or swapped
SHARED_FILE = "r--"  # a file mapped for reading only holds nothing that a process wrote


def _regions(process: int) -> Iterator[tuple[int, int]]:
    for line in Path(f"/proc/{process}/maps").read_text().splitlines():
        span, rights, _offset, _device, inode, *name = line.split(maxsplit=5)
        if rights.startswith("r") and not (rights.startswith(SHARED_FILE) and inode != "0"):
            if name and name[0] in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            begin, end = span.split("-")
            yield int(begin, 16), int(end, 16)


def _written(pagemap: int, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a region that have pages: a large buffer that was never used has none."""
    words = array("Q", os.pread(pagemap, (end - begin) // PAGE * 8, begin // PAGE * 8))
    at = begin
    for there, pages in groupby(words, lambda word: bool(word & THERE)):
        after = at + sum(1 for _ in pages) * PAGE
        if there:
            yield at, after
        at = after


def in_process(process: int, needles: Iterable[str]) -> set[str]:
    """Those of `needles` that stand, as UTF-8, in what process `process` can read now.

    Needs the right to trace it, as its parent's user has where Yama does not forbid it.
    """
    wanted = {needle: needle.encode() for needle in needles}
    overlap = max(map(len, wanted.values()))
    found: set[str] = set()
    memory = os.open(f"/proc/{process}/mem", os.O_RDONLY)
    pagemap = os.open(f"/proc/{process}/pagemap", os.O_RDONLY)
    try:
        for region in _regions(process):
            for begin, end in _written(pagemap, *region):
                rest, at = b"", begin
                while at < end and (data := _read(memory, at, min(CHUNK, end - at))):
                    at += len(data)
                    window = rest + data
                    found |= {name for name, needle in wanted.items() if needle in window}
                    rest = window[-overlap:]
    finally:
        os.close(memory)
        os.close(pagemap)
    return found


def _read(memory: int, at: int, size: int) -> bytes:
    try:
        return os.pread(memory, size, at)
    except OSError:  # a guard page, or unmapped in the meantime
        return b""


def in_files(folder: Path, needles: Iterable[str]) -> dict[str, list[str]]:
    """Those of `needles` that stand in files below `folder`, and in which."""
    wanted = {needle: needle.encode() for needle in needles}
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            for name, needle in wanted.items():
                if needle in data:
                    found.setdefault(name, []).append(str(path.relative_to(folder)))
    return found

"""The header of a GGUF file, read with bounds; no tensor is.

Magic, version, counts, then keys with typed values, then for each tensor its name, shape, type
and place (ggml-org/ggml, docs/gguf.md). Every length is held against what is left of the file.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from inference.registry.refused import ImportRefused

HEADER_MAX = 256 * 1024 * 1024  # bytes
_VERSIONS = (2, 3)
_KEYS_MAX, _TENSORS_MAX = 65_536, 1_000_000
_KEPT_MAX = 1024 * 1024  # bytes of a text that is kept
_DIMENSIONS_MAX, _NAME_MAX = 4, 256
_ALIGNMENT, _ALIGNMENT_MAX = 32, 65_536  # bytes
_STRING, _ARRAY = 8, 9
_NUMBERS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_BLOCKS = {
    # type: elements of a block, bytes of it (ggml.h; as the package gguf 0.19 has it)
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    9: (32, 36),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
    16: (256, 66),
    17: (256, 74),
    18: (256, 98),
    19: (256, 50),
    20: (32, 18),
    21: (256, 110),
    22: (256, 82),
    23: (256, 136),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    29: (256, 56),
    30: (1, 2),
    34: (256, 54),
    35: (256, 66),
    39: (32, 17),
    40: (64, 36),
    41: (128, 18),
}
FILE_TYPES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4",
    39: "NVFP4",
}
"""What `general.file_type` means (llama.h, `llama_ftype`)."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the keys say (numbers and texts; of arrays their length), and how many tensors."""

    says: Mapping[str, Any]
    tensors: int

    @property
    def architecture(self) -> str:
        """As in `llama`; empty where it is not said."""
        return str(self.says.get("general.architecture", ""))

    def of_architecture(self, key: str) -> Any:
        """The value of a key that belongs to the architecture; None where there is none."""
        return self.says.get(f"{self.architecture}.{key}")


def header(path: Path, name: str) -> Header:
    """The header of a file; raises `ImportRefused`, which calls it `name`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        reader = _Reader(file, min(size, HEADER_MAX), name)
        if reader.take(4) != b"GGUF":
            raise reader.refused("does not begin as a GGUF file")
        if reader.number("<I") not in _VERSIONS:
            raise reader.refused("has a version of the format that is not known")
        tensors, keys = reader.number("<Q"), reader.number("<Q")
        if tensors > _TENSORS_MAX or keys > _KEYS_MAX:
            raise reader.refused("has more keys or tensors than any model")
        says: dict[str, Any] = {}
        for _ in range(keys):
            key = reader.text(_KEPT_MAX)
            if key in says:
                raise reader.refused(f"says {key[:100]!r} twice")
            says[key] = reader.value(reader.number("<I"))
        _check_tensors(reader, tensors, _alignment(says, reader), size)
    return Header(says, tensors)


class _Reader:
    """Reads a header, never past `limit` bytes."""

    def __init__(self, file: BinaryIO, limit: int, name: str) -> None:
        self._file, self._limit, self._name = file, limit, name
        self.at = 0

    def refused(self, what: str) -> ImportRefused:
        return ImportRefused(
            "format",
            f"{self._name} {what}: it is damaged, or no GGUF file. Get it from its publisher "
            "again.",
            self._name,
        )

    def take(self, length: int) -> bytes:
        self._forward(length)
        return self._file.read(length)

    def skip(self, length: int) -> None:
        self._forward(length)
        self._file.seek(length, 1)

    def _forward(self, length: int) -> None:
        self.at += length
        if self.at > self._limit:
            raise self.refused("ends within its header")

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self, most: int) -> str:
        length = self.number("<Q")
        if length > most:
            raise self.refused("has a name or a text that is too long")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError as error:
            raise self.refused("has a text that is none") from error

    def value(self, kind: int) -> Any:
        """A number or a text; of an array, which is skipped, its length."""
        if kind in _NUMBERS:
            return self.number(_NUMBERS[kind])
        if kind == _STRING:
            return self.text(_KEPT_MAX)
        if kind != _ARRAY:
            raise self.refused("has a value of a type that is not known")
        of, length = self.number("<I"), self.number("<Q")
        if of in _NUMBERS:
            self.skip(length * struct.calcsize(_NUMBERS[of]))
        elif of == _STRING:
            for _ in range(length):  # each takes eight bytes at least, so the limit holds it
                self.skip(self.number("<Q"))
        else:
            raise self.refused("has an array of a type that is not known")
        return length


def _alignment(says: Mapping[str, Any], reader: _Reader) -> int:
    found = says.get("general.alignment", _ALIGNMENT)
    if type(found) is not int or not 8 <= found <= _ALIGNMENT_MAX or found % 8:  # noqa: PLR2004
        raise reader.refused("has an alignment that cannot be")
    return found


def _check_tensors(reader: _Reader, count: int, alignment: int, size: int) -> None:
    """Raise `ImportRefused` unless every tensor lies in the file, in a place of its own."""
    places: list[tuple[int, int]] = []
    names: set[str] = set()
    for _ in range(count):
        tensor, dimensions = reader.text(_NAME_MAX), reader.number("<I")
        if tensor in names or dimensions > _DIMENSIONS_MAX:
            raise reader.refused(f"has the tensor {tensor[:100]!r} twice, or in no shape")
        names.add(tensor)
        shape = [reader.number("<Q") for _ in range(dimensions)]
        elements, block = math.prod(shape), _BLOCKS.get(reader.number("<I"))
        offset = reader.number("<Q")
        if block is None or elements % block[0] or offset % alignment:
            raise reader.refused(f"has no place, or no known type, for {tensor[:100]!r}")
        places.append((offset, offset + elements // block[0] * block[1]))
    begin = -(-reader.at // alignment) * alignment
    end = 0
    for offset, until in sorted(places):
        if offset < end or begin + until > size:
            raise reader.refused("has tensors that overlap or reach past its end")
        end = until

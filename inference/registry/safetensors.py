"""The header of a safetensors file, read with bounds; no tensor is.

Eight bytes (little-endian) give the length of a JSON object, which names each tensor's type,
shape and place. The places follow one another without gaps up to the file's end, so that no
byte of the file is outside of a tensor (huggingface/safetensors, README, "Format").
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.registry.refused import ImportRefused

HEADER_MAX = 100_000_000  # bytes, as the format's own reader has it
_LENGTH = 8  # bytes
_DIMENSIONS_MAX = 16
_SIZE_MAX = 2**53
_BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8"), 8),
    **dict.fromkeys(("F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor's type, as the format calls it, and its shape."""

    dtype: str
    shape: tuple[int, ...]


def tensors(path: Path, name: str) -> Mapping[str, Tensor]:
    """By name, the tensors of a file; raises `ImportRefused`, which calls it `name`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH), "little")
        if size < _LENGTH or length > min(HEADER_MAX, size - _LENGTH):
            raise _refused(name, "has no header of a permitted length")
        text = file.read(length)
    header = _object(text, name)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(
        isinstance(value, str) for value in metadata.values()
    ):
        raise _refused(name, "has metadata that are not words")
    placed = sorted((_placed(key, value, name) for key, value in header.items()), key=_order)
    end = 0
    for _key, _tensor, begin, until in placed:
        if begin != end:
            raise _refused(name, "has tensors with gaps between them, or that overlap")
        end = until
    if end != size - _LENGTH - length:
        raise _refused(name, "is longer or shorter than its tensors")
    return {key: tensor for key, tensor, _begin, _end in placed}


_Placed = tuple[str, Tensor, int, int]


def _order(placed: _Placed) -> tuple[int, int]:
    return placed[2], placed[3]


def _object(text: bytes, name: str) -> dict[str, Any]:
    if not text.startswith(b"{"):
        raise _refused(name, "has no header")
    try:
        found = json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, name))
    except (ValueError, RecursionError) as error:
        raise _refused(name, "has a header that is no JSON") from error
    return dict(found)


def _unique(pairs: list[tuple[str, Any]], name: str) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refused(name, "names something twice in its header")
    return found


def _placed(key: str, value: Any, name: str) -> _Placed:
    try:
        dtype, shape, (begin, end) = value["dtype"], value["shape"], value["data_offsets"]
        bits = _BITS[dtype]
    except (TypeError, KeyError, ValueError) as error:
        raise _refused(name, f"does not say what the tensor {key[:100]!r} is") from error
    numbers = isinstance(shape, list) and len(shape) <= _DIMENSIONS_MAX
    if len(value) != 3 or not numbers or not all(map(_amount, (*shape, begin, end))):  # noqa: PLR2004
        raise _refused(name, f"does not say where the tensor {key[:100]!r} is")
    needed = math.prod(shape) * bits
    if needed % 8 or needed // 8 != end - begin:
        raise _refused(name, f"has another size for the tensor {key[:100]!r} than its shape")
    return key, Tensor(dtype, tuple(shape)), begin, end


def _amount(value: Any) -> bool:
    return type(value) is int and 0 <= value < _SIZE_MAX


def _refused(name: str, what: str) -> ImportRefused:
    return ImportRefused(
        "format",
        f"{name} {what}: it is damaged, or no safetensors file. Get it from its publisher "
        "again.",
        name,
    )

"""The answer of a request for vectors. There is nothing in it to restore."""

from __future__ import annotations

import array
import base64
import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from inference.api.answer import Answer, Choice, Malformed

_WIDTH = 4  # bytes of a number
_DATA = b'"data":[]'  # within a JSON string the quotes would be escaped


class EmbeddingAnswer(Answer):
    """See `Answer`; its choices are the vectors. Never a stream, and not kept: nobody reads it.

    Engines give vectors in base64, of little-endian floats of 32 bits. As numbers they are four
    times as long, so they are written one by one, as the caller takes them.
    """

    PREFIX = "embd-"
    PART = WHOLE = "list"
    KEPT = False

    def __init__(self, *, texts: int, floats: bool, **about: Any) -> None:
        """`floats`: the caller wants numbers and no base64."""
        super().__init__(**about)
        self._texts = texts
        self._floats = floats

    def gathered(self) -> GatheredVectors:
        """See `Answer`."""
        return GatheredVectors()

    def choices(self, raw: bytes) -> list[Choice]:
        """The vectors of all texts."""
        try:
            vectors = [self._choice(one) for one in orjson.loads(raw)["data"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Malformed("The engine sent something that is no vector.") from error
        if [one["index"] for one in vectors] != list(range(self._texts)):
            raise Malformed("The engine did not send one vector for each text.")
        return vectors

    def _choice(self, choice: Mapping[str, Any]) -> Choice:
        given: str = choice["embedding"]
        # No sum of them overflows 64 bits, and with an infinite one or a NaN it is none either.
        if not math.isfinite(sum(_numbers(given))):
            raise ValueError("JSON has no such numbers.")
        return {"object": "embedding", "index": choice["index"], "embedding": given}

    def parts(self, choices: list[Choice], usage: Mapping[str, int]) -> Iterator[bytes]:
        """The whole answer; nothing was written, so no tokens of that are counted."""
        counted = {
            "prompt_tokens": usage["prompt_tokens"],
            "total_tokens": usage["total_tokens"],
        }
        before, after = self._written({"data": []}, self.WHOLE, counted).split(_DATA, 1)
        yield before + _DATA[:-1]
        for place, choice in enumerate(choices):
            vector = choice["embedding"]
            if self._floats:
                vector = _numbers(vector).tolist()
            written = orjson.dumps({**choice, "embedding": vector})
            yield b"," + written if place else written
        yield _DATA[-1:] + after


def _numbers(vector: str) -> array.array[float]:
    """Raises ValueError unless it is base64 of whole numbers, at least one."""
    content = base64.b64decode(vector, validate=True)
    if not content or len(content) % _WIDTH:
        raise ValueError("Not whole numbers.")
    numbers = array.array("f", content)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


class GatheredVectors:
    """See `Gathered`."""

    def __init__(self) -> None:
        self._vectors: list[Choice] = []

    def add(self, choices: list[Choice]) -> None:
        """See `Gathered`."""
        self._vectors += choices

    @property
    def empty(self) -> bool:
        """See `Gathered`."""
        return not self._vectors

    def choices(self) -> list[Choice]:
        """See `Gathered`."""
        return self._vectors

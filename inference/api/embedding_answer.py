"""The answer of a request for vectors. There is nothing in it to restore."""

from __future__ import annotations

import array
import base64
import sys
from collections.abc import Mapping
from typing import Any

import orjson

from inference.api.answer import Answer, Choice, Malformed

_WIDTH = 4  # bytes of a number


class EmbeddingAnswer(Answer):
    """See `Answer`; its choices are the vectors. Never a stream, and not kept: nobody reads it.

    Engines give vectors in base64, of little-endian floats of 32 bits.
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
        vector: str | list[float] = given
        content = base64.b64decode(given, validate=True)
        if not content or len(content) % _WIDTH:
            raise ValueError("Not whole numbers.")
        if self._floats:
            numbers = array.array("f", content)
            if sys.byteorder == "big":
                numbers.byteswap()
            vector = numbers.tolist()
        return {"object": "embedding", "index": choice["index"], "embedding": vector}

    def completion(self, choices: list[Choice], usage: Mapping[str, int]) -> bytes:
        """The whole answer; nothing was written, so no tokens of that are counted."""
        counted = {
            "prompt_tokens": usage["prompt_tokens"],
            "total_tokens": usage["total_tokens"],
        }
        return self._written({"data": choices}, self.WHOLE, counted)


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

"""The engine's chunks as the caller's: renamed, and with pseudonyms put back.

Chunk for chunk: each chunk with text gives exactly one chunk. What a restorer holds back at a
chunk's end leaves with the next one, at the latest with the chunk that bears the finish reason.
Log probabilities describe what the model wrote, so their tokens keep the pseudonyms.

What the endpoints have in common is here; each has a module of its own: `chat_answer`,
`completion_answer`, `embedding_answer`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import orjson

from compliance.detection.restore import Restorer

Choice = dict[str, Any]


class Malformed(Exception):
    """An engine sent what its endpoint does not answer."""


class Gathered(Protocol):
    """Choices gathered from chunks into whole ones."""

    def add(self, choices: list[Choice]) -> None:
        """The choices of one more chunk."""
        ...

    @property
    def empty(self) -> bool:
        """Whether nothing was added."""
        ...

    def choices(self) -> list[Choice]:
        """Whole choices, by index."""
        ...


class Answer(ABC):
    """One request's answer, as it arrives. Owned by the task that answers."""

    PREFIX: ClassVar[str]  # of its id
    PART: ClassVar[str]  # what `object` says in a chunk
    WHOLE: ClassVar[str]  # and in an answer that is no stream
    KEPT: ClassVar[bool] = True  # whether it says something that a person may read later

    def __init__(
        self, *, request: str, model: str, created: int, pseudonyms: Mapping[str, str]
    ) -> None:
        self._head: dict[str, Any] = {
            "id": f"{self.PREFIX}{request}",
            "created": created,
            "model": model,
        }
        self._pseudonyms = pseudonyms
        self._restorers: dict[tuple[int, str | int], Restorer] = {}
        self._mark = self._withheld = False

    def restores(self, pseudonyms: Mapping[str, str]) -> None:
        """Put these values back from here on: a request decided anew has other pseudonyms."""
        self._pseudonyms = pseudonyms

    def withholds(self, withheld: bool) -> None:
        """Whether reasoning is left out from here on."""
        self._withheld = withheld

    def marks(self) -> None:
        """Say once, in the first chunk or in the completion, that a machine wrote this.

        AI Act Art. 50(2) asks that output is marked in a machine-readable way.
        """
        self._mark = True

    def comes_from(self, digest: str) -> None:
        """Name the weights that answer: known only when they do."""
        self._head["system_fingerprint"] = f"fp_{digest[:16]}"

    @abstractmethod
    def gathered(self) -> Gathered:
        """Gathers what `choices` gives."""

    def choices(self, raw: bytes) -> list[Choice]:
        """The choices of one engine chunk, restored; empty for one that only counts tokens."""
        try:
            choices = orjson.loads(raw)["choices"]
            return [self._choice(choice) for choice in choices]
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise Malformed("The engine sent something that is not a chunk.") from error

    @abstractmethod
    def _choice(self, choice: Mapping[str, Any]) -> Choice:
        """A choice as the caller gets it."""

    def chunk(self, choices: list[Choice], usage: Mapping[str, int] | None) -> bytes:
        """A chunk for the caller."""
        return self._written({"choices": choices}, self.PART, usage)

    def completion(self, choices: list[Choice], usage: Mapping[str, int]) -> bytes:
        """The whole answer for a caller that did not ask for a stream."""
        return self._written({"choices": choices}, self.WHOLE, usage)

    def _written(
        self, said: Mapping[str, Any], kind: str, usage: Mapping[str, int] | None
    ) -> bytes:
        written = {**self._head, "object": kind, **said}
        if usage is not None:
            written["usage"] = usage or None
        if self._mark:
            written["domicile"] = {"ai_generated": True}
            self._mark = False
        return orjson.dumps(written)

    def _restored(self, choice: int, member: str | int, text: str, *, ends: bool) -> str:
        """Part of a text of a choice; a member that is a number is inside of JSON text."""
        if not self._pseudonyms:
            return text
        restorer = self._restorers.get((choice, member))
        if restorer is None:
            restorer = Restorer(self._pseudonyms, json_escaped=isinstance(member, int))
            self._restorers[choice, member] = restorer
        restored = restorer.feed(text)
        return restored + restorer.finish() if ends else restored

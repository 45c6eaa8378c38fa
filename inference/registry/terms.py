"""The text of a model's licence: it is one of the model's files, and its digest is signed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from inference.registry.manifest import LicenceOf, Manifest
from inference.registry.refused import ImportRefused
from inference.registry.survey import Survey

TEXT_MAX = 1024 * 1024  # bytes
ADDED = "LICENSE.txt"  # what a text that was given beside the folder is called in the model
_NAMES = ("license", "licence")


@dataclass(frozen=True, slots=True)
class Terms:
    """A licence by its identifier, with its text; `added` is its file where it lay beside."""

    id: str
    text: bytes
    added: dict[str, Path]

    @property
    def licence(self) -> LicenceOf:
        """As a manifest says it."""
        return LicenceOf(self.id, hashlib.sha256(self.text).hexdigest())


def terms(folder: Path, looked: Survey, identifier: str, given: Path | None) -> Terms:
    """The licence in the file `given`, else the one file of the folder that looks like one.

    Raises `ImportRefused`.
    """
    if given is not None:
        name = ADDED if ADDED not in looked.files else f"IMPORTED-{ADDED}"
        return Terms(identifier, text(given), {name: given.resolve()})
    found = [one for one in looked.files if "/" not in one and one.lower().startswith(_NAMES)]
    if len(found) != 1:
        raise ImportRefused(
            "licence",
            f"{folder} holds {', '.join(found) or 'no file'} with a licence's text, and it "
            "must be one. Name it with --licence-file.",
        )
    return Terms(identifier, text(folder / found[0]), {})


def text_of(folder: Path, manifest: Manifest) -> bytes:
    """The licence's text among a model's files; raises `ImportRefused`."""
    named = (file for file in manifest.files if file.sha256 == manifest.licence.digest)
    return text(folder / next(named).path)


def text(path: Path) -> bytes:
    """What a file says, if it may be a licence; raises `ImportRefused`."""
    try:
        with path.open("rb") as file:
            found = file.read(TEXT_MAX + 1)
    except OSError as error:
        raise ImportRefused(
            "licence", f"{path} cannot be read: {error.strerror}.", path.name
        ) from error
    if not found.strip() or len(found) > TEXT_MAX or b"\x00" in found:
        raise ImportRefused("licence", f"{path} does not hold a licence's text.", path.name)
    return found

"""What can be exported: each form checks what was asked for, makes the file, and knows its own.

`evidence` is here; others add themselves with `register`.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings

from compliance.audit.catalogue import KINDS
from compliance.audit.ledger import Held
from compliance.audit.ring import ring_of
from compliance.evidence import bundle, extent
from compliance.evidence.file import RECORDED, SOURCE, ExportImpossible
from compliance.models import Application
from compliance.models import Event as StoredEvent

RECENT = 1_000  # events of a kind among which one that was just recorded is

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do; may raise to end the run."""


class ScopeInvalid(Exception):
    """What was asked for cannot be exported. `field` is the name of the part that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Made:
    """A whole file that is on record: what its name says of it, and what people are told."""

    part: str  # of the file's name: [a-z0-9-]+
    words: tuple[str, ...]


class Form(Protocol):
    """One kind of export."""

    title: str

    def check(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        """What was asked for, in the form that is stored; raises `ScopeInvalid`."""
        ...

    def make(
        self, scope: Mapping[str, Any], path: Path, *, actor: str, progress: Progress
    ) -> None:
        """Write the file at `path`, which must not exist, and its event: both or neither."""
        ...

    def made(self, path: Path) -> Made | None:
        """What the file at `path` is, if it is whole and on record; else None."""
        ...


class Evidence:
    """A part of the log that others verify offline."""

    title = "Evidence"

    def check(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        """The range, the applications, and what beside the details is to be in it."""
        begin, end = str(scope.get("begin") or "0"), str(scope.get("end") or "")
        for field, text in (("begin", begin), ("end", end)):
            try:
                extent.understood(text)
            except ExportImpossible as error:
                raise ScopeInvalid(field, str(error)) from error
        names = {str(pk) for pk in Application.objects.values_list("pk", flat=True)}
        wanted = [str(one) for one in scope.get("applications") or ()]
        if unknown := [one for one in wanted if one not in names]:
            raise ScopeInvalid("applications", f"There is no application {unknown[0][:64]!r}.")
        generation = _held(scope)
        try:
            reach = extent.signed(settings.DOMICILE.data / "log", generation)
            extent.covered(begin, end, reach, generation)
        except ExportImpossible as error:
            raise ScopeInvalid("end" if end else "begin", str(error)) from error
        types = sorted({str(one) for one in scope.get("types") or ()})
        if strange := [one for one in types if one not in KINDS]:
            raise ScopeInvalid("types", f"There is no type of event {strange[0][:48]!r}.")
        reason = str(scope.get("reason") or "").strip()
        if scope.get("contents") and not reason:
            raise ScopeInvalid("reason", "Contents are disclosed only for a reason; say which.")
        return {
            "begin": begin,
            "end": end,
            "generation": generation.number,
            "applications": sorted(set(wanted)),
            "types": types,
            "tables": bool(scope.get("tables")),
            "contents": bool(scope.get("contents")),
            "reason": reason if scope.get("contents") else "",
        }

    def make(
        self,
        scope: Mapping[str, Any],
        path: Path,
        *,
        actor: str,
        progress: Progress,
    ) -> None:
        """By `bundle.export`, with the log's key."""
        data = settings.DOMICILE.data
        bundle.export(
            bundle.Scope(
                scope["begin"],
                scope["end"],
                tuple(scope["applications"]),
                tuple(scope.get("types", ())),
                int(scope.get("generation", 0)),  # an older version's runs have none
                tables=scope["tables"],
            ),
            path,
            data / "log",
            ring_of(settings.DOMICILE).current(),
            progress=progress,
            contents=scope["contents"],
            reason=scope["reason"],
            actor=actor,
        )

    def made(self, path: Path) -> Made | None:
        """A ZIP whose manifest an event names."""
        try:
            with zipfile.ZipFile(path) as archive:
                manifest = archive.read("manifest.json")
        except (OSError, zipfile.BadZipFile, KeyError):
            return None
        if not recorded(RECORDED, hashlib.sha256(manifest).hexdigest()):
            return None
        said = json.loads(manifest)
        begin, end = int(said["begin"]), int(said["end"])
        words = f"Entries {begin} to {end - 1} of {int(said['size'])} of {said['origin']}."
        ended = [str(one) for one in said["statement"] if one not in bundle.STATEMENT]
        return Made(f"entries-{begin}-{end - 1}", (words, *ended))


def _held(scope: Mapping[str, Any]) -> Held:
    """The generation that was asked for: the one that grows, if none was."""
    try:
        return extent.generation(int(scope.get("generation") or 0))
    except (ValueError, ExportImpossible) as error:
        raise ScopeInvalid("generation", str(error)) from error


def recorded(kind: str, digest: str) -> bool:
    """Whether an event of type `kind` names the manifest with this SHA-256."""
    last = StoredEvent.objects.filter(source=SOURCE, type=kind).order_by("-seq")[:RECENT]
    return any(digest.encode() in bytes(one.detail or b"") for one in last)


FORMS: dict[str, Form] = {"evidence": Evidence()}


def register(name: str, form: Form) -> None:
    """Let runs make `form` too; `name` is a word of [a-z0-9-]."""
    FORMS[name] = form

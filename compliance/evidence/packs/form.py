"""Packs as a form of runs: made in the background, for periods that nobody waits for.

Not the pack about a person: its identifiers may stand in no row and no message.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compliance.evidence import forms
from compliance.evidence.forms import Made, ScopeInvalid
from compliance.evidence.packs.answers import CASE
from compliance.evidence.packs.build import build
from compliance.evidence.packs.context import Parameters
from compliance.evidence.packs.fields import in_words
from compliance.evidence.packs.law import Law, laws
from compliance.evidence.packs.reading import Period, Progress
from compliance.evidence.packs.readme import EXPORTED
from compliance.models import Application


class PackForm:
    """One pack."""

    def __init__(self, law: Law) -> None:
        self.law = law
        self.title = f"{law.title} ({law.form})"

    def check(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        """The period, the names of applications, the case; raises `ScopeInvalid`."""
        wanted = {
            name: str(scope.get(name) or "") for name in ("since", "until", "case", "only")
        }
        for name in ("since", "until"):
            try:
                _moment(wanted[name])
            except ValueError as error:
                raise ScopeInvalid(name, "Give a time with its zone.") from error
        if self.law.of == "case" and not CASE.match(wanted["case"]):
            raise ScopeInvalid("case", "Name the case by its number.")
        names = wanted["only"].split()
        known = set(Application.objects.filter(name__in=names).values_list("name", flat=True))
        if unknown := [name for name in names if name not in known]:
            raise ScopeInvalid("only", f"There is no application {unknown[0][:64]!r}.")
        return wanted

    def make(
        self, scope: Mapping[str, Any], path: Path, *, actor: str, progress: Progress
    ) -> None:
        """Write the pack and its event."""
        parameters = Parameters(
            period=Period(_moment(scope["since"]), _moment(scope["until"])),
            applications=tuple(scope["only"].split()),
            case=scope["case"],
        )
        build(self.law.id, parameters, path, actor=actor, progress=progress)

    def made(self, path: Path) -> Made | None:
        """A ZIP whose manifest an event `pack.exported` names."""
        try:
            with zipfile.ZipFile(path) as archive:
                manifest = archive.read("manifest.json")
                said = json.loads(archive.read("pack.json"))
        except (OSError, zipfile.BadZipFile, KeyError, ValueError):
            return None
        digest = hashlib.sha256(manifest).hexdigest()
        if said.get("pack") != self.law.id or not forms.recorded(EXPORTED, digest):
            return None
        words = (
            f"Fields: {in_words(said['fields'])}.",
            f"SHA-256 of its manifest, as recorded: {digest}",
        )
        newest = said["log"]["generations"][-1]
        return Made(f"entries-{newest['begin']}-{newest['end']}", words)


def scope_of(parameters: Parameters) -> dict[str, str]:
    """What a run is told; identifiers are no part of it."""
    since, until = (
        moment.isoformat() if moment else ""
        for moment in (parameters.period.since, parameters.period.until)
    )
    only = " ".join(parameters.applications)
    return {"since": since, "until": until, "case": parameters.case, "only": only}


def _moment(text: str) -> dt.datetime | None:
    if not text:
        return None
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("A time without its zone.")
    return moment


def register() -> None:
    """Let runs make packs, in the process that asks and in the one that works."""
    for law in laws().values():
        if not law.personal:
            forms.register(law.id, PackForm(law))

"""Makes a model of a folder or a bundle: looked through, copied, hashed, signed, registered.

Files first, then the row, its event and the folder's final name in one transaction: who is
killed between leaves either a model or a copy to go on with, which serves nobody.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit import journal
from compliance.audit.changes import recorded
from compliance.vocabulary import Event
from inference.models import Model
from inference.registry import CATALOGUE, bundle, facts, manifest, names, terms
from inference.registry.drafting import AND, Base, Copied, Wanted, draft
from inference.registry.intake import Intake, Progress
from inference.registry.manifest import Manifest
from inference.registry.refused import ImportRefused
from inference.registry.survey import survey


@dataclass(frozen=True, slots=True)
class House:
    """Where models lie, with what key they are signed, and who imports them."""

    models: Path
    key: Ed25519PrivateKey
    actor: str
    progress: Progress = lambda *_: None

    @property
    def public_key(self) -> bytes:
        """The gateway's, 32 bytes."""
        return self.key.public_key().public_bytes_raw()


def take_folder(source: Path, wanted: Wanted, house: House) -> Model:
    """Register the model in the folder `source`; raises `ImportRefused`.

    A copy that was begun before is gone on with.
    """
    _free(wanted.name)
    if source.resolve().is_relative_to(house.models.resolve()):
        raise ImportRefused(
            "name",
            f"{source} is where this appliance keeps its models. Copy the folder elsewhere, "
            "and import the copy.",
        )
    base = _base(wanted, house.models)
    wanted = replace(wanted, note=_with_digests(wanted))
    looked = survey(source)
    agreed = terms.terms(source, looked, wanted.licence, wanted.licence_file)
    sources = {path: source / path for path in looked.files} | agreed.added
    intake = Intake(house.models, wanted.name)
    with intake.held():
        _free(wanted.name)  # asked again: another import may have ended since
        intake.take_back()  # what one that was killed left under the name
        files = intake.take(sources, house.progress)
        copied = Copied(intake.folder, survey(intake.folder), files)
        if {*copied.survey.files} != {*sources}:
            raise ImportRefused("changed", f"{source} was changed while it was read.")
        made = draft(copied, wanted, base, agreed)
        content = manifest.encoded(made)
        intake.seal(content, manifest.sign(content, house.key))
        row = _row(made, content, agreed.text, _quantisation(copied, made))
        row.eu_restriction = wanted.eu_restriction
        return _register(row, intake, house, {})


def take_bundle(
    path: Path, house: House, trusted: Sequence[bytes] = (), eu_restriction: str = ""
) -> Model:
    """Register the model in a bundle; raises `ImportRefused`.

    This gateway's key must have signed it, or one of `trusted` (Ed25519, 32 bytes). It is
    signed anew with this gateway's key; whose it was goes into the record. What the licence
    restricts in the EU is not part of what was signed.
    """
    with bundle.opened(path, (house.public_key, *trusted)) as opened:
        made = opened.manifest
        _free(made.name)
        intake = Intake(house.models, made.name)
        with intake.held():
            _free(made.name)
            intake.take_back()
            opened.take(intake, house.progress)
            copied = Copied(intake.folder, survey(intake.folder), made.files)
            if {*copied.survey.files} != {file.path for file in made.files}:
                raise ImportRefused("format", f"{path} holds files that no model has.")
            content = opened.content
            intake.seal(content, manifest.sign(content, house.key))
            text = terms.text_of(intake.folder, made)
            row = _row(made, content, text, _quantisation(copied, made))
            row.eu_restriction = eu_restriction
            return _register(row, intake, house, {"signer": opened.signer.hex()})


def refuse(name: str, error: ImportRefused, actor: str) -> None:
    """Put on the record that an import was refused, and for which file."""
    detail = {
        "actor": actor,
        "model": name[:128],
        "file": error.file[:400],
        "reason": error.reason,
    }
    with recorded():
        _record("model.import_refused", detail, [])


def _free(name: str) -> None:
    try:
        names.parts(name)
    except ValueError as error:
        raise ImportRefused("name", str(error)) from error
    if name in CATALOGUE or Model.objects.filter(name=name).exists():
        raise ImportRefused(
            "name",
            f"A model {name} is registered already. Choose another name with --name, or remove "
            "that one first.",
        )


def _with_digests(wanted: Wanted) -> str:
    """The note, with the digests of what was merged, as far as it is registered here."""
    names_of = wanted.base.split(AND)
    rows = Model.objects.filter(name__in=names_of if len(names_of) > 1 else ())
    said = [f"{row.name} is sha256:{row.digest}." for row in rows.order_by("name")]
    return " ".join([wanted.note, *said]).strip()


def _base(wanted: Wanted, models: Path) -> Base | None:
    """What it was made from, where that is registered; raises `ImportRefused`."""
    base, adapter = names.parts(wanted.name)
    if bool(adapter) != wanted.adapter or (adapter and wanted.base != base):
        raise ImportRefused(
            "name", "An adapter, and nothing else, is named as in base:adapter, after its base."
        )
    found = Model.objects.filter(name=wanted.base, kind=Model.Kind.MODEL).first()
    if adapter and (found is None or not found.manifest):
        raise ImportRefused(
            "base", f"{base} is not a model that was imported here; import it first."
        )
    if adapter and found is not None and found.engine != "vllm":
        raise ImportRefused("base", f"{found.engine} serves {base}, and applies no adapters.")
    if found is None:
        return None
    return Base(
        name=found.name,
        digest=found.digest,
        task=found.task,
        architecture=found.architecture,
        context_length=found.context_length,
        folder=models / names.folder_name(found.name),
    )


def _quantisation(copied: Copied, made: Manifest) -> str:
    if made.kind == "adapter":
        return ""
    return facts.facts(copied.folder, copied.survey).quantisation


def _row(made: Manifest, content: bytes, text: bytes, quantisation: str) -> Model:
    base = None
    if made.lineage.base_digest:
        base = Model.objects.filter(
            name=made.lineage.base or "", digest=made.lineage.base_digest
        ).first()
    if made.kind == "adapter" and base is None:
        raise ImportRefused(
            "base",
            f"{made.lineage.base}, as {made.name} was made for, is not registered here; import "
            "it first.",
        )
    return Model(
        name=made.name,
        kind=made.kind,
        task=made.task,
        base=base,
        engine=made.engine,
        digest=manifest.identity(content),
        size=made.size,
        licence=made.licence.id,
        licence_text=text.decode("utf-8", "replace"),
        licence_digest=made.licence.digest,
        origin=made.origin,
        context_length=made.context_length,
        architecture=made.architecture,
        quantisation=quantisation,
        derived_from=made.lineage.base or "",
        method=made.lineage.method,
        lineage_note=made.lineage.note,
        manifest=content.decode(),
    )


def _register(row: Model, intake: Intake, house: House, said: Mapping[str, Any]) -> Model:
    """The row, its event and the folder's name, at once."""
    with recorded():
        _free(row.name)
        row.save()
        detail = {
            "actor": house.actor,
            "model": row.name,
            "kind": row.kind,
            "digest": row.digest,
            "licence": row.licence,
            "licence_digest": row.licence_digest,
            "origin": row.origin,
            "bytes": row.size,
            "base": row.derived_from or None,
            "method": row.method,
            "note": row.lineage_note,
            "eu_restriction": row.eu_restriction,
            **said,
        }
        _record("model.registered", detail, [row])
        intake.publish()
    intake.forget()
    return row


def _record(kind: str, detail: Mapping[str, Any], about: Sequence[Model]) -> None:
    journal.record("command", [Event(kind, time.time_ns() // 1000, dict(detail))], about)

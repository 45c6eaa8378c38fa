"""Writes a pack's ZIP and puts it on record, both or neither."""

from __future__ import annotations

import hashlib
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

from compliance.audit.entry import canonical
from compliance.evidence import erased
from compliance.evidence.file import created, record
from compliance.evidence.packs import document
from compliance.evidence.packs.context import Context, PackImpossible
from compliance.evidence.packs.readme import EXPORTED
from compliance.vocabulary import Event

DISCLOSED = "content.disclosed"


def write(
    context: Context, files: Mapping[str, bytes], path: Path, found: Mapping[str, int]
) -> str:
    """The ZIP at `path`, which must not exist; the digest of its manifest, as recorded.

    `found` is how many fields are verified, typed and missing. Raises `PackImpossible` where
    kept content that is in it is being erased; then there is no file and no event.
    """
    manifest = canonical(
        {
            "format": "domicile-pack-manifest",
            "pack": context.law.id,
            "files": {
                name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                for name, data in files.items()
            },
            "v": document.VERSION,
        }
    )
    with created(path) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in {**files, "manifest.json": manifest}.items():
                archive.writestr(_member(name), data)
        if erased.touched(context.kept):
            raise PackImpossible(
                f"Kept content was erased while {path} was made, or is to be erased now, so it "
                "was removed again and nothing was recorded. Make the pack again after that."
            )
    digest = hashlib.sha256(manifest).hexdigest()
    record(path, digest, _about(context, found), _disclosed(context), EXPORTED)
    return digest


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)  # dated 1980, so that the same pack is the same file
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o600 << 16
    return member


def _about(context: Context, found: Mapping[str, int]) -> dict[str, object]:
    """What the record says; of a person who asked, only the number of the case."""
    period, reading = context.reading.period, context.reading
    return {
        "actor": context.actor,
        "pack": context.law.id,
        "period": {
            "from": period.since.isoformat() if period.since else "",
            "to": period.until.isoformat() if period.until else "",
        },
        "case": context.parameters.case,
        "applications": [
            str(one.pk) for one in context.applications if context.law.of == "application"
        ],
        "begin": reading.newest.begin,
        "end": reading.newest.end,
        "ranges": [list(one) for one in reading.read],
        "fields": dict(found),
    }


def _disclosed(context: Context) -> list[Event]:
    """The event of what kept content is handed out, if any is."""
    if not context.kept:
        return []
    detail = {
        "actor": context.actor,
        "reason": f"{context.law.form}, case {context.parameters.case}",
        "requests": len(context.kept),
    }
    return [Event(DISCLOSED, time.time_ns() // 1000, detail)]

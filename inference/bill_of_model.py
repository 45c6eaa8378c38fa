"""The bill of materials of one model: CycloneDX 1.6 (ECMA-424), every file by its digest.

What applications did with it, and what nodes verified, is in the pack of all models
(`audit pack ml-bom`); this one goes along with the weights.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from compliance.evidence.packs.ml_bom import SPDX, SPEC, UNKNOWN
from inference.models import Model
from inference.registry.drafting import AND

_TASKS = {"chat": "text-generation", "embeddings": "feature-extraction"}


def bill(row: Model) -> dict[str, Any]:
    """The bill; the same model makes the same bill."""
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"domicile/model/{row.name}/{row.digest}")
    model = _component(row)
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": number.urn,
        "version": 1,
        "metadata": {
            "timestamp": row.created.isoformat(timespec="seconds"),
            "component": {
                "type": "application",
                "bom-ref": "appliance",
                "name": "Domicile",
            },
        },
        "components": [model],
        "dependencies": [{"ref": "appliance", "dependsOn": [model["bom-ref"]]}],
    }


def _component(row: Model) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": f"weights:{row.digest}",
        "name": row.name,
        "version": f"sha256:{row.digest}",
        "description": row.origin,
        "hashes": [{"alg": "SHA-256", "content": row.digest}],
        "licenses": [{"license": _licence(row)}],
        "modelCard": _card(row),
        "properties": [
            _property("bytes", str(row.size)),
            _property("engine", row.engine),
            _property("context", f"{row.context_length} tokens"),
            _property("quantisation", row.quantisation or "none"),
            _property("licence:accepted", _accepted(row)),
        ],
    }
    if row.derived_from:
        found["pedigree"] = _pedigree(row)
    if row.manifest:
        files = json.loads(row.manifest)["files"]
        found["components"] = [_file(row.digest, one) for one in files]
    return found


def _licence(row: Model) -> dict[str, Any]:
    said: dict[str, Any] = {"id" if row.licence in SPDX else "name": row.licence}
    if row.licence_text:
        said["text"] = {"contentType": "text/plain", "content": row.licence_text}
    return said


def _card(row: Model) -> dict[str, Any]:
    known: dict[str, Any] = {
        "task": _TASKS.get(row.task, row.task),
        "datasets": [{"type": "dataset", "name": "Training data", "description": UNKNOWN}],
        "inputs": [{"format": "text"}],
        "outputs": [{"format": "text" if row.task == Model.Task.CHAT else "vector"}],
    }
    if row.architecture:
        known["modelArchitecture"] = row.architecture
    return {"modelParameters": known}


def _pedigree(row: Model) -> dict[str, Any]:
    names = row.derived_from.split(AND)
    known = {one.name: one.digest for one in Model.objects.filter(name__in=names)}
    if len(names) == 1 and row.base is None:
        known = {}  # another model has that name by now
    ancestors = [_ancestor(name, known.get(name)) for name in names]
    words = [row.get_method_display(), row.lineage_note]
    return {"ancestors": ancestors, "notes": ". ".join(word for word in words if word)}


def _ancestor(name: str, digest: str | None) -> dict[str, Any]:
    said: dict[str, Any] = {"type": "machine-learning-model", "name": name}
    if digest is not None:
        said["version"] = f"sha256:{digest}"
        said["hashes"] = [{"alg": "SHA-256", "content": digest}]
    return said


def _file(model: str, file: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": f"file:{model}:{file['path']}",
        "name": file["path"],
        "hashes": [{"alg": "SHA-256", "content": file["sha256"]}],
        "properties": [_property("bytes", str(file["size"]))],
    }


def _accepted(row: Model) -> str:
    if row.licence_accepted is None:
        return "no"
    return row.licence_accepted.isoformat(timespec="seconds")


def _property(name: str, value: str) -> dict[str, str]:
    return {"name": f"domicile:{name}", "value": value}

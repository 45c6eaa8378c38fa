"""A bill of the models: what is on record of each, and the same as CycloneDX 1.6 (ECMA-424)."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compliance.evidence.packs import document
from compliance.evidence.packs.context import Context, PackImpossible, Part
from compliance.evidence.packs.fields import OFFICER, Cited, Facts, Filled, Section
from compliance.evidence.packs.models import Model, engine, newest, on_record

BILL, SPEC = "bom.cdx.json", "1.6"
SPDX = frozenset(
    {
        *("AFL-3.0", "AGPL-3.0-only", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0"),
        *("CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-SA-4.0", "CC0-1.0"),
        *("GPL-3.0-only", "LGPL-3.0-only", "MIT", "MPL-2.0", "OpenMDW-1.0", "Unlicense"),
    }
)
"""SPDX identifiers under which weights are published; other licences go by their name."""
UNKNOWN = "Unknown: nobody stated on what data these weights were trained."


def parts(context: Context) -> Iterator[Part]:
    """The fields of each model that was registered."""
    if context.parameters.applications:
        raise PackImpossible(
            "The bill is of all models, whichever application uses them; name no application."
        )
    used: dict[str, dict[str, Cited]] = defaultdict(lambda: defaultdict(Cited))
    removed = 0
    for event in context.events():
        if event.type == "request.admitted" and event.detail is None:
            removed += 1
        elif event.type == "request.admitted" and event.said("model_digest"):
            name = (event.said("application") or {}).get("name", "")
            words = f"{name}: {event.said('purpose')}"
            used[str(event.said("model_digest"))][words].add(event)
    for model in on_record(context.reading):
        facts = Facts(context.law.fields)
        yield Part(model.digest, model.name, _said(facts, model, used[model.digest], removed))


def _said(
    facts: Facts, model: Model, used: Mapping[str, Cited], removed: int
) -> dict[str, Filled]:
    starts = list(newest(model.starts))
    cited = Cited().add(*starts)
    return {
        "model": facts.verified(
            "model",
            f"{model.name}\nSHA-256 of the weights: {model.digest}\n{model.origin}"
            + (f"\nMade from {model.base} ({model.method})" if model.base else ""),
            model.cited,
            {"name": model.name, "digest": model.digest, "origin": model.origin}
            | ({"base": model.base, "method": model.method} if model.base else {}),
        ),
        "licence": facts.verified(
            "licence",
            model.licence,
            model.cited if model.licence else Cited(),
            note="" if model.licence else "The registration names no licence.",
        ),
        "engines": facts.verified(
            "engines",
            "\n".join(engine(event) for event in starts),
            cited,
            {"engines": sorted({str(event.said("engine")) for event in starts})},
            "" if starts else "No node has said that it verified these weights.",
        ),
        "use": facts.verified(
            "use",
            "\n".join(f"{name} ({one.count} requests)" for name, one in sorted(used.items())),
            Cited().take(*used.values()),
            {"uses": sorted(used)},
            _use(used, removed),
        ),
    }


def _use(used: Mapping[str, Cited], removed: int) -> str:
    """What the uses leave out: of `removed` requests the weights are not known any more."""
    if removed:
        return (
            f"The details of {removed} requests were removed by retention rules: for which "
            "weights they were cleared is not known, and they are not counted."
        )
    return "" if used else "No request of the period was cleared for these weights."


def files(context: Context, sections: Sequence[Section]) -> Mapping[str, bytes]:
    """The bill for tools."""
    return {BILL: document.as_json(bill(context, sections))}


def bill(context: Context, sections: Sequence[Section]) -> dict[str, Any]:
    """The bill of what the sections say; the same pack makes the same bill."""
    state, known = context.reading.newest.state, _fields(sections[0])
    models = [_component(section) for section in sections[1:]]
    engines = {one["bom-ref"]: one for section in sections[1:] for one in _engines(section)}
    root = {"type": "application", "bom-ref": "appliance", "name": "Domicile"}
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"{state.origin} {state.size} {context.now}")
    said: dict[str, Any] = {
        "timestamp": context.now.isoformat(timespec="seconds"),
        "lifecycles": [{"phase": "operations"}],
        "component": root,
        "properties": [
            _property("log", state.origin),
            _property("log:size", str(state.size)),
            _property("log:root", state.root.hex()),
        ],
    }
    if maker := _typed(known, "maker"):
        said["manufacturer"] = {"name": maker}
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": number.urn,
        "version": 1,
        "metadata": said,
        "components": [*models, *engines.values()],
        "dependencies": [
            {"ref": "appliance", "dependsOn": [*(one["bom-ref"] for one in models), *engines]}
        ],
    }


def _component(section: Section) -> dict[str, Any]:
    """A model. What nobody stated is left out, but for its data, which are called unknown."""
    known = _fields(section)
    model, started = known["model"].data or {}, known["engines"]
    licence = known["licence"].value
    found: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": f"weights:{section.subject}",
        "name": section.title,
        "version": f"sha256:{section.subject}",
        "description": model.get("origin", ""),
        "hashes": [{"alg": "SHA-256", "content": section.subject}],
        "modelCard": _card(known),
        "properties": [
            _property("registered:entries", _entries(known["model"])),
            _property("verified-at-start:entries", _entries(started)),
            *(_property("engine", line) for line in started.value.splitlines()),
        ],
    }
    if licence:
        found["licenses"] = [{"license": {"id" if licence in SPDX else "name": licence}}]
    if supplier := _typed(known, "supplier"):
        found["supplier"] = {"name": supplier}
    if pedigree := _pedigree(model, _typed(known, "pedigree")):
        found["pedigree"] = pedigree
    return found


def _pedigree(model: Mapping[str, Any], typed: str) -> dict[str, Any]:
    """What it was made from as it was registered, and what an officer said of that."""
    found: dict[str, Any] = {}
    if base := model.get("base"):
        names = base.split(" + ")  # of a merge, all that it was made from
        found["ancestors"] = [{"type": "machine-learning-model", "name": one} for one in names]
    notes = [word for word in (model.get("method"), typed) if word]
    return found | ({"notes": ". ".join(notes)} if notes else {})


def _card(known: Mapping[str, Filled]) -> dict[str, Any]:
    data = _typed(known, "datasets")
    about = {"name": "Training data", "description": data or UNKNOWN}
    considered: dict[str, Any] = {}
    if uses := (known["use"].data or {}).get("uses"):
        considered["useCases"] = list(uses)
    if limits := _typed(known, "limitations"):
        considered["technicalLimitations"] = [limits]
    card: dict[str, Any] = {
        "modelParameters": {
            "task": "text-generation",
            "datasets": [{"type": "dataset", **about}],
            "inputs": [{"format": "text"}],
            "outputs": [{"format": "text"}],
        }
    }
    return card | ({"considerations": considered} if considered else {})


def _engines(section: Section) -> Iterator[dict[str, Any]]:
    for words in (_fields(section)["engines"].data or {}).get("engines", ()):
        name, _, version = words.rpartition(" ")
        yield {
            "type": "application",
            "bom-ref": f"engine:{words}",
            "name": name or words,
            **({"version": version} if name else {}),
        }


def _fields(section: Section) -> dict[str, Filled]:
    return {one.law.id: one for one in section.fields}


def _typed(known: Mapping[str, Filled], name: str) -> str:
    return known[name].value if known[name].origin == OFFICER else ""


def _entries(filled: Filled) -> str:
    """The entries that a value rests on, after their generation; `none` where on nothing."""
    return (
        ", ".join(
            f"{number}:{begin}" if end == begin + 1 else f"{number}:{begin}-{end - 1}"
            for number, begin, end in filled.entries
        )
        or "none"
    )


def _property(name: str, value: str) -> dict[str, str]:
    return {"name": f"domicile:{name}", "value": value}

"""A manifest from what a model's files say and from what is said by who imports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inference.registry import facts, manifest, options
from inference.registry.entry import Option
from inference.registry.manifest import File, Lineage, Manifest, ManifestRefused, Method
from inference.registry.refused import ImportRefused
from inference.registry.survey import Survey
from inference.registry.terms import Terms

AND = " + "


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is said of a model by who imports it; empty where its files say it.

    `context_length` is in tokens. `base` is the name of what it was made from, registered here
    or not; of an adapter it is. Of what was merged from several, `AND` stands between them.
    """

    name: str
    licence: str
    origin: str
    licence_file: Path | None = None
    task: str = ""
    context_length: int = 0
    adapter: bool = False
    base: str = ""
    method: Method = "none"
    note: str = ""
    eu_restriction: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Base:
    """A model that is registered here, from which another was made; `folder` holds it."""

    name: str
    digest: str
    task: str
    architecture: str
    context_length: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Copied:
    """The files of a model as they were copied."""

    folder: Path
    survey: Survey
    files: list[File]


def draft(copied: Copied, wanted: Wanted, base: Base | None, terms: Terms) -> Manifest:
    """The manifest of a model on its way in; raises `ImportRefused`."""
    said, chosen = _facts(copied, wanted, base)
    made = Manifest(
        name=wanted.name,
        kind="adapter" if wanted.adapter else "model",
        task=wanted.task or said.task,  # type: ignore[arg-type]
        weights=said.weights,  # type: ignore[arg-type]
        engine=said.engine,  # type: ignore[arg-type]
        architecture=said.architecture,
        context_length=_context(wanted, said, chosen),
        licence=terms.licence,
        origin=wanted.origin,
        files=copied.files,
        lineage=Lineage(
            base=wanted.base or None,
            base_digest=base.digest if base is not None else None,
            method="adapter" if wanted.adapter else wanted.method,
            note=wanted.note,
        ),
        options=chosen,
    )
    try:
        return manifest.decoded(manifest.encoded(made))
    except ManifestRefused as error:
        raise ImportRefused("manifest", str(error), error.file) from error


def _facts(
    copied: Copied, wanted: Wanted, base: Base | None
) -> tuple[facts.Facts, dict[str, Option]]:
    chosen = dict(wanted.options)
    try:
        options.check(chosen)
    except options.OptionRefused as error:
        raise ImportRefused("options", str(error)) from error
    template = chosen.get("chat_template")
    if template is not None and template not in copied.survey.files:
        raise ImportRefused(
            "options", f"chat_template names {template}, which is no file of the model."
        )
    if not wanted.adapter or base is None:
        return facts.facts(copied.folder, copied.survey), chosen
    made = facts.adapter(copied.folder, copied.survey)
    facts.fits(made, base.folder, base.name)
    said = facts.Facts("safetensors", "vllm", base.task, base.architecture, base.context_length)
    return said, {"max_lora_rank": made.rank} | chosen


def _context(wanted: Wanted, said: facts.Facts, chosen: Mapping[str, Option]) -> int:
    """Tokens: the least of what is said."""
    bounds = [wanted.context_length or said.context_length, chosen.get("max_model_len", 0)]
    known = [one for one in bounds if type(one) is int and one]
    if not known:
        raise ImportRefused(
            "incomplete",
            "The files do not say how long a context the model takes; say it with "
            "--context-length, in tokens.",
        )
    return min(known)

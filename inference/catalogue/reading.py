"""The catalogue's data as values."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from inference.fit import Gpu
from inference.precision import PRECISIONS, Precision
from inference.registry import options
from inference.shape import Encoder, Experts, Latent, Shape, Window

FOLDER = Path(__file__).parent
MIB = 1024**2
_TABLES = frozenset({"licences", "gpus"})
_PARTS: Mapping[str, type[Window | Experts | Latent | Encoder]] = {
    "window": Window,
    "experts": Experts,
    "latent": Latent,
    "encoder": Encoder,
}

Option = str | int | bool
T = TypeVar("T")


class CatalogueInvalid(Exception):
    """A file of the catalogue says what cannot be. The message names file and entry."""


class Unknown(Exception):
    """The catalogue has no such model or GPU. The message names it and what is near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """Terms as a licence's own text has them; `eu`: what it restricts in the European Union."""

    id: str
    title: str
    terms: str
    eu: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A repository with a model's weights in one form.

    `width` replaces that of the shape where a publisher widened the matrices to quantise them;
    `options` are added to the model's.
    """

    precision: Precision
    repository: str
    note: str = ""
    width: int = 0
    options: Mapping[str, Option] = field(default_factory=dict)

    @property
    def engine(self) -> str:
        """What serves it."""
        return "vllm" if self.precision.for_gpu else "llamacpp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A model as its publisher describes it.

    `context` is what it was made for, in tokens. `parameters` is the publisher's exact number,
    0 where only `about` (billions) is stated. `options` are engine arguments as in a manifest.
    `eu` is what the licence restricts in the European Union for this model. `remote_code` says
    that the published config.json names code to load, which an import refuses. `checked` says
    what was compared: `config` a copy of config.json, `count` the number of parameters.
    """

    name: str
    title: str
    family: str
    publisher: str
    repository: str
    architecture: str
    licence: Licence
    context: int
    shape: Shape
    weights: tuple[Weights, ...]
    eu: str
    task: str = "chat"
    parameters: int = 0
    about: float = 0.0
    note: str = ""
    remote_code: bool = False
    checked: frozenset[str] = frozenset()
    options: Mapping[str, Option] = field(default_factory=dict)

    def shape_of(self, weights: Weights) -> Shape:
        """The shape that these weights have."""
        return replace(self.shape, width=weights.width) if weights.width else self.shape

    def arguments(self, weights: Weights) -> Mapping[str, Option]:
        """The engine arguments for these weights; llama.cpp takes none."""
        if weights.engine != "vllm":
            return {}
        return {**self.options, **weights.options}

    def form(self, name: str) -> Weights:
        """Its weights in the precision called `name`; raises `Unknown`."""
        for one in self.weights:
            if one.precision.name == name:
                return one
        there = ", ".join(one.precision.name for one in self.weights)
        raise Unknown(
            f"The catalogue has no weights of {self.name} in {name!r}; it has {there}."
        )


@cache
def licences() -> Mapping[str, Licence]:
    """By identifier."""
    found = [Licence(**one) for one in _read(FOLDER / "licences.toml")["licence"]]
    return MappingProxyType({one.id: one for one in found})


@cache
def gpus() -> Mapping[str, Gpu]:
    """By name, from the smallest memory on."""
    found = [
        Gpu(**{**one, "memory": one["memory"] * MIB})
        for one in _read(FOLDER / "gpus.toml")["gpu"]
    ]
    return MappingProxyType(
        {one.name: one for one in sorted(found, key=lambda one: one.memory)}
    )


@cache
def models() -> Mapping[str, Published]:
    """By name, in the order of families and of the files."""
    return load(FOLDER)


def load(folder: Path) -> Mapping[str, Published]:
    """The models of the families in a folder; raises `CatalogueInvalid`."""
    found: dict[str, Published] = {}
    for path in sorted(folder.glob("*.toml")):
        if path.stem in _TABLES:
            continue
        said = _read(path)
        for one in said["model"]:
            made = _published(path.name, said, one)
            if made.name in found:
                raise CatalogueInvalid(f"{path.name}: {made.name} is there twice.")
            found[made.name] = made
    return MappingProxyType(found)


def model(name: str) -> Published:
    """The model called so; raises `Unknown`."""
    return _found(models(), name, "model")


def gpu(name: str) -> Gpu:
    """The GPU called so, however it is capitalised; raises `Unknown`."""
    known = {each.lower(): each for each in gpus()}
    return _found(gpus(), known.get(name.lower(), name), "GPU")


def _found(known: Mapping[str, T], name: str, kind: str) -> T:
    try:
        return known[name]
    except KeyError:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f" Near it: {', '.join(near)}." if near else ""
        raise Unknown(f"The catalogue has no {kind} {name[:64]!r}.{hint}") from None


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _published(file: str, said: Mapping[str, Any], one: Mapping[str, Any]) -> Published:
    given = dict(one)
    try:
        licence = licences()[given.pop("licence")]
        given.setdefault("publisher", said["publisher"])
        given.setdefault("eu", licence.eu)
        shape, weights = _shape(given.pop("shape")), _weights(given.pop("weights"))
        made = Published(
            **{**given, "checked": frozenset(given["checked"])},
            family=said["family"],
            licence=licence,
            shape=shape,
            weights=weights,
        )
        for each in made.weights:
            options.check(made.arguments(each))
    except (KeyError, TypeError, options.OptionRefused) as error:
        entry = one.get("name", "an entry without a name")
        raise CatalogueInvalid(f"{file}: {entry}: {error!r}") from error
    return made


def _shape(said: Mapping[str, Any]) -> Shape:
    parts = {name: kind(**said[name]) for name, kind in _PARTS.items() if name in said}
    return Shape(**{**said, **parts})


def _weights(said: Iterable[Mapping[str, Any]]) -> tuple[Weights, ...]:
    return tuple(Weights(**{**one, "precision": PRECISIONS[one["precision"]]}) for one in said)

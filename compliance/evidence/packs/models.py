"""Models on the record, by the digest of their weights, and the engines that started them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from compliance.evidence.packs.fields import Cited
from compliance.evidence.packs.reading import Reading, Verified
from compliance.models import Event

REGISTERED, STARTED = "model.registered", "engine.started"


@dataclass(frozen=True, slots=True)
class Listed:
    """A model that the database says is registered; for finding one, not for evidence."""

    digest: str
    name: str


@dataclass(slots=True)
class Model:
    """A model as the log says. `digest` is the SHA-256 of its weights, in hex.

    `base` is the model that it was made from, `method` how; empty where nobody said so.
    """

    digest: str
    name: str
    licence: str
    origin: str
    registered: Verified
    base: str = ""
    method: str = ""
    starts: list[Verified] = field(default_factory=list)

    @property
    def cited(self) -> Cited:
        """The entries that say so: its registration."""
        return Cited().add(self.registered)


def listed() -> list[Listed]:
    """Every model that was ever registered, by name; of two with the same weights, the last."""
    rows = Event.objects.filter(type=REGISTERED, detail__isnull=False).order_by("id")
    found: dict[str, Listed] = {}
    for detail in rows.values_list("detail", flat=True):
        said = orjson.loads(bytes(detail or b"{}"))
        if digest := str(said.get("digest", "")):
            found[digest] = Listed(digest, str(said.get("model", "")))
    return sorted(found.values(), key=lambda one: one.name)


def on_record(reading: Reading) -> list[Model]:
    """Every model with its engine starts, from entries that were each proven; by name."""
    found: dict[str, Model] = {}
    for event in reading.of_types(REGISTERED):
        said = {
            name: str(event.said(name) or "")
            for name in ("digest", "model", "licence", "origin", "base", "method")
        }
        if said["digest"]:
            found[said["digest"]] = Model(
                digest=said["digest"],
                name=said["model"],
                licence=said["licence"],
                origin=said["origin"],
                registered=event,
                base=said["base"],
                method=said["method"] if said["base"] else "",
            )
    for event in reading.of_types(STARTED):
        model = found.get(str(event.said("weights")))
        if model is not None:
            model.starts.append(event)
    return sorted(found.values(), key=lambda one: one.name)


def engine(event: Verified) -> str:
    """Of an engine's start: the engine and its version, where it ran and when."""
    return (
        f"{event.said('engine')} on node {event.said('node')} at {event.said('site')}, "
        f"{event.time:%Y-%m-%d %H:%M} UTC"
    )


def newest(events: Iterable[Verified]) -> Iterator[Verified]:
    """Of each node's starts of a model, the last."""
    last = {(event.said("node"), event.said("weights")): event for event in events}
    yield from sorted(last.values(), key=lambda one: (one.generation, one.index))

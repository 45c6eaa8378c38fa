"""What the hot path knows of the database: one frozen value, replaced when something changed.

A thread asks every 250 ms whether `Revision` moved, and then reads keys, applications, policy,
sites, nodes and placements in one transaction. A snapshot that could not be confirmed for
3 s is stale and nothing runs on it: a revoked key or a retired policy lives no longer.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from django.db import connection

from compliance.audit import retention
from compliance.models import APIKey, Revision
from compliance.models import Application as ApplicationRow
from compliance.policy.rules import Policy
from compliance.versions import load
from compliance.versions.chain import Standing
from compliance.versions.load import PolicyUnsound
from compliance.vocabulary import Application, Category, Place, Serving
from inference.models import AdapterGrant, Model, Node, Placement
from inference.registry import queue
from inference.routing import Berth, RoutingTable, ServedModel
from inference.serving import servings

log = structlog.get_logger(__name__)

POLL_INTERVAL = 0.25  # seconds
STALE_AFTER = 3.0  # seconds without confirmation
STOP_TIMEOUT = 10.0  # seconds
READ_ATTEMPTS = 5
_UNSERVED = Serving()
_CATEGORIES = frozenset(Category)


class SnapshotStale(Exception):
    """The configuration could not be confirmed in time. The message says why."""


class SnapshotUnusable(Exception):
    """What is stored cannot be run on: there is no sound active policy."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """An API key. `expires` is in seconds since the Unix epoch."""

    prefix: str
    digest: str  # SHA-256 of the whole key, lower-case hex
    application: str
    expires: float | None
    revoked: bool
    active: bool  # the application's


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """An enrolled node, and the digests of the models that it may serve now, by name."""

    site: str
    public_key: bytes  # Ed25519, 32 bytes
    models: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of one revision. `taken` is monotonic, in seconds."""

    revision: int
    taken: float
    keys: Mapping[str, KeyRecord]  # by prefix
    applications: Mapping[str, Application]  # by id
    policy: Policy
    routes: RoutingTable
    granted: Mapping[str, frozenset[str]]  # by application's id; the adapters that it may use
    nodes: Mapping[str, NodeRecord]  # by name; those that may work: their receipts count
    enrolled: Mapping[str, NodeRecord]  # by name; all: a refusal may come from any
    served: Mapping[str, Serving]  # by name of the model
    registered: frozenset[str]  # names of all models and adapters, served or not
    standing: Standing  # which versions of the policy count, and since when

    def models(self, application: str) -> Mapping[str, ServedModel]:
        """The models that an application may ask for, by name; no adapter unless granted."""
        granted = self.granted.get(application, frozenset())
        models = self.routes.models
        return {
            name: model
            for name, model in models.items()
            if not model.adapter or name in granted
        }

    def serving(self, model: str) -> Serving:
        """What a policy may know of a model and of the sites that serve it."""
        return self.served.get(model, _UNSERVED)


class SnapshotKeeper:
    """Keeps the snapshot of one process fresh.

    `processes` is the number of web processes, among which the bounds of queues are divided.
    In the folder `data` it keeps what it has seen of the policy, which must not go back.
    The snapshot is replaced by the keeper's thread and read by any.
    """

    def __init__(self, processes: int = 1, data: Path | None = None) -> None:
        self._processes = processes
        self._data = data
        self._snapshot: Snapshot | None = None
        self._confirmed = float("-inf")
        self._known: tuple[Snapshot, int] | None = None
        self._problem = "The configuration has not been read yet."
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="snapshot", daemon=True)

    def start(self) -> None:
        """Read once and go on reading. A failure shows in `current`, not here."""
        self._refresh()
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close its connection."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT)

    def current(self) -> Snapshot:
        """The confirmed snapshot, to be kept for a whole request; raises `SnapshotStale`."""
        snapshot = self._snapshot
        if snapshot is None or time.monotonic() - self._confirmed > STALE_AFTER:
            raise SnapshotStale(self._problem)
        return snapshot

    def known(self) -> tuple[Snapshot, int] | None:
        """The newest snapshot, and when it was confirmed (microseconds since the Unix epoch).

        Of two processes' snapshots the one confirmed later is the newer one.
        """
        return self._known

    def _keep(self) -> None:
        try:
            while not self._stop.wait(POLL_INTERVAL):
                self._refresh()
        finally:
            connection.close()

    def _refresh(self) -> None:
        asked, moment = time.monotonic(), time.time_ns() // 1000
        try:
            fresh = self._snapshot = _fresh(self._snapshot, self._processes, self._data)
        except Exception as error:  # noqa: BLE001 - whatever fails, the snapshot grows stale
            problem = f"The configuration cannot be confirmed: {_words(error)}"
            if problem != self._problem:
                log.warning("snapshot_unconfirmed", problem=problem)
            self._problem = problem
            connection.close()
            return
        self._confirmed = asked
        self._known = (fresh, moment)
        self._problem = "The configuration has not been confirmed for some seconds."


def _words(error: Exception) -> str:
    if isinstance(error, SnapshotUnusable):
        return str(error)
    return f"the database does not answer ({type(error).__name__})."


def _fresh(known: Snapshot | None, processes: int, data: Path | None) -> Snapshot:
    """`known` if nothing changed since and no version's time has come, else what is stored.

    Read without a transaction, which on SQLite would wait for whoever writes: the revision
    is read again afterwards instead, and everything once more if it moved.
    """
    revision = _revision()
    if known is not None and known.revision == revision and not _due(known.standing):
        return known
    for _ in range(READ_ATTEMPTS):
        fresh = _stored(revision, processes, data)
        seen, revision = revision, _revision()
        if seen == revision:
            return fresh
    raise SnapshotUnusable("the configuration changes faster than it can be read.")


def _revision() -> int:
    return Revision.objects.values_list("number", flat=True).first() or 0


def _due(standing: Standing) -> bool:
    change = standing.next_change_us
    return change is not None and time.time_ns() // 1000 >= change


def _stored(revision: int, processes: int, data: Path | None) -> Snapshot:
    policy, standing = _policy(data)
    rows = _placements()
    enrolled, working = _nodes(rows)
    return Snapshot(
        revision=revision,
        taken=time.monotonic(),
        keys=_keys(),
        applications=_applications(policy),
        policy=policy,
        routes=_routes(rows, processes),
        granted=_granted(),
        nodes=working,
        enrolled=enrolled,
        served=servings(rows),
        registered=frozenset(Model.objects.values_list("name", flat=True)),
        standing=standing,
    )


def _keys() -> dict[str, KeyRecord]:
    rows = APIKey.objects.select_related("application")
    return {
        row.prefix: KeyRecord(
            prefix=row.prefix,
            digest=row.digest,
            application=str(row.application_id),
            expires=None if row.expires is None else row.expires.timestamp(),
            revoked=row.revoked is not None,
            active=row.application.active,
        )
        for row in rows
    }


def _applications(policy: Policy) -> dict[str, Application]:
    bounds = retention.Bounds(policy.retention.content_days, policy.retention.details_days)
    return {
        str(row.id): Application(
            id=str(row.id),
            name=row.name,
            purpose=row.purpose,
            legal_basis=row.legal_basis,
            ropa_reference=row.ropa_reference,
            label_key=bytes(row.label_key),
            requests_per_minute=row.requests_per_minute,
            tokens_per_minute=row.tokens_per_minute,
            concurrent_requests=row.concurrent_requests,
            content_days=retention.content_days(row, bounds),
            owner=row.owner,
            declared=frozenset(_CATEGORIES.intersection(row.data_categories)),
            subject_countries=frozenset(row.subject_countries),
            high_risk=row.high_risk,
        )
        for row in ApplicationRow.objects.all()
    }


def _policy(data: Path | None) -> tuple[Policy, Standing]:
    """The version that people signed for, and how it came to count."""
    try:
        standing = load.sound(data, keep=data is not None)
    except PolicyUnsound as error:
        raise SnapshotUnusable(str(error)) from error
    assert standing.active is not None  # noqa: S101 - `sound` says so
    return standing.active.policy, standing


def _placements() -> list[Placement]:
    """Those that may get requests: see `Placement.serving`.

    An adapter is served only where its base is, whose engine answers with it.
    """
    rows = Placement.serving().order_by("deployment__model__name", "node__site__name")
    found = list(rows)
    there = {(row.model.pk, row.node_id) for row in found}
    return [
        row
        for row in found
        if row.model.kind != Model.Kind.ADAPTER or (row.model.base_id, row.node_id) in there
    ]


def models_of(node: str) -> Mapping[str, str]:
    """What the list in force will say of a node: its models' digests (hex), by name."""
    _enrolled, working = _nodes(_placements())
    return working[node].models if node in working else {}


def _granted() -> dict[str, frozenset[str]]:
    """The adapters that each application may use, by its id."""
    granted: defaultdict[str, set[str]] = defaultdict(set)
    for grant in AdapterGrant.objects.filter(active=True).select_related("adapter"):
        granted[str(grant.application_id)].add(grant.adapter.name)
    return {application: frozenset(names) for application, names in granted.items()}


def _routes(rows: Iterable[Placement], processes: int) -> RoutingTable:
    models: dict[str, ServedModel] = {}
    places: dict[tuple[str, str], tuple[Place, set[str], int]] = {}
    for row in rows:
        model, site = row.model, row.node.site
        base = model.base if model.kind == Model.Kind.ADAPTER else None
        models[model.name] = ServedModel(
            name=model.name,
            context_length=(base or model).context_length,
            created=int(model.created.timestamp()),
            publisher=model.origin,
            task=(base or model).task,
            adapter=base is not None,
        )
        place = Place(
            site=site.name,
            country=site.country,
            site_key=bytes(site.public_key),
            model=model.name,
            model_digest=model.digest,
            licence=model.licence,
            queue=queue(site.name, model.name),
            base=base.name if base else "",
        )
        _, nodes, limit = places.get((model.name, site.name), (place, set(), 0))
        places[model.name, site.name] = (
            place,
            nodes | {row.node.name},
            limit + row.deployment.queue_limit,
        )
    berths: dict[str, tuple[Berth, ...]] = {}
    for (name, _), (place, nodes, limit) in places.items():
        share = max(1, limit // processes) if limit else 0
        berths[name] = (*berths.get(name, ()), Berth(place, frozenset(nodes), share))
    return RoutingTable(models=models, berths=berths, processes=processes)


def _nodes(
    placements: Iterable[Placement],
) -> tuple[dict[str, NodeRecord], dict[str, NodeRecord]]:
    """All that are enrolled, and those of them that may work."""
    models: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in placements:
        models[row.node.name][row.model.name] = row.model.digest
    enrolled, working = {}, {}
    for node in Node.objects.select_related("site"):
        record = NodeRecord(node.site.name, bytes(node.public_key), models[node.name])
        enrolled[node.name] = record
        if node.active and node.closed is None and node.site.active:
            working[node.name] = record
    return enrolled, working

"""Says which sites serve which models, and with how many nodes; `placing` says with which.

Each change is a person's, and the nodes that follow from it are in the same transaction, each
with its event. Nothing is placed anew because a node falls silent or files arrive.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models

from compliance.audit import journal
from compliance.models import Site
from compliance.vocabulary import Event
from inference import lately, placing
from inference.models import Deployment, Model, Node, Placement
from inference.placing import Machine, Placed, Said, Wanted
from inference.room import Need, needed


class Foreman:
    """Places the models of one site. Made before the transaction, for it asks the broker.

    `actor` is a person's name, or the process that acts; `source` the journal. What it does
    belongs into `changes.recorded()`, and locks the site until that ends: call `lock` where
    something else is changed before.
    """

    def __init__(
        self, site: Site, actor: str, source: str, said: Mapping[str, Said] | None = None
    ) -> None:
        self.site, self._actor, self._source = site, actor, source
        self._said = lately.said(site.nodes.all()) if said is None else said

    def deploy(self, model: Model, replicas: int | None = None) -> Deployment:
        """Let the site serve `model` with so many nodes: as many as before, or one."""
        made = self._deployment(model, replicas)
        self.again(made)
        return made

    def pin(self, model: Model, node: Node, replicas: int | None = None) -> bool:
        """Let `node` serve `model`, whatever lies there; false where it was pinned there.

        Where a person keeps the node from it, it is kept from it still, and that is false too.
        A replica that is missing goes there, or one more than there were: without `replicas`
        no other node loses it. With fewer than there are, others lose theirs, pinned or not.
        """
        made = self._deployment(model, replicas)
        known = made.placements.filter(node=node).first()
        if known is not None and (known.pinned or not known.active):
            self.again(made, known)
            return False
        if known is None:
            if replicas is None:
                held = made.placements.filter(active=True).count()
                self._replicas(made, max(made.replicas, held + 1))
            known = self._place(made, node, pinned=True)
        else:
            Placement.objects.filter(pk=known.pk).update(pinned=True)
            self._record("placement.pinned", known)
        self.again(made, known)
        return True

    def change(self, deployment: Deployment, replicas: int) -> bool:
        """Place it with so many nodes; false where another removed it meanwhile."""
        self.lock()
        if not Deployment.objects.filter(pk=deployment.pk).exists():
            return False
        self.deploy(deployment.model, replicas)
        return True

    def remove(self, deployment: Deployment) -> bool:
        """Let the site serve its model no more; false where another removed it meanwhile."""
        self.lock()
        if not Deployment.objects.filter(pk=deployment.pk).exists():
            return False
        placements = list(deployment.placements.select_related("node"))
        deployment.placements.all().delete()
        Deployment.objects.filter(pk=deployment.pk).delete()
        detail = {"nodes": [one.node.name for one in placements]}
        self._record("deployment.removed", deployment, detail, placements)
        self.again()
        return True

    def again(self, asked: Deployment | None = None, named: Placement | None = None) -> None:
        """Place everything at the site anew; what is still right stays, and `named` first.

        Where nothing is known of any node, as while the broker is away, only what was `asked`
        for is placed: the rest would go to nodes that had said that they lack it.
        """
        self.lock()
        for deployment in in_order(self.site):
            if not self._said and deployment != asked:
                continue
            yard = Yard(self.site, self._said, named)
            wanted, held = yard.wanted(deployment), yard.placed(deployment)
            plan = placing.plan(wanted, held, yard.machines(deployment))
            for one in deployment.placements.filter(node__name__in=plan.drop, active=True):
                Placement.objects.filter(pk=one.pk).delete()
                self._record("placement.removed", one)
            for node in Node.objects.filter(name__in=plan.add):
                self._place(deployment, node)

    def lock(self) -> None:
        """Hold the site until the transaction ends; before anything in it is changed.

        Each change waits for the one before it (`compliance_revision`): who changes something
        first, and then waits for the site, may wait for who holds the site and waits for that.
        """
        Site.objects.select_for_update(no_key=True).get(pk=self.site.pk)

    def _deployment(self, model: Model, replicas: int | None) -> Deployment:
        self.lock()
        first = {"replicas": replicas or 1}
        made, fresh = Deployment.objects.get_or_create(
            model=model, site=self.site, defaults=first
        )
        if fresh:
            self._record("deployment.created", made, first)
        elif replicas is not None:
            self._replicas(made, replicas)
        return made

    def _replicas(self, deployment: Deployment, replicas: int) -> None:
        before = deployment.replicas
        if before != replicas:
            deployment.replicas = replicas
            deployment.save(update_fields=["replicas"])
            changes = {"replicas": {"from": before, "to": replicas}}
            self._record("deployment.changed", deployment, {"changes": changes})

    def _place(self, deployment: Deployment, node: Node, *, pinned: bool = False) -> Placement:
        made = Placement.objects.create(deployment=deployment, node=node, pinned=pinned)
        self._record("placement.created", made, {"pinned": pinned})
        return made

    def _record(
        self,
        kind: str,
        one: Deployment | Placement,
        detail: Mapping[str, Any] | None = None,
        beside: Iterable[models.Model] = (),
    ) -> None:
        said = {"actor": self._actor, "model": one.model.name, "site": self.site.name}
        if isinstance(one, Placement):
            said["node"] = one.node.name
        event = Event(kind, time.time_ns() // 1000, {**said, **(detail or {})})
        journal.record(self._source, [event], [one, *beside])


class Yard:
    """What is placed at a site now, as `placing` wants to know it."""

    def __init__(
        self, site: Site, said: Mapping[str, Said], named: Placement | None = None
    ) -> None:
        self._site, self._said, self._named = site, said, named
        self._nodes = list(Node.objects.filter(site=site))
        rows = Placement.objects.filter(deployment__site=site)
        self._rows = list(rows.select_related("deployment__model__base", "node"))

    def wanted(self, deployment: Deployment) -> Wanted:
        """The deployment."""
        model, among = deployment.model, None
        if model.kind == Model.Kind.ADAPTER:
            among = frozenset(
                row.node.name
                for row in self._rows
                if row.active and row.model.pk == model.base_id
            )
        return Wanted(
            digest=model.digest,
            engine=model.engine,
            replicas=deployment.replicas,
            need=_need(model),
            among=among,
        )

    def placed(self, deployment: Deployment) -> list[Placed]:
        """The nodes that serve it."""
        return [
            Placed(
                node=row.node.name,
                pinned=row.pinned,
                active=row.active,
                named=row == self._named,
            )
            for row in self._rows
            if row.deployment_id == deployment.pk
        ]

    def machines(self, deployment: Deployment) -> list[Machine]:
        """The nodes of the site, with what they serve beside the deployment.

        What is deactivated takes no room: nodes end the engines of it.
        """
        return [
            Machine(
                name=node.name,
                open=node.active and node.closed is None,
                said=self._said.get(node.name),
                serves={
                    row.model.name: _need(row.model)
                    for row in self._rows
                    if row.active
                    and row.deployment.active
                    and row.node_id == node.pk
                    and row.deployment_id != deployment.pk
                },
            )
            for node in self._nodes
        ]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a deployment stands, in `words`; `whole`: all replicas are placed and can serve."""

    words: str
    whole: bool


def standing(deployment: Deployment, said: Mapping[str, Said]) -> Standing:
    """How many of its replicas are placed, and why not all, or which of them serves nothing."""
    yard = Yard(deployment.site, said)
    wanted, held = yard.wanted(deployment), yard.placed(deployment)
    machines = yard.machines(deployment)
    count = sum(one.active for one in held)
    words = f"{count} of {wanted.replicas} replica{'s' * (wanted.replicas != 1)} placed"
    if lacks := count < wanted.replicas:
        reason = placing.lacking(wanted, held, machines, deployment.site.name)
        if not reason:
            free = ", ".join(placing.plan(wanted, held, machines).add)
            reason = f"{free} can take what is missing: deploy it again"
        words += f": {reason}"
    idle = placing.idle(wanted, held, machines)
    words += "".join(f"; {name} {why}" for name, why in idle.items())
    return Standing(f"{words}.", whole=not lacks and not idle)


def in_order(site: Site) -> list[Deployment]:
    """What a site is to serve: bases before their adapters, then by name."""
    rows = site.deployments.select_related("model__base", "site")
    return sorted(rows, key=lambda row: (row.model.kind != Model.Kind.MODEL, row.model.name))


def _need(model: Model) -> Need:
    if model.kind == Model.Kind.ADAPTER:
        return Need()
    options = json.loads(model.manifest).get("options", {}) if model.manifest else {}
    return needed(model.engine, model.size, options)

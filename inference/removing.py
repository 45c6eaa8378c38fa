"""Takes a model out of the registry. What the record says of it stays."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from compliance.audit import journal
from compliance.audit.changes import recorded
from compliance.vocabulary import Event
from inference.models import AdapterGrant, Model, Placement
from inference.registry import CATALOGUE
from inference.registry.intake import IMPORTING
from inference.registry.names import folder_name


class Needed(Exception):
    """The model is served, or others were made from it. The message says by what."""


def remove(model: Model, models: Path, actor: str) -> None:
    """Remove the row, its deployments and grants, all switched off, and its files in `models`.

    Raises `Needed`. The files go last: who is killed before leaves a folder that is no model.
    """
    if model.name in CATALOGUE:
        raise Needed(
            f"{model} came with the appliance, which would register it again. Deactivate its "
            "deployments in the console, or accept its licence no more."
        )
    with recorded():
        row = Model.objects.select_for_update().get(pk=model.pk)
        deployments = list(row.deployments.select_related("site"))
        placements = list(Placement.objects.filter(deployment__model=row))
        if serving := [one.site.name for one in deployments if one.active]:
            raise Needed(
                f"{row} is deployed at {', '.join(serving)}; remove or deactivate its "
                "deployments first: `models undeploy`, or in the console."
            )
        if derived := list(row.derived.values_list("name", flat=True)):
            raise Needed(f"{row} is the base of {', '.join(derived)}; remove those first.")
        grants = list(AdapterGrant.objects.filter(adapter=row).select_related("application"))
        if granted := [str(one.application) for one in grants if one.active]:
            raise Needed(
                f"{', '.join(granted)} may use {row}; deactivate these permissions in the "
                "console first."
            )
        AdapterGrant.objects.filter(adapter=row).delete()
        Placement.objects.filter(deployment__model=row).delete()
        row.deployments.all().delete()
        Model.objects.filter(pk=row.pk).delete()
        detail = {"actor": actor, "model": row.name, "digest": row.digest}
        event = Event("model.removed", time.time_ns() // 1000, detail)
        journal.record("command", [event], [row, *placements, *deployments, *grants])
    folder = models / folder_name(row.name)
    if row.manifest and folder.is_dir():
        away = models / IMPORTING / f"{folder.name}~removed"
        away.parent.mkdir(mode=0o750, exist_ok=True)
        shutil.rmtree(away, ignore_errors=True)
        folder.rename(away)
        shutil.rmtree(away)

"""`manage.py models undeploy`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper

from compliance.audit.changes import recorded
from compliance.management.person import actor
from inference.deploying import Foreman
from inference.management.registry import house
from inference.models import Deployment

HELP = "let a site serve a model no more"


def add_arguments(parser: ArgumentParser) -> None:
    """Which, and where."""
    parser.add_argument("name")
    parser.add_argument("--site", default="", help="Default: this machine's site.")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> None:
    """Remove the deployment with its placements; the model stays registered."""
    row = house.registered(options["name"])
    site = house.site(options["site"] or settings.DOMICILE.site)
    made = Deployment.objects.filter(model=row, site=site).first()
    if made is None:
        there = ", ".join(row.deployments.values_list("site__name", flat=True)) or "no site"
        raise CommandError(f"{row} is not deployed at {site.name}; it is at {there}.")
    foreman = Foreman(site, actor(), "command")
    with recorded():
        found = foreman.remove(made)
    if not found:
        raise CommandError(f"{made} was removed meanwhile; nothing was changed.")
    out.write(f"{site.name} serves {row} no more; its nodes finish what runs.")

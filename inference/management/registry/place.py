"""`manage.py models place`: needs no database, so it runs on a node."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from inference.management.registry import house
from inference.management.registry.progress import Shown
from inference.registry import bundle
from inference.registry.intake import Intake
from inference.registry.refused import ImportRefused

HELP = "put a model from a bundle of this appliance's gateway where a worker finds it"


def add_arguments(parser: ArgumentParser) -> None:
    """Which."""
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--progress", action="store_true", help="Say how far it is.")


def handle(options: Mapping[str, Any], out: OutputWrapper) -> None:
    """Check each byte on its way; what lay under the name is replaced."""
    progress = Shown(out) if options["progress"] else lambda *_: None
    try:
        with bundle.opened(options["bundle"], house.gateways()) as opened:
            intake = Intake(house.models(), opened.manifest.name)
            with intake.held():
                opened.take(intake, progress)
                intake.seal(opened.content, opened.signature)
                intake.publish()
                intake.forget()
    except ImportRefused as error:
        raise CommandError(str(error)) from error
    out.write(
        f"{opened.manifest.name} lies in {intake.final}. The node serves it within seconds "
        "once it is deployed there and its licence accepted."
    )

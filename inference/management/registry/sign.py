"""`manage.py models sign`: after the gateway's key was replaced."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from inference.management.registry import house
from inference.models import Model
from inference.registry import manifest
from inference.registry.manifest import MANIFEST, SIGNATURE

HELP = "sign the manifests of all models with the gateway's key of now"


def add_arguments(_parser: ArgumentParser) -> None:
    """None."""


def handle(_options: Mapping[str, Any], out: OutputWrapper) -> None:
    """Only what is registered, byte for byte, is signed."""
    key = house.house().key
    for row in Model.objects.exclude(manifest=""):
        folder = house.folder(row.name)
        content = (folder / MANIFEST).read_bytes()
        if manifest.identity(content) != row.digest:
            raise CommandError(
                f"{folder / MANIFEST} is not the manifest of {row.name} as registered; it is "
                "not signed. Restore the folder from your backup."
            )
        scratch = folder.with_name(f".{folder.name}.{SIGNATURE}")
        scratch.write_text(manifest.sign(content, key))
        scratch.replace(folder / SIGNATURE)
        out.write(f"{row.name}: signed. Bring {SIGNATURE} to the nodes that serve it.")

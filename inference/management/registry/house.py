"""Where this appliance's models lie, with what key they are signed, and whose they are."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.management.base import CommandError

from compliance.audit.keys import read_key
from compliance.management.person import actor
from compliance.models import Site
from inference.admission import public_keys
from inference.importing import House
from inference.models import Model
from inference.registry.intake import Progress
from inference.registry.names import folder_name


def models() -> Path:
    """The folder of models."""
    return Path(settings.DOMICILE.data) / "models"


def house(progress: Progress = lambda *_: None) -> House:
    """For an import; raises `KeyUnusable` where this machine is no gateway."""
    key = Ed25519PrivateKey.from_private_bytes(
        read_key(Path(settings.DOMICILE.data) / "keys" / "gateway.ed25519")
    )
    return House(models(), key, actor(), progress)


def gateways() -> list[bytes]:
    """Public keys of the gateway that this machine believes; raises `KeyUnusable`."""
    return public_keys(Path(settings.DOMICILE.data) / "keys" / "gateway.pub")


def registered(name: str) -> Model:
    """The model of this name; raises `CommandError`."""
    found = Model.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Model.objects.values_list("name", flat=True)) or "none"
        raise CommandError(f"No model {name!r} is registered; there is {known}.")
    return found


def site(name: str) -> Site:
    """The site of this name; raises `CommandError`."""
    found = Site.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Site.objects.values_list("name", flat=True)) or "none"
        raise CommandError(f"No site {name!r} is registered; there is {known}.")
    return found


def folder(name: str) -> Path:
    """Where an imported model lies; raises `CommandError`."""
    try:
        found = models() / folder_name(name)
    except ValueError as error:
        raise CommandError(str(error)) from error
    if not found.is_dir():
        raise CommandError(
            f"{found} does not exist: {name} came with the appliance, or lies elsewhere."
        )
    return found

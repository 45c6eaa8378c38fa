"""`manage.py keys list | rotate NAME`."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

import django.db
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from appliance.keyring import Key, found, public
from appliance.rotation import RotationRefused, rotate
from appliance.services.folder import FolderRefused, Hold
from compliance.audit import cosignature, ledger, rotation, second_key
from compliance.audit.checkpoint import CheckpointInvalid, origin_of
from compliance.audit.copies import Places
from compliance.audit.files import CHECKPOINT, folder_of
from compliance.audit.keys import KeyUnusable, read_key
from compliance.audit.ledger import Held
from compliance.audit.notary import Notary, NotaryRefuses
from compliance.audit.ring import NAME, ring_of
from compliance.audit.witness import KEY_FILE, name_of
from compliance.management import rights
from compliance.management.person import actor

PATIENCE = 30.0  # seconds that the notary has to sign with both keys
UNFINISHED = (
    "The rotation is on the record and completes itself with the notary, which has not signed "
    "yet: see manage.py doctor. Run this again to wait for it; it begins no second one."
)


class Command(BaseCommand):
    """Lists the keys without showing any; makes a new one in place of an old one."""

    help = "List the appliance's keys, or rotate one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do."""
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser(
            "list", help="Where each lies, who reads it, its fingerprint; no key is shown."
        )
        rotating = actions.add_parser(
            "rotate",
            help="Make a new key; the appliance is stopped, but for the log's.",
            description="Make a new key in the place of one. Stop the appliance first; the "
            "log's own key is rotated while it runs.",
            epilog="Examples: manage.py keys rotate gateway.ed25519; "
            "manage.py keys rotate log --reason 'Once a year.'",
        )
        rotating.add_argument(
            "name", help="As `keys list` shows it, such as gateway.ed25519; or log."
        )
        rotating.add_argument(
            "--reason",
            default="",
            help="Why the log's key is rotated; must be given for it, and goes into the log.",
        )
        rotating.add_argument(
            "--pkcs11",
            action="store_true",
            help="Make the log's new key on the token that DOMICILE_PKCS11_TOKEN names.",
        )

    def handle(self, *_arguments: Any, **options: Any) -> None:
        """Do it."""
        if options["action"] == "list":
            self._list()
            return
        if options["name"] in ("log", NAME):
            self._rotate_log(options["reason"].strip(), token=options["pkcs11"])
            return
        try:
            hold = Hold(settings.DOMICILE.data)
            old, new = rotate(settings.DOMICILE.data, options["name"])
        except (RotationRefused, FolderRefused) as error:
            raise CommandError(str(error)) from error
        except django.db.Error as error:
            raise CommandError(rights.refused("keys rotate", error)) from error
        hold.release()
        self.stdout.write(f"{options['name']}: {old} is now {new}. Back up the folder keys.")

    def _rotate_log(self, reason: str, *, token: bool) -> None:
        """Record the rotation, and see it done: by the notary that leads, or here."""
        if not reason:
            raise CommandError("Say why with --reason: it goes into the log.")
        domicile = settings.DOMICILE
        ring, places = ring_of(domicile), Places(domicile.data / "log", domicile.checkpoints)
        try:
            held = ledger.current()
            _insist_on_the_log(places, held)
            origin = origin_of(domicile.organisation, held.number)
            one = rotation.begin(
                ring, places, origin, actor=actor(), reason=reason, on_token=token
            )

            def integrate() -> None:
                second = second_key.at(ring.folder)
                notary = Notary(places.log, ring, origin, places.outside, second=second)
                while notary.integrate_once():
                    pass

            done = rotation.complete(ring, one, integrate, PATIENCE)
        except (
            rotation.RotationRefused, NotaryRefuses, CheckpointInvalid, KeyUnusable, OSError
        ) as error:  # fmt: skip
            raise CommandError(str(error)) from error
        except django.db.Error as error:
            raise CommandError(rights.refused("keys rotate log", error)) from error
        if not done:
            raise CommandError(UNFINISHED)
        self.stdout.write(
            f"The log's key was {one.before}\nand is {one.after}\n"
            "The old one is destroyed here. Back up the folder keys; destroy older backups of "
            "it; give the new line to whoever checks this log."
        )

    def _list(self) -> None:
        for key in found(settings.DOMICILE.data / "keys"):
            kind = key.kind
            self.stdout.write(
                f"{key.path}\n"
                f"    {kind.purpose}; read by {kind.readers}; "
                f"{'can be rotated' if kind.rotates else 'cannot be rotated'}\n"
                f"    {key.problem or f'fingerprint {key.fingerprint}'}{_verifier_key(key)}\n"
                f"    lost: {kind.loss}\n"
                f"    stolen: {kind.theft}"
            )


def _insist_on_the_log(places: Places, held: Held) -> None:
    """Refuse where the notary is not: it would never see a new key that was made here."""
    folders = [folder_of(places.log, number + 1) for number in range(held.number)]
    signed = [one for one in folders if (one / CHECKPOINT).exists()]
    if held.size and not (signed and os.access(places.log, os.W_OK)):
        raise rotation.RotationRefused(
            f"{places.log} is not the log that the notary writes, so the notary would not see "
            f"a new key that is made here. {rights.run_as('keys rotate log')}"
        )


def _verifier_key(key: Key) -> str:
    """What others take a witness's key as; empty for other keys."""
    if key.problem or key.path.name != KEY_FILE:
        return ""
    shown = public(key.path.name, read_key(key.path)) or b""
    name = name_of(settings.DOMICILE.organisation)
    return f"\n    verifier key {cosignature.verifier_key(name, shown)}"

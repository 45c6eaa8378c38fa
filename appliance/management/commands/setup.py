"""`manage.py setup`: what `up` does before it starts anything."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from appliance.services.folder import FolderRefused, claim, note, now
from appliance.setup import SetUpRefused, set_up
from appliance.welcome import write_welcome


class Command(BaseCommand):
    """For containers, where something else starts the processes."""

    help = "Create tables, keys, site, node, model, policy and administrator; can be repeated."
    requires_system_checks: list[str] = []

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        """Set up; the credentials are in welcome.json of the data folder afterwards."""
        environment = settings.DOMICILE
        try:
            hold = claim(environment.data, environment.run)
            credentials = set_up(environment, self.stdout.write)
        except (FolderRefused, SetUpRefused) as error:
            raise CommandError(str(error)) from error
        note(environment.data, set_up=now())
        if credentials:
            base = f"http://{environment.host}:{environment.port}"
            write_welcome(environment.data, credentials, base)
        hold.release()
        self.stdout.write(f"{environment.data} is set up.")

"""`manage.py node`: what a node runs; see `appliance.node`."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from appliance.env import BASE


class Command(BaseCommand):
    """Becomes the supervisor, which has neither Django nor a database."""

    help = "On a node: run a worker for each model that the gateway's list gives it."
    requires_system_checks: list[str] = []

    def handle(self, *_arguments: Any, **_given: Any) -> None:
        """The same process goes on as another program, and so without what was loaded here."""
        command = [sys.executable, "-P", "-m", "appliance.node"]
        known = [str(BASE), *filter(None, [os.environ.get("PYTHONPATH")])]
        variables = os.environ | {"PYTHONPATH": os.pathsep.join(known)}
        os.execve(sys.executable, command, variables)  # noqa: S606 - our own, no shell

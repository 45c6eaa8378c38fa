"""`manage.py doctor`: what is wrong, and how to mend it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from appliance.diagnosis import examine

MARKS = {"ok": "  ok     ", "warning": "  careful", "wrong": "  WRONG  "}


class Command(BaseCommand):
    """Changes nothing. Ends with 1 where something is wrong."""

    help = (
        "Say what is wrong with this appliance and how to mend it, and what needs somebody "
        "soon (careful). Changes nothing. Ends with 1 where something is wrong."
    )
    requires_system_checks: list[str] = []

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        """Print every finding."""
        states = []
        for finding in examine(settings.DOMICILE):
            states.append(finding.state)
            self.stdout.write(f"{MARKS[finding.state]}  {finding.name}: {finding.text}")
            if finding.mend:
                self.stdout.write(f"             → {finding.mend}")
        wrong, careful = states.count("wrong"), states.count("warning")
        self.stdout.write(f"{wrong} wrong, {careful} to look at, {states.count('ok')} well.")
        if wrong:
            raise SystemExit(1)

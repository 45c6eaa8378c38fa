"""A web process that waits for a body, and for the rest of a refused one, `SECONDS` only."""

from __future__ import annotations

import os

from django.core.management import execute_from_command_line

from inference.api import body, http

SECONDS = 1.0

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    body.READ_TIMEOUT = http.DISCARD_TIMEOUT = SECONDS
    execute_from_command_line(["manage.py", "web"])

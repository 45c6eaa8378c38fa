"""`manage.py audit`, as somebody types it."""

from __future__ import annotations

import io

from django.core.management import call_command


def audit(*arguments):
    """Exit code and output."""
    out = io.StringIO()
    try:
        call_command("audit", *map(str, arguments), stdout=out, stderr=out)
    except SystemExit as stop:
        return stop.code, out.getvalue()
    return 0, out.getvalue()

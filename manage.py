#!/usr/bin/env python
"""Domicile's command line; `manage.py help` lists the commands."""

import os
import sys


def main() -> int:
    """Run one command; a wrong configuration is a sentence, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    from appliance.env import ConfigurationError  # noqa: PLC0415
    from compliance.audit.keys import KeyUnusable  # noqa: PLC0415

    try:
        from django.core.management import execute_from_command_line  # noqa: PLC0415

        execute_from_command_line(sys.argv)
    except (ConfigurationError, KeyUnusable) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

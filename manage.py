#!/usr/bin/env python
"""Domicile's command line; `manage.py help` lists the commands."""

import os
import select
import signal
import sys


def main() -> int:
    """Run one command; a wrong configuration is a sentence, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
    from appliance.env import ConfigurationError  # noqa: PLC0415
    from compliance.audit.keys import KeyUnusable  # noqa: PLC0415

    try:
        from django.core.management import execute_from_command_line  # noqa: PLC0415

        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        if not _nobody_reads():  # it was another pipe that broke
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is left
        return 128 + signal.SIGPIPE  # as a shell tells it of any program
    except (ConfigurationError, KeyUnusable) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _nobody_reads() -> bool:
    """Whether what this prints goes into a pipe that nobody reads on, as with `| head`."""
    output = select.poll()
    output.register(sys.stdout, 0)
    return any(happened & select.POLLERR for _, happened in output.poll(0))


if __name__ == "__main__":
    sys.exit(main())

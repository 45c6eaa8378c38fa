"""Who runs a command, as the record names that person."""

from __future__ import annotations

import getpass
import os


def actor() -> str:
    """`command (NAME)`; with the user's number where it has no name, as in a container."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):  # what it raises differs with Python's version
        name = f"user {os.getuid()}"
    return f"command ({name})"

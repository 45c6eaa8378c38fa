"""What `manage.py audit` can do, a module each: `HELP`, `add_arguments` and `handle`.

`handle` gives an exit code: `SOUND`, `UNSOUND` or `IMPOSSIBLE`.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any, Protocol

from django.core.management.base import OutputWrapper

SOUND, UNSOUND, IMPOSSIBLE = 0, 1, 2  # exit codes


class Action(Protocol):
    """A module of this package."""

    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What the sub-command takes."""
        ...

    def handle(self, options: Mapping[str, Any], out: OutputWrapper) -> int:
        """Do it; the exit code."""
        ...

"""What `manage.py models` can do, a module each: `HELP`, `add_arguments` and `handle`.

`take` is `import`, which is no name for a module. `house` says where models lie and with what
key they are signed, `progress` how far a long copy is.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any, Protocol

from django.core.management.base import OutputWrapper


class Action(Protocol):
    """A module of this package."""

    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What the sub-command takes."""
        ...

    def handle(self, options: Mapping[str, Any], out: OutputWrapper) -> None:
        """Do it; raises `CommandError` and what `commands.models` tells."""
        ...

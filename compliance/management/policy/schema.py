"""`manage.py policy schema`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import OutputWrapper

from compliance.management.audit import SOUND
from compliance.policy.schema import SCHEMA

HELP = "print the JSON Schema of a policy, for editors"


def add_arguments(_parser: ArgumentParser) -> None:
    """None."""


def handle(_options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Print it."""
    out.write(json.dumps(SCHEMA, indent=1, ensure_ascii=False))
    return SOUND

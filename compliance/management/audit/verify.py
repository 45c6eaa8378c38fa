"""`manage.py audit verify`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import OutputWrapper

from compliance.audit.verify import verify_log
from compliance.management.audit import SOUND, UNSOUND

HELP = "check the whole log and say what is wrong"


def add_arguments(_parser: ArgumentParser) -> None:
    """None."""


def handle(_options: Mapping[str, Any], out: OutputWrapper) -> int:
    """Check the log of this appliance."""
    report = verify_log()
    out.write("\n".join(report.words))
    return SOUND if report.ok else UNSOUND

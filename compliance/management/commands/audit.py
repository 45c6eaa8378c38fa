"""`manage.py audit verify` and `manage.py audit export`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import django.db
from django.conf import settings
from django.core.management.base import BaseCommand

from compliance.audit.keys import KeyUnusable, read_key
from compliance.audit.verify import verify_log
from compliance.evidence.bundle import ExportImpossible, Scope, export

SOUND, UNSOUND, IMPOSSIBLE = 0, 1, 2  # exit codes


class Command(BaseCommand):
    """The record, for a regulator or for whoever wants to be sure."""

    help = (
        "Check the whole log, or export a part of it as evidence. "
        "Exit codes: 0 sound, 1 not sound, 2 could not be done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One sub-command each."""
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("verify", help="check the whole log and say what is wrong")
        out = actions.add_parser("export", help="write evidence that others can verify offline")
        out.add_argument("--from", dest="begin", default="0", help="entry number, or a time")
        out.add_argument("--to", dest="end", default="", help="the entry or time after it")
        out.add_argument("--application", action="append", default=[], help="only its details")
        out.add_argument("path", type=Path, help="the ZIP file to write")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it, and end with the exit code that says how it went."""
        try:
            code = self._verify() if options["action"] == "verify" else self._export(options)
        except (ExportImpossible, KeyUnusable) as error:
            self.stderr.write(str(error))
            code = IMPOSSIBLE
        except django.db.Error as error:
            self.stderr.write(f"The database does not answer: {type(error).__name__}.")
            code = IMPOSSIBLE
        except OSError as error:
            about = error.filename or "The output"
            self.stderr.write(f"{about}: {error.strerror}. Run `manage.py doctor`.")
            code = IMPOSSIBLE
        if code:
            sys.exit(code)

    def _verify(self) -> int:
        report = verify_log()
        self.stdout.write("\n".join(report.words))
        return SOUND if report.ok else UNSOUND

    def _export(self, options: dict[str, Any]) -> int:
        scope = Scope(options["begin"], options["end"], tuple(options["application"]))
        key = read_key(settings.DOMICILE.data / "keys" / "log.ed25519")
        summary = export(scope, options["path"], settings.DOMICILE.data / "log", key)
        self.stdout.write("\n".join(summary.words))
        return SOUND

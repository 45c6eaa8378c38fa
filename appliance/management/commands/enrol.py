"""`manage.py enrol TOKEN`: make this machine a node of an appliance."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from appliance.enrolling import Machine, NotNow, send
from compliance.audit.keys import KeyUnusable
from inference.enrolment import SAID_MAX, EnrolmentRefused, fingerprint, read_token

ASK = 5.0  # seconds between two looks for an approval
HOURS = 24
WAITS = (
    "The machine waits for approval: compare the fingerprints above with those in the console, "
    "and approve it there. Ctrl-C ends the waiting only; run this again to go on."
)
NEAR = ("localhost", "127.0.0.1", "::1")


class Command(BaseCommand):
    """On the machine itself; needs no database."""

    help = "Make this machine a node: its keys, a request with the token, and the answer."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The token, and by which way."""
        parser.add_argument("token", help="As the console showed it.")
        way = parser.add_mutually_exclusive_group(required=True)
        way.add_argument(
            "--appliance",
            metavar="URL",
            help="Ask this appliance and wait for the approval, as in https://ai.example.org; "
            "SSL_CERT_FILE names the certificates of your own authority.",
        )
        way.add_argument(
            "--request",
            metavar="FILE",
            type=Path,
            help="Write the request into FILE, to be brought to the console.",
        )
        way.add_argument(
            "--answer",
            metavar="FILE",
            type=Path,
            help="Take the answer from FILE, as the console gave it.",
        )

    def handle(self, *_arguments: Any, **given: Any) -> None:
        """Go one of the ways."""
        try:
            machine = Machine(settings.DOMICILE, read_token(given["token"]))
            self._show(machine)
            if given["request"] is not None:
                self._write(given["request"], machine.request())
            elif given["answer"] is not None:
                self._take(machine, _read(given["answer"]))
            else:
                self._take(machine, self._asked(given["appliance"], machine))
        except (EnrolmentRefused, KeyUnusable, OSError) as error:
            raise CommandError(str(error)) from error

    def _show(self, machine: Machine) -> None:
        node = machine.node_key.public_key().public_bytes_raw()
        site = machine.site_key.public_key().public_bytes_raw()
        self.stdout.write(f"node's key:  {fingerprint(node)}")
        self.stdout.write(f"site's key:  {fingerprint(site)}")

    def _write(self, path: Path, request: bytes) -> None:
        path.write_bytes(request)
        self.stdout.write(
            f"The request is in {path}. Bring it to the console (Enrolments, Bring a request), "
            "compare the fingerprints above, approve it, and bring the answer back here."
        )

    def _asked(self, url: str, machine: Machine) -> bytes:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in NEAR):
            raise CommandError("Give the appliance's address with https://.")
        request, until = machine.request(), time.monotonic() + HOURS * 3600
        heard, told = False, set[str]()
        while True:
            try:
                if (answer := send(url, request)) is not None:
                    return answer
                heard, words = True, WAITS
            except NotNow as busy:
                heard, words = True, f"{busy} This machine goes on asking."
            except OSError as error:
                if not heard:  # the address may be wrong
                    raise
                words = f"The appliance does not answer ({error}). This machine goes on asking."
            if words not in told:
                self.stdout.write(words)
            told.add(words)
            if time.monotonic() > until:
                raise CommandError(f"Nobody approved it in {HOURS} hours.")
            time.sleep(ASK)

    def _take(self, machine: Machine, said: bytes) -> None:
        answer = machine.take(said)
        self.stdout.write(
            f"This machine is the node {answer.node} of the site {answer.site}. Start its "
            f"worker with DOMICILE_SITE={answer.site} and DOMICILE_NODE={answer.node}."
        )


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(SAID_MAX + 1)

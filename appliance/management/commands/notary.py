"""`manage.py notary`: puts recorded events into the log and signs checkpoints."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from appliance.calling import Calls
from appliance.configured import values
from appliance.disk import DiskFloor
from appliance.services.programs import NOTARY_REFUSED, PASSAGES
from compliance.audit import rotation, second_key
from compliance.audit.asker import Asker
from compliance.audit.checkpoint import Checkpoint, CheckpointInvalid, origin_of, parse
from compliance.audit.configuration import loaded
from compliance.audit.copies import Places
from compliance.audit.keys import KeyUnusable
from compliance.audit.notary import Notary, NotaryRefuses
from compliance.audit.ring import FileRing, public_of, ring_of
from compliance.audit.token import TokenAway
from compliance.audit.watch import Watch
from compliance.models import LogHead
from compliance.versions.watching import PolicyWatch

BESIDE = 2.0  # seconds that a call to a witness or an authority gets to end


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT; a second one stands by until the first has gone."""

    help = (
        "Put recorded events into the log and sign checkpoints. "
        "Ends with code 3 where database, tiles and checkpoint disagree."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Run the notary in this process."""
        stop = threading.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: stop.set())
        try:
            notary(stop)
        except (NotaryRefuses, KeyUnusable, TokenAway) as error:
            self.stderr.write(f"The notary signs nothing. {error}")
            sys.exit(NOTARY_REFUSED)


def notary(stop: threading.Event) -> None:
    """Run the notary of this appliance's log until `stop`."""
    domicile = settings.DOMICILE
    origin = origin_of(domicile.organisation, LogHead.objects.get(id=1).generation)
    ring = ring_of(domicile)
    ring.insist()
    floor = DiskFloor(domicile.data, domicile.disk_floor)
    watch = Watch(
        disk=lambda: (floor.free(), floor.floor),
        first=lambda: loaded("notary", "notary", values(domicile)),
        also=[PolicyWatch(domicile.data).look],
    )
    second = second_key.at(ring.folder)
    leads = Notary(
        domicile.data / "log", ring, origin, domicile.checkpoints, watch, second=second
    )
    over = threading.Event()
    threads = [
        threading.Thread(target=run, args=(over,), name=name, daemon=True)
        for name, run in beside(ring, leads)
    ]
    for one in threads:
        one.start()
    try:
        leads.run(stop)
    finally:
        over.set()
        for one in threads:
            one.join(BESIDE)


def beside(
    ring: FileRing, leads: Notary
) -> Iterator[tuple[str, Callable[[threading.Event], None]]]:
    """What runs beside the notary: names of threads, and what they do until they are told."""
    domicile = settings.DOMICILE
    log = domicile.data / "log"
    given = os.environ.get(PASSAGES)
    passages = Path(given) if given else None
    key = public_of(ring.current())  # any of the log's keys tells which are its own

    def mine(note: bytes) -> Checkpoint:
        places = Places(log, domicile.checkpoints)
        keys = rotation.chain(places, parse(note).origin, key)
        return keys.verify(note)

    asker = Asker(
        log,
        mine,
        Calls(domicile.witnesses, passages),
        domicile.witness_interval,
        domicile.checkpoints,
        leads.halt,
    )
    yield "witnesses", asker.run
    if domicile.tsa:
        # 10 MB of parsers that most installations need not.
        from compliance.audit.stamper import Stamper  # noqa: PLC0415

        call = Calls((), passages, only=(domicile.tsa,), kind="application/timestamp-query")
        certificates = Path(domicile.tsa_certificate)

        def current(note: bytes) -> Checkpoint:
            """As `mine`, of this generation: an older one's would stand for other entries."""
            state = mine(note)
            origin = origin_of(domicile.organisation, LogHead.objects.get(id=1).generation)
            if state.origin != origin:
                raise CheckpointInvalid(
                    f"The checkpoint is of the log {state.origin}, not of {origin}."
                )
            return state

        yield "time stamps", Stamper(log, current, call, domicile.tsa, certificates).run

"""`manage.py web`: one web process, the data plane and the console."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import time
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from appliance.front import Front
from appliance.services.programs import LISTENING

TRUSTED = "FORWARDED_ALLOW_IPS"
"""Whose word on callers' addresses uvicorn takes: the entrance's address, or several."""
LAST_BYTES = 2  # seconds for what the sockets still hold once every request has ended


class Server(uvicorn.Server):
    """Told to end, it refuses new requests and lets running ones finish, before it closes.

    uvicorn by itself closes first, cancels what still runs, and only then tells the
    application.
    """

    def __init__(self, config: uvicorn.Config, front: Front, drain: float) -> None:
        super().__init__(config)
        self._front = front
        self._drain = drain  # seconds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then close; a second Ctrl-C cuts the draining short."""
        by = time.monotonic() + self._drain
        draining = asyncio.create_task(self._front.drain(), name="drain")
        while not (draining.done() or self.force_exit):
            await asyncio.wait([draining], timeout=0.1)
        draining.cancel()
        # The console's requests, which nobody refuses, have what is left of the time.
        left = math.ceil(by - time.monotonic())
        self.config.timeout_graceful_shutdown = max(LAST_BYTES, left)
        await super().shutdown(sockets)


class Command(BaseCommand):
    """Serves until it is told to end, then finishes what it has begun."""

    help = "Serve the API and the console in this process (what `up` starts)."
    requires_system_checks: list[str] = []

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        """Run uvicorn on the inherited socket, else on DOMICILE_HOST and DOMICILE_PORT."""
        environment = settings.DOMICILE
        if not environment.data.joinpath("keys", "django-secret").exists():
            raise CommandError(
                f"{environment.data} is not set up; run manage.py up, or manage.py setup."
            )
        front = Front(environment)
        config = uvicorn.Config(
            front,
            host=environment.host,
            port=environment.port,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="on",
            # Else anyone could claim an address of his own for each guess of a password.
            proxy_headers=bool(os.environ.get(TRUSTED)),
        )
        inherited = os.environ.get(LISTENING)
        sockets = [socket.socket(fileno=int(inherited))] if inherited else None
        server = Server(config, front, environment.drain)
        server.run(sockets=sockets)
        if not server.started:
            raise SystemExit(3)

"""`manage.py web`: one web process, the data plane and the console."""

from __future__ import annotations

import os
import socket
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from appliance.services.programs import DRAIN, LISTENING


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
        config = uvicorn.Config(
            "appliance.asgi:application",
            host=environment.host,
            port=environment.port,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="on",
            proxy_headers=True,
            timeout_graceful_shutdown=DRAIN,
        )
        inherited = os.environ.get(LISTENING)
        sockets = [socket.socket(fileno=int(inherited))] if inherited else None
        server = uvicorn.Server(config)
        server.run(sockets=sockets)
        if not server.started:
            raise SystemExit(3)

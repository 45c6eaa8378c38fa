"""What the parts that measure the record share: a process for each, and the gate's events."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inference.api.request_ids import RequestIds

KEY = bytes(range(32))
ORIGIN = "bench/log/1"


def apart(module: str, data: Path, url: str | None = None, *arguments: str) -> Any:
    """What `python -m module` prints as JSON, on a fresh database: at `url`, or SQLite."""
    data.mkdir(exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DOMICILE_")}
    environment |= {"DOMICILE_DATA": str(data), "DJANGO_SETTINGS_MODULE": "appliance.settings"}
    if url:
        environment["DOMICILE_DATABASE_URL"] = url
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def prepared() -> Path:
    """Make the database that the environment names; the data folder. For such a process."""
    import django  # noqa: PLC0415 - not in the process that only prints

    django.setup()
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    folder: Path = settings.DOMICILE.data
    return folder


def timed(act: Callable[[], object]) -> float:
    """The seconds that it takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


request_id = RequestIds().new
"""As the API gives it: new ones are neighbours in an index."""


def detail() -> dict[str, Any]:
    """As long as the gate's."""
    return {
        "application": {"id": "00000000-0000-0000-0000-000000000007", "name": "demo"},
        "api_key": "0" * 12,
        "categories": {"personal": 3},
        "country": "DE",
        "decision": "pseudonymise",
        "endpoint": "chat.completions",
        "findings": {"EMAIL_ADDRESS": 1, "PERSON": 2},
        "languages": ["en"],
        "legal_basis": "6-1-f",
        "licence": "Apache-2.0",
        "model": "smollm2-135m-instruct",
        "model_digest": "0" * 64,
        "names_unchecked": False,
        "policy": {"name": "default", "version": 1, "digest": "0" * 64},
        "purpose": "Answering questions of customers",
        "reasons": ["Personal data is replaced by pseudonyms."],
        "received": 1_700_000_000_000_000,
        "ropa_reference": "R-17",
        "rules": ["personal"],
        "rules_not_enforced": ["special"],
        "site": "home",
        "stream": True,
        "subjects": [],
    }

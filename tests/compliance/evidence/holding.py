"""`celery -A tests.compliance.evidence.holding worker`: the process `records`, to be held.

While the file `held` lies in the data folder, an export waits where it has begun to read the
log: a test strikes in the midst of it, however slow or fast the machine is.
"""

from __future__ import annotations

import time
from typing import Any

from celery.signals import worker_process_init
from django.conf import settings

from appliance.records import app

__all__ = ["HELD", "app"]

HELD = "held"


@worker_process_init.connect
def _hold(**_given: Any) -> None:
    from compliance.evidence import running  # noqa: PLC0415 - once Django is set up

    class Held(running.Pulse):
        def __call__(self, done: int, total: int) -> None:
            super().__call__(done, total)
            while (settings.DOMICILE.data / HELD).exists():
                time.sleep(0.01)
                super().__call__(done, total)

    running.Pulse = Held  # type: ignore[misc]

"""Events for tests, with sensible defaults."""

import secrets
import time
import uuid

from compliance.vocabulary import Event

APPLICATION = str(uuid.UUID(int=7))
LABEL_KEY = b"k" * 32


def register():
    """Let the database know the application of these events."""
    from compliance.models import Application  # noqa: PLC0415 - once Django is set up

    found = {"name": "demo", "label_key": LABEL_KEY}
    Application.objects.get_or_create(id=APPLICATION, defaults=found)


def request_id():
    return secrets.token_hex(16)


def now():
    return time.time_ns() // 1000


def admitted(request=None, **detail):
    return event("request.admitted", request or request_id(), **detail)


def completed(request, **detail):
    return event("request.completed", request, **detail)


def event(kind, request=None, **detail):
    return Event(
        type=kind,
        time=now(),
        detail=detail or {"model": "m", "findings": {"EMAIL": 1}, "stream": True},
        request=request,
        application=APPLICATION if request else None,
        label_key=LABEL_KEY if request else None,
    )

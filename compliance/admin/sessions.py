"""Logins on the record, and sessions that end when nobody uses them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth import get_user_model, logout
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from compliance.admin.recording import record

IDLE = 30 * 60  # seconds
STEP = 60  # seconds between two writes of when a session was last used
SEEN = "seen"
FAILURES = 30  # failed logins a process records a minute; the others are counted


class IdleSessions:
    """Middleware: ends a session that was not used for `IDLE` seconds.

    When it was last used is stored at most once a minute: each time is a write.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, as nobody if the session was left alone too long."""
        if request.user.is_authenticated:
            now = int(time.time())
            seen = request.session.get(SEEN, now)
            if now - seen > IDLE:
                logout(request)
            elif SEEN not in request.session or now - seen >= STEP:
                request.session[SEEN] = now
        return self.get_response(request)


@receiver(user_logged_in)
def _logged_in(user: Any, **_signal: Any) -> None:
    with transaction.atomic():
        record(user.get_username(), "login")


@receiver(user_logged_out)
def _logged_out(user: Any, **_signal: Any) -> None:
    if user is not None:
        with transaction.atomic():
            record(user.get_username(), "logout")


@receiver(user_login_failed)
def _failed(credentials: dict[str, Any], **_signal: Any) -> None:
    missed = _noise.admit()
    if missed is None:
        return
    with transaction.atomic():
        record(_known(credentials.get("username")), "login.failed", {"not_recorded": missed})


@receiver(user_locked_out)
def _locked_out(username: str | None = None, **_signal: Any) -> None:
    if _noise.admit() is None:
        return
    with transaction.atomic():
        record(_known(username), "login.locked")


def _known(name: object) -> str:
    """The user of this name. What nobody is called is not kept: it may be a password."""
    if isinstance(name, str) and get_user_model().objects.filter(username=name).exists():
        return name
    return "(unknown user)"


class _Noise:
    """Keeps a flood of failed logins from filling the record."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._count = 0
        self._missed = 0

    def admit(self) -> int | None:
        """How many were left out since the last one recorded; None to leave this one out."""
        minute = int(time.time() // 60)
        with self._lock:
            if minute != self._minute:
                self._minute, self._count = minute, 0
            self._count += 1
            if self._count > FAILURES:
                self._missed += 1
                return None
            missed, self._missed = self._missed, 0
            return missed


_noise = _Noise()

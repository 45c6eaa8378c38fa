"""The Celery task: it hands tickets to this process's worker, which answers them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

import structlog
from celery import shared_task

from inference.worker import Configuration, Worker

_log = structlog.get_logger(__name__)
_worker: Worker | None = None


def begin(configuration: Configuration, on_failure: Callable[[BaseException], None]) -> None:
    """Start this process's worker; returns when its engine answers.

    `on_failure` is given the error if it ends by one later. Raises what `Worker.start` raises.
    """
    global _worker  # noqa: PLW0603 - Celery has no other place for it
    worker = Worker(configuration, on_failure)
    worker.start()
    _worker = worker


def drain() -> None:
    """Wait for nothing any more: tickets without a place are left to other nodes."""
    if _worker is not None:
        _worker.drain()


def end() -> None:
    """Finish what runs, within 30 s, and stop the engine."""
    if _worker is not None:
        _worker.stop()


def _answer(envelopes: list[str]) -> None:
    """Accept sealed tickets (base64); returns when each has a place, not its answer."""
    if _worker is None:
        _log.error("tickets_without_worker", count=len(envelopes))
        return
    try:
        sealed = [base64.b64decode(envelope, validate=True) for envelope in envelopes]
    except (binascii.Error, TypeError, ValueError):
        _log.warning("ticket_refused", reason="malformed")
        return
    _worker.accept(sealed)


answer = shared_task(name="inference.tasks.answer", ignore_result=True, acks_late=False)(
    _answer
)

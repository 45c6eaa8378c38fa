"""Joins Celery's worker to ours: when it begins, drains and ends. Imported by workers only."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import structlog
from celery import signals
from celery.worker import state

from appliance import logging
from appliance.celery import environment, take
from appliance.env import Environment
from appliance.services.folder import private
from appliance.services.worker import NOT_BEGUN, REFUSED
from inference import canary, tasks
from inference.admission import public_keys
from inference.drift import Voice
from inference.registry import ModelUnknown, ModelUnusable, find
from inference.worker import Configuration

_log = structlog.get_logger(__name__)


def configuration(given: Environment) -> Configuration:
    """What the environment says a worker is.

    Raises `ModelUnknown`, `ModelUnusable` and `KeyUnusable`.
    """
    keys = given.data / "keys"
    voice = Voice(given.site, given.node, given.model, keys, given.broker_url)
    with voice.telling():
        entry = find(given.model, given.data / "models", public_keys(keys / "gateway.pub"))
    return Configuration(
        site=given.site,
        node=given.node,
        entry=voice.over(entry),
        keys=keys,
        state=given.data / "state",
        run=given.run,
        broker_url=given.broker_url,
        slots=given.engine_slots,
        threads=given.engine_threads,
        vllm_python=given.vllm_python,
        canary_interval=given.canary_interval,
        canary_hosts=canary.hosts(",".join(given.canary_hosts)),
    )


def _configure_log(**_: Any) -> None:
    logging.configure({"level": environment.log_level, "source": environment.source})


def _begin(**_: Any) -> None:
    """Tickets are taken only once the engine answers.

    Celery logs an error of a signal's receiver and goes on, and takes tickets that nobody
    answers; SystemExit it does not catch.
    """
    try:
        _configure_log()  # Celery's own turn comes later
        private(environment.run)  # each prompt passes the engine's socket
        configured = configuration(environment)
        tasks.begin(configured, on_failure=_end_process)
        take(adapter.name for adapter in configured.entry.adapters)
    except ModelUnknown as error:
        sys.stderr.write(f"DOMICILE_MODEL is {environment.model!r}. {error}\n")
        sys.exit(NOT_BEGUN)
    except ModelUnusable as error:
        _log.exception("worker_not_started", kind=type(error).__name__)
        sys.stderr.write(f"The worker cannot start. {error}\n")
        sys.exit(REFUSED)
    except Exception as error:  # noqa: BLE001 - whatever it is: it must not take tickets
        _log.exception("worker_not_started", kind=type(error).__name__)
        sys.stderr.write(f"The worker cannot start. {type(error).__name__}: {error}\n")
        sys.exit(NOT_BEGUN)


def _drain(**_: Any) -> None:
    tasks.drain()


def _end(**_: Any) -> None:
    tasks.end()


def _end_process(error: BaseException) -> None:
    """The answering loop failed; whoever keeps this process starts it again.

    Not so where the model's files are others by now: then it ends as if it had found that when
    it began. What waits in the queue is left there meanwhile (`Worker.accept`), and Celery puts
    back what it has taken and not begun.
    """
    if isinstance(error, ModelUnusable):
        sys.stderr.write(f"The worker ends. {error}\n")
        state.should_stop = REFUSED
    else:
        os.kill(os.getpid(), signal.SIGKILL)


signals.setup_logging.connect(_configure_log)
signals.worker_init.connect(_begin)
signals.worker_shutting_down.connect(_drain)
signals.worker_shutdown.connect(_end)

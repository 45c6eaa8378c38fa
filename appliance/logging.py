"""Log lines: JSON, one a line, and never a prompt, an answer or a person's data.

What may be written is listed, not what may not: an unknown key is dropped and named, a long
text is cut, an argument of somebody else's message is written only if it looks like a name
or a number, and an exception shows its type and where it was raised; its message only if it
is one of ours, because those never quote what a client sent.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any

import orjson
import structlog

TEXT_MAX = 200
FRAMES_MAX = 12
LIST_MAX = 20
OURS = ("appliance.", "compliance.", "inference.")
SAFE = re.compile(r"[A-Za-z0-9_.:/\[\]()<>=,+-]{1,80}\Z")

KEYS = frozenset({
    "time", "level", "logger", "event", "source", "exception", "dropped", "process",
    "request", "attempt", "application", "ticket", "stream", "queue", "engine",
    "model", "site", "node", "nodes", "deployment", "version", "digest", "key",
    "method", "path", "status", "reason", "code", "error", "kind", "state", "name", "missing",
    "problem", "verification",
    "count", "size", "depth", "lag", "tokens", "limit", "seconds", "duration_ms", "restarts",
    "epoch", "seq", "generation", "lease", "port", "pid", "signal", "file", "folder",
})  # fmt: skip
"""The keys a line may have. A new one is added here after thinking about what it can hold."""

QUIET = (
    *("asyncio", "axes", "httpcore", "httpx", "kombu", "presidio-analyzer"),
    *("celery.app.trace", "celery.worker.strategy"),
)

Line = MutableMapping[str, Any]


def configure(settings: Mapping[str, Any]) -> None:
    """Django's LOGGING_CONFIG: `settings` has `level` and `source`.

    Everything goes through one handler to standard error: structlog's loggers, ours and those
    of uvicorn, Celery and Django alike.
    """
    source = settings["source"]

    def stamped(_logger: Any, _method: str, line: Line) -> Line:
        line["source"] = source
        return line

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", key="time"),
        stamped,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_foreign, *shared],
            use_get_message=False,
            pass_foreign_args=True,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _exception,
                permitted,
                structlog.processors.JSONRenderer(serializer=_json),
            ],
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings["level"])
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").setLevel(logging.CRITICAL)  # it writes query strings


def permitted(_logger: Any, _method: str, line: Line) -> Line:
    """Only the listed keys, and only values that are short and plain."""
    kept: dict[str, Any] = {}
    dropped = []
    for key, value in line.items():
        if key not in KEYS:
            dropped.append(str(key)[:40])
        elif isinstance(value, str):
            kept[key] = value if len(value) <= TEXT_MAX else value[:TEXT_MAX] + "…"
        elif value is None or isinstance(value, bool | int | float) or key == "exception":
            kept[key] = value
        elif isinstance(value, list | tuple) and len(value) <= LIST_MAX:
            kept[key] = [_plain(item) for item in value]
        else:
            kept[key] = f"({type(value).__name__})"
    if dropped:
        kept["dropped"] = dropped
    return kept


def described(error: BaseException) -> dict[str, Any]:
    """An exception's type and frames, with its message only where it is one of ours."""
    kind = type(error)
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
    shown: dict[str, Any] = {
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if kind.__module__.startswith(OURS):
        shown["message"] = str(error)[:TEXT_MAX]
    elif isinstance(error, OSError) and error.strerror:
        shown["message"] = str(error.strerror)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        shown["cause"] = f"{type(cause).__module__}.{type(cause).__qualname__}"
    return shown


def _exception(_logger: Any, _method: str, line: Line) -> Line:
    given = line.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    if isinstance(given, tuple):
        given = given[1]
    if isinstance(given, BaseException):
        line["exception"] = described(given)
    line.pop("stack_info", None)
    return line


def _foreign(_logger: Any, _method: str, line: Line) -> Line:
    """Somebody else's message: its template, and arguments that can hardly be content."""
    record: logging.LogRecord = line["_record"]
    arguments = line.pop("positional_args", ())
    template = str(record.msg)
    if not arguments:
        return line
    if record.name.startswith(OURS):
        line["event"] = template % arguments
    else:
        line["event"] = _filled(template, arguments)
    return line


def _filled(template: str, arguments: Any) -> str:
    safe: Any
    if isinstance(arguments, Mapping):
        safe = {key: _plain(value) for key, value in arguments.items()}
    else:
        safe = tuple(_plain(value) for value in arguments)
    try:
        return str(template % safe)
    except (TypeError, ValueError, KeyError):
        return template


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if SAFE.match(text) else "…"


def _json(line: Any, **_options: Any) -> str:
    return orjson.dumps(line, default=str).decode()

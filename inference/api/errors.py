"""Errors in OpenAI's shape, so that its clients understand them.

APIError            anything the caller is told; the constructors below name the cases
└── (no subclasses: clients look at `status` and `code`)
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import orjson

POLICY_BLOCKED = "policy_blocked"
OUTPUT_BLOCKED = "output_blocked"
UNAVAILABLE = frozenset(
    {
        *("engine_unavailable", "no_route", "stopping"),
        *("record_unavailable", "clearance_unavailable", "detection_unavailable"),
    }
)
"""Why an answer may fail though nothing is wrong with the request."""

RETRY_SOON = 1  # seconds; the caller may try again when something restarts


class APIError(Exception):
    """What the caller is told instead of an answer.

    `kind` is OpenAI's `type`. `param` names the member of the body that is wrong. Nothing
    of a prompt or an answer may be in `message`. `model` is what the caller asked for where
    that is what is wrong; it may be any text.
    """

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        model: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.kind = kind
        self.param = param
        self.headers = dict(headers or {})
        self.model = model

    def body(self) -> bytes:
        """The JSON that goes to the caller."""
        return orjson.dumps(
            {
                "error": {
                    "message": self.message,
                    "type": self.kind,
                    "param": self.param,
                    "code": self.code,
                }
            }
        )


def invalid(message: str, param: str | None = None, code: str | None = None) -> APIError:
    """400: the request is wrong and will stay so."""
    return APIError(400, code or "invalid_request_error", message, param=param)


def unauthorised(message: str) -> APIError:
    """401: the key is not one that may call."""
    return APIError(401, "invalid_api_key", message, headers={"WWW-Authenticate": "Bearer"})


def too_slow(seconds: float) -> APIError:
    """408; the rest of the body is not read, so the connection ends."""
    return APIError(
        408,
        "request_timeout",
        f"The request's body did not arrive within {seconds:g} s; send it in one go.",
        headers={"Connection": "close"},
    )


def too_large(limit: int) -> APIError:
    """413; the rest of the body is not read, so the connection ends."""
    return APIError(
        413,
        "request_too_large",
        f"The request is larger than {limit} bytes; send less text.",
        headers={"Connection": "close"},
    )


def model_not_found(name: str) -> APIError:
    """404 for a model; `name` is what the caller asked for, cut to a readable length."""
    return APIError(
        404,
        "model_not_found",
        f"The model {name[:128]!r} does not exist here; GET /v1/models lists those that do.",
        param="model",
        model=name,
    )


def unavailable(code: str, message: str, *, retry_after: int = RETRY_SOON) -> APIError:
    """503: something of ours is not there; trying again later may help."""
    headers = {"Retry-After": str(retry_after)}
    return APIError(503, code, message, kind="service_unavailable", headers=headers)


def limited(
    message: str,
    *,
    kind: str,
    retry_after: float,
    code: str = "rate_limit_exceeded",
    headers: Mapping[str, str] | None = None,
) -> APIError:
    """429. `retry_after` in seconds is rounded up: the header knows whole seconds only."""
    wait = {"Retry-After": str(max(1, math.ceil(retry_after)))}
    return APIError(429, code, message, kind=kind, headers={**(headers or {}), **wait})


def engine_failed(code: str, message: str) -> APIError:
    """403, 500 or 503 for an answer that could not be finished.

    403 is for a request that a newer version of the policy forbids before a node began it, and
    for an answer that the policy stops.
    """
    if code in UNAVAILABLE:
        return unavailable(code, message)
    if code in (POLICY_BLOCKED, OUTPUT_BLOCKED):
        return APIError(403, code, message, kind="policy_violation")
    return APIError(500, code, message, kind="server_error")

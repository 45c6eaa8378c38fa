"""Requests that a person must approve first, as their callers see them.

A held request gets 403 and an id. GET /v1/holds/{id} tells how it stands; once it is approved
the caller repeats the same request with the header `Domicile-Hold: <id>`.
"""

from __future__ import annotations

import time

import orjson

from compliance.gate import Held
from compliance.holds.desk import ID, Desk, NotApproved, Standing
from compliance.vocabulary import Approval, RecordUnavailable, Request
from inference.api.errors import APIError, invalid, unavailable
from inference.api.http import Exchange

HEADER = "Domicile-Hold"
HELD = "held_for_approval"

_WORDS = {
    "waiting": (HELD, "This request still waits for a person's approval; ask again later."),
    "denied": ("hold_denied", "A person has denied this request."),
    "used": ("hold_used", "This approval was used by another request; it serves one."),
    "expired": ("hold_expired", "This approval has expired; send the request without it."),
    "other_request": (
        "hold_mismatch",
        "This approval is for another request; repeat the one that was held, unchanged.",
    ),
}


def held(error: Held) -> APIError:
    """403 for a request that waits from now on; its reasons are the rules' own words."""
    until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(error.expires // 1_000_000))
    return APIError(
        403,
        HELD,
        f"A person must approve this request first: {error} When it is approved, repeat the "
        f"same request with the header {HEADER}: {error.hold}, until {until}; "
        f"GET /v1/holds/{error.hold} tells how it stands.",
        kind="policy_violation",
        headers={HEADER: error.hold},
    )


def spent(why: str, hold: str) -> APIError:
    """403 for an approval that was used, or ended, while this request was being checked."""
    return _refused(why, hold)


async def approval(desk: Desk, exchange: Exchange, request: Request) -> Approval | None:
    """What a person said of this request; None where its caller names no hold.

    Raises `APIError` (400, 403, 404, 503).
    """
    given = exchange.values(HEADER.lower().encode())
    if not given:
        return None
    hold = given[0].decode("latin-1").strip()
    if len(given) > 1 or not ID.match(hold):
        raise invalid(f"The header {HEADER} must hold one id of 32 hex digits.", HEADER)
    try:
        found = await desk.approval(hold, request)
    except NotApproved as error:
        raise _refused(error.why, hold) from error
    except RecordUnavailable as error:
        raise unavailable("record_unavailable", str(error)) from error
    if found is None:
        raise _not_found()
    return found


async def shown(desk: Desk, hold: str, application: str) -> bytes:
    """How a hold of the application stands, as JSON; raises `APIError` (404, 503)."""
    try:
        standing = await desk.standing(hold, application) if ID.match(hold) else None
    except RecordUnavailable as error:
        raise unavailable("record_unavailable", str(error)) from error
    if standing is None:
        raise _not_found()
    return _written(standing)


def _written(standing: Standing) -> bytes:
    return orjson.dumps(
        {
            "id": standing.id,
            "object": "hold",
            "state": standing.state,
            "created": int(standing.asked.timestamp()),
            "expires": int(standing.expires.timestamp()),
        }
    )


def _refused(why: str, hold: str) -> APIError:
    code, words = _WORDS[why]
    headers = {HEADER: hold} if code == HELD else {}
    return APIError(403, code, words, kind="policy_violation", headers=headers)


def _not_found() -> APIError:
    return APIError(
        404, "hold_not_found", "There is no held request with this id for this API key."
    )

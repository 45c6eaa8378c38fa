"""The caller of a request, or a refusal that is counted."""

from __future__ import annotations

from compliance.vocabulary import Application
from inference.api.auth import Unauthorised, authenticated
from inference.api.errors import unavailable
from inference.api.http import Exchange
from inference.api.plane import Plane
from inference.snapshot import KeyRecord, Snapshot, SnapshotStale


def caller(plane: Plane, exchange: Exchange) -> tuple[Snapshot, KeyRecord, Application]:
    """Who calls, by the configuration of now; raises `APIError` (401, 503).

    Who has no key that holds is counted among the rejections.
    """
    try:
        snapshot = plane.keeper.current()
        key, application = authenticated(exchange.headers.get(b"authorization", b""), snapshot)
    except SnapshotStale as error:
        raise unavailable("stale_configuration", str(error)) from error
    except Unauthorised as error:
        plane.rejections.count(error.prefix, error.reason)
        raise
    return snapshot, key, application

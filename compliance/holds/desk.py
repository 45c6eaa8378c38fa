"""What the hot path asks about holds, answered by one thread beside its event loop.

Held requests are few, and a person takes minutes: so one thread with one connection to the
database is enough, and no request that is not held waits for it.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import django.db
from django.db import connection

from compliance.audit.keystore import VaultUnavailable
from compliance.holds import text
from compliance.holds.asked import approved, asked
from compliance.holds.binding import binding, derived
from compliance.models import OPEN, Hold
from compliance.vocabulary import (
    Approval,
    Content,
    RecordUnavailable,
    Request,
    TooManyHolds,
)
from compliance.vocabulary import Hold as Held

LIFETIME = 24 * 3_600_000_000  # microseconds from being held until no approval serves any more
WAITING_MAX = 100  # requests of one application that may wait for a person at a time
ID = re.compile(r"[0-9a-f]{32}\Z")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a hold stands, for its application."""

    id: str
    state: str
    asked: datetime
    expires: datetime


class NotApproved(Exception):
    """The hold cannot serve this request. `why` is its state, or `other_request`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Desk:
    """Implements `vocabulary.Holder`. `subject_key` is the subjects' index key.

    Every method raises `RecordUnavailable` where the database does not answer.
    """

    def __init__(self, subject_key: bytes) -> None:
        self._key = derived(subject_key)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="holds")

    async def keep(self, request: Request, held: bytes) -> tuple[Content, Held]:
        """See `vocabulary.Holder`."""
        return await self._asked(lambda: self._keep(request, held))

    async def forget(self, request: str) -> None:
        """See `vocabulary.Holder`."""
        await self._asked(lambda: text.destroy(request))

    async def standing(self, hold: str, application: str) -> Standing | None:
        """How a hold stands; None where the application has none with this id."""
        return await self._asked(lambda: _standing(hold, application))

    async def approval(self, hold: str, request: Request) -> Approval | None:
        """A person's word for this very request; None where its application has no such hold.

        Raises `NotApproved`.
        """
        rules = await self._asked(lambda: self._approved(hold, request))
        if rules is None:
            return None

        async def ended() -> str:
            return await self._asked(lambda: _ended(hold))

        def used() -> None:
            with suppress(RuntimeError):  # it has stopped; `ending` destroys the key
                self._thread.submit(_done, lambda: text.destroy(hold))

        return Approval(hold, rules, ended, used)

    async def stop(self) -> None:
        """End the thread and its connection."""
        await asyncio.get_running_loop().run_in_executor(self._thread, _close)
        self._thread.shutdown(wait=False)

    async def _asked(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _done, work)

    def _keep(self, request: Request, held: bytes) -> tuple[Content, Held]:
        waiting = _of(request.application.id).filter(
            state=Hold.State.WAITING, expires__gt=datetime.now(UTC)
        )
        if waiting.count() >= WAITING_MAX:
            raise TooManyHolds(
                f"{WAITING_MAX} requests of this application wait for a person already; "
                "have them decided on first."
            )
        expires = time.time_ns() // 1000 + LIFETIME
        bound = binding(self._key, request)
        return text.sealed(request.id, held, expires), Held(bound, (), expires)

    def _approved(self, hold: str, request: Request) -> Mapping[str, str] | None:
        row = _of(request.application.id).filter(pk=hold).first()
        if row is None:
            return None
        said = asked(hold)
        if said is not None and said.binding != binding(self._key, request):
            raise NotApproved("other_request")
        state = _state(row)
        if state != Hold.State.APPROVED or said is None:
            raise NotApproved(state)
        return said.rules


def _close() -> None:
    connection.close()  # the thread's own: looked up here, not by the caller


def _done(work: Callable[[], T]) -> T:
    try:
        return work()
    except django.db.Error as error:
        connection.close()
        raise RecordUnavailable("The database does not answer.") from error
    except (VaultUnavailable, OSError) as error:
        raise RecordUnavailable(str(error)) from error


def _of(application: str) -> django.db.models.QuerySet[Hold]:
    return Hold.objects.filter(application=UUID(application))


def _state(row: Hold) -> str:
    """As it stands: by the record, by the clock and by whether its text lives.

    That a person gave an approval, and until when it serves, is what the record says, not the
    row: whoever changes the row by other means than the console approves nothing.
    """
    if row.state not in OPEN:
        return row.state
    said, now = asked(row.pk), time.time_ns() // 1000
    over = said is None or said.expires <= now or row.expires <= datetime.now(UTC)
    forged = row.state == Hold.State.APPROVED and not approved(row.pk)
    return Hold.State.EXPIRED if over or forged or not text.lives(row.pk) else row.state


def _ended(hold: str) -> str:
    """Why an approval that stood does not serve any more: `expired`, or else `used`.

    One that still stands is being used by what is written together with what asks.
    """
    row = Hold.objects.filter(pk=hold).first()
    over = row is None or _state(row) == Hold.State.EXPIRED
    return str(Hold.State.EXPIRED if over else Hold.State.USED)


def _standing(hold: str, application: str) -> Standing | None:
    row = _of(application).filter(pk=hold).first()
    return Standing(row.pk, str(_state(row)), row.asked, row.expires) if row else None
